"""Adapters on the Hugging Face Hub, through its own client."""

from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import HfApi, is_offline_mode, snapshot_download
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from newtongue.card import CARD, HERE
from newtongue.errors import NewtongueError
from newtongue.saving.config import CONFIG_NAME, ModalityConfig
from newtongue.saving.folder import PARTS

from .refusals import refused


def locate(
    name: str | Path,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> Path:
    """Give the local folder of an adapter: the folder named, or a snapshot of the Hub repository named.

    Raises:
        NewtongueError: no such folder, and the Hub has no such repository, refuses it or cannot be reached.
    """
    if Path(name).is_dir():
        return Path(name)
    return download(str(name), revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only)


def download(
    name: str,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    parts: list[str] = PARTS,
) -> Path:
    """Give the snapshot of a Hub repository in the local cache; what is there already is not downloaded again.

    Raises:
        NewtongueError: the Hub has no such repository, refuses it or cannot be reached.
    """
    try:
        return Path(
            snapshot_download(
                name,
                revision=revision,
                token=token,
                cache_dir=cache_dir,
                local_files_only=local_files_only,
                allow_patterns=parts,
            )
        )
    except HFValidationError as error:
        raise NewtongueError(f"{name} is neither a folder here nor a Hub id of the form 'you/name'.") from error
    except Exception as error:  # The client lets the errors of its HTTP library through.
        raise refused(error, name, revision=revision) from error


def push(
    folder: Path, repo_id: str, *, private: bool, token: str | None, message: str, revision: str | None = None
) -> str:
    """Upload an adapter's folder, making the repository if there is none; parts of an earlier adapter go.

    The card learns the Hub id; all else goes as it is.

    Args:
        folder: the adapter's folder; anything in it that is no part of an adapter stays here.
        repo_id: where to.
        private: whether a new repository is private.
        token: None for the one logged in with.
        message: of the commit.
        revision: branch to push to, made if there is none; the main one by default.

    Returns:
        The address of the commit.

    Raises:
        NewtongueError: the config names a path of this machine, or the Hub refuses or cannot be reached.
    """
    check_id(repo_id)
    check_shareable(folder)
    if is_offline_mode():
        raise NewtongueError(
            f"Nothing was pushed to {repo_id!r}: HF_HUB_OFFLINE is set, so the Hub is not to be asked. Unset it and "
            "push again."
        )
    api = HfApi(token=token)
    with TemporaryDirectory() as scratch:
        _stage(folder, Path(scratch), repo_id)
        try:
            repo = api.create_repo(repo_id, private=private, exist_ok=True)
            if revision:
                api.create_branch(repo.repo_id, branch=revision, exist_ok=True)
            commit = api.upload_folder(
                repo_id=repo.repo_id,
                folder_path=scratch,
                commit_message=message,
                revision=revision,
                delete_patterns=PARTS,
            )
        except Exception as error:  # The client lets the errors of its HTTP library through.
            raise refused(error, repo_id, revision=revision, writing=True) from error
    return str(commit.commit_url)


def check_id(repo_id: str) -> None:
    """Check that a name can be that of a Hub repository.

    Raises:
        NewtongueError: it cannot.
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise NewtongueError(f"{repo_id!r} is not a Hub id of the form 'you/name'.") from error


def check_shareable(folder: Path) -> None:
    """Check that an adapter's folder tells nothing of this machine.

    Raises:
        NewtongueError: its config names its base by a path.
    """
    base = ModalityConfig.read(folder).base
    if "/" in base.id and not base.on_hub:
        raise NewtongueError(
            f"{folder / CONFIG_NAME} names its base by a path of this machine, {base.id}. Set its base.id to the Hub "
            "id of the base, or to the name of its folder alone."
        )


def _stage(folder: Path, scratch: Path, repo_id: str) -> None:
    """The parts of an adapter as links, and its card with the Hub id it gets."""
    for path in (path for pattern in PARTS for path in folder.glob(pattern) if path.is_file()):
        there = scratch / path.relative_to(folder)
        there.parent.mkdir(exist_ok=True)
        if path.name == CARD:
            there.write_bytes(path.read_bytes().replace(HERE.encode(), repo_id.encode()))
        else:
            there.symlink_to(path.resolve())
