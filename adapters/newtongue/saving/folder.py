"""Adapter folders on disk: written whole or not at all, checked before anything in them is used."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from newtongue.errors import AdapterFormatError, NewtongueError

from .config import CONFIG_NAME
from .sizes import check_size

PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz", ".py"}
PARTS = [CONFIG_NAME, "mapper.safetensors", "voice.safetensors", "encoder/*", "lora/*", "README.md"]
_OWN = {PurePosixPath(part).parts[0] for part in PARTS}
_FILES = [
    *("encoder/model.safetensors", "lora/adapter_config.json", "lora/adapter_model.safetensors"),
    *(f"encoder/*.{kind}" for kind in ("json", "txt", "model", "codes", "jinja")),  # As tokenizers are saved.
]
_POINTERS = ["encoder/*.index.json", "encoder/adapter_config.json"]  # Name weights to load, wherever they are.


def write_folder(target: Path, fill: Callable[[Path], None], *, overwrite: bool = False) -> None:
    """Have `fill` write into a temporary folder beside `target`, then put it in place by renaming.

    Whatever goes wrong, `target` is afterwards what it was before or the new folder, whole. Killed between the two
    renamings of an overwrite, which no cleaning up survives, it leaves the old one beside it as `.NAME.….old`.

    What is in `target` beside the parts of an adapter, such as a `.git`, stays.

    Raises:
        NewtongueError: `target` exists and `overwrite` is False, this process works in it, or the disk refused.
    """
    target = target.resolve()  # A link stays one.
    if target.exists() and not overwrite:
        raise NewtongueError(f"{target} exists already. Pass overwrite=True to replace it, or choose another folder.")
    if target.exists() and not _is_adapter_or_empty(target):
        raise NewtongueError(
            f"{target} holds something other than an adapter; it is not replaced. Choose another folder."
        )
    if target.exists() and _here().is_relative_to(target):
        raise NewtongueError(
            f"{target} is where this process works, and would be replaced under it. Change to another directory "
            "first, or choose another folder."
        )
    fresh = old = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        fresh.chmod(0o755)
        fill(fresh)
        if target.exists():
            old = fresh.with_name(fresh.name + ".old")
            target.rename(old)
        fresh.rename(target)
        if old is not None:
            _move_others(old, target)
    except NewtongueError:
        raise
    except TypeError as error:
        raise NewtongueError(
            f"{target} could not be written ({error}). What was there before is untouched. Give what the adapter notes "
            "as text, plain numbers, lists and dictionaries."
        ) from error
    except Exception as error:  # Of many kinds: the libraries that write have errors of their own.
        raise NewtongueError(
            f"{target} could not be written ({error}). What was there before is untouched. Free some space or choose "
            "another folder."
        ) from error
    finally:
        if old is not None and not target.exists():
            old.rename(target)
        for leftover in (fresh, old):
            if leftover is not None:
                shutil.rmtree(leftover, ignore_errors=True)


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # Somebody removed it.
        return Path("/")


def _move_others(old: Path, new: Path) -> None:
    for path in old.iterdir():
        if path.name not in _OWN and not (new / path.name).exists():
            path.rename(new / path.name)


def _is_adapter_or_empty(target: Path) -> bool:
    return target.is_dir() and ((target / CONFIG_NAME).exists() or not any(target.iterdir()))


def checksums(folder: Path) -> dict[str, str]:
    """The sha256 of every file below `folder` but the config and the card, by its path inside."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: _sha256(path) for name, path in named.items() if name not in (CONFIG_NAME, "README.md")}


def check_folder(folder: Path, files: dict[str, str]) -> None:
    """Check that `folder` holds what its config says, unchanged, and nothing that could run.

    Args:
        folder: the adapter's folder.
        files: sha256 by path, from its config.

    Raises:
        AdapterFormatError: a part is missing, changed, unknown, leaves the folder, may not be read, or is a pickle or
            a script.
    """
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICKLES:
            raise AdapterFormatError(
                f"{path} may run code when it is read; an adapter holds safetensors and JSON only, so the folder is "
                "refused. Save the adapter again with newtongue, and do not open that file."
            )
        part = path.relative_to(folder).as_posix()
        if not part.startswith(("encoder/", "lora/")) or (path.is_dir() and not path.is_symlink()):
            continue
        if part not in files:
            raise AdapterFormatError(
                f"{path} is not listed in {CONFIG_NAME}, and would be read unchecked. Remove it, or get the adapter "
                "again."
            )
        if not _is_part(part.lower()):
            raise AdapterFormatError(
                f"{path} is no file of an encoder in one piece, its tokenizer or a LoRA, and is refused. Remove it and "
                "save the adapter again with newtongue."
            )
    inside = _trusted_root(folder)
    for name, expected in files.items():
        parts = PurePosixPath(name).parts
        if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name or "\0" in name:
            raise AdapterFormatError(
                f"{folder / CONFIG_NAME} names {name!r}, a path outside its folder, and is refused. "
                "Get the adapter from a source you trust."
            )
        path = folder / name
        if not path.resolve().is_relative_to(inside):
            raise AdapterFormatError(
                f"{path} is a link that leaves the adapter's folder, and is refused. Put the file itself there."
            )
        if not path.is_file():
            raise AdapterFormatError(f"{path} is missing, a part its config names. Get the adapter again.")
        try:
            check_size(path)  # Else a file that claims terabytes would be read to its end.
            found = _sha256(path)
        except OSError as error:
            raise AdapterFormatError(
                f"{path} cannot be read ({error.strerror}). Give yourself the right to, or get the adapter again."
            ) from error
        if found != expected:
            raise AdapterFormatError(
                f"{path} is not the file that was saved (its sha256 differs): cut short or changed. "
                "Get the adapter again."
            )


def _is_part(name: str) -> bool:
    """Whether a file below `encoder/` or `lora/` is one that the libraries write there, and names no other."""
    return any(fnmatch(name, one) for one in _FILES) and not any(fnmatch(name, one) for one in _POINTERS)


def _trusted_root(folder: Path) -> Path:
    """The folder itself; in the Hub's cache, where files are links to blobs, the repository's folder."""
    folder = folder.resolve()
    return folder.parent.parent if folder.parent.name == "snapshots" else folder


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
