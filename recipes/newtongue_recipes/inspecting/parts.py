"""The parts of an adapter, in a folder or on the Hub, whose weights need not come to be described."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError, safe_open

from newtongue import AdapterFormatError, NewtongueError
from newtongue.saving.config import ModalityConfig
from newtongue.saving.folder import PARTS, check_folder, checksums
from newtongue.sharing import hub
from newtongue.sharing.refusals import refused

Shapes = dict[str, list[int]]


@dataclass(frozen=True)
class Parts:
    """An adapter's parts.

    Attributes:
        source: folder or Hub id.
        commit: on the Hub.
        folder: where those of its parts are that can be read here.
        config: what it says of itself.
        sizes: bytes by path, of what is there.
        verified: whether each part that the config lists has the sha256 listed.
        problem: what is wrong with the adapter, in the library's words.
        shapes: gives the shapes of the tensors in one of its safetensors files.
    """

    source: str
    commit: str | None
    folder: Path
    config: ModalityConfig
    sizes: dict[str, int]
    verified: dict[str, bool]
    problem: str | None
    shapes: Callable[[str], Shapes]

    def under(self, prefix: str) -> list[str]:
        """The listed and verified parts whose path begins so: those that may be read."""
        return [path for path, good in sorted(self.verified.items()) if good and path.startswith(prefix)]

    def read_json(self, path: str) -> dict[str, Any]:
        """A verified JSON part; empty where it is not verified.

        Raises:
            AdapterFormatError: it is what was saved, and yet no JSON.
        """
        if not self.verified.get(path):
            return {}
        try:
            values = json.loads((self.folder / path).read_text(encoding="utf-8"))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise AdapterFormatError(
                f"{self.folder / path} cannot be read as JSON ({error}). Get the adapter again."
            ) from error
        return values if isinstance(values, dict) else {}


def find_parts(name: str, *, revision: str | None = None, token: str | None = None) -> Parts:
    """Look at a folder or a Hub repository; of the latter only the small files and the mapper come across.

    Raises:
        AdapterFormatError: it says nothing readable of itself.
        NewtongueError: the Hub has no such repository, refuses it or cannot be reached.
    """
    if Path(name).is_dir():
        return _of_folder(name, Path(name))
    try:
        return _of_hub(name, revision, token)
    except HFValidationError as error:
        raise NewtongueError(f"{name} is neither a folder here nor a Hub id of the form 'you/name'.") from error
    except NewtongueError:
        raise
    except Exception as error:  # The client lets the errors of its HTTP library through.
        try:
            folder = hub.download(name, revision=revision, local_files_only=True)
        except NewtongueError:
            raise refused(error, name, revision=revision) from error
        return _of_folder(name, folder)


def _of_folder(name: str, folder: Path) -> Parts:
    config = ModalityConfig.read(folder)
    problem = None
    there = config.files
    try:
        check_folder(folder, config.files)
    except AdapterFormatError as error:
        problem, there = str(error), checksums(folder)
    return Parts(
        source=name,
        commit=folder.name if folder.parent.name == "snapshots" else None,
        folder=folder,
        config=config,
        sizes={path: (folder / path).stat().st_size for path in config.files if (folder / path).is_file()},
        verified={path: there.get(path) == sha256 for path, sha256 in config.files.items()},
        problem=problem,
        shapes=lambda path: _shapes_in(folder / path),
    )


def _of_hub(name: str, revision: str | None, token: str | None) -> Parts:
    api = HfApi(token=token)
    info = api.model_info(name, revision=revision, files_metadata=True)
    files = {one.rfilename: one for one in info.siblings or [] if any(fnmatch(one.rfilename, p) for p in PARTS)}
    left = [path for path in files if path.endswith(".safetensors") and path != "mapper.safetensors"]
    folder = hub.download(name, revision=info.sha, token=token, parts=[path for path in files if path not in left])
    left = [path for path in left if not (folder / path).is_file()]  # An earlier download may have brought them.
    config = ModalityConfig.read(folder)
    # The Hub keeps the sha256 of large files, which it has checked itself.
    there = checksums(folder) | {path: lfs.sha256 for path in left if (lfs := files[path].lfs)}
    verified = {path: there.get(path) == sha256 for path, sha256 in config.files.items()}
    problem = None
    try:
        check_folder(folder, {path: sha256 for path, sha256 in config.files.items() if path not in left})
    except AdapterFormatError as error:
        problem = str(error)
    wrong = [path for path, good in verified.items() if not good]
    if wrong and not problem:
        problem = f"{name} has another {wrong[0]} than its config lists (its sha256 differs). Get the adapter again."

    def shapes(path: str) -> Shapes:
        if path not in left:
            return _shapes_in(folder / path)
        header = api.parse_safetensors_file_metadata(name, path, revision=info.sha)
        return {key: list(tensor.shape) for key, tensor in header.tensors.items()}

    return Parts(
        source=name,
        commit=info.sha,
        folder=folder,
        config=config,
        sizes={path: files[path].size or 0 for path in config.files if path in files},
        verified=verified,
        problem=problem,
        shapes=shapes,
    )


def _shapes_in(path: Path) -> Shapes:
    try:
        with safe_open(path, "pt") as file:
            return {key: list(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise AdapterFormatError(f"{path} cannot be read: {error}. Get the adapter again.") from error
