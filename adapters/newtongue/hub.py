"""Adapters on the Hugging Face Hub, through its own client."""

from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

from .errors import NewtongueError

PARTS = ["modality_config.json", "mapper.safetensors", "encoder/*", "lora/*", "README.md"]


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
    try:
        return Path(
            snapshot_download(
                str(name),
                revision=revision,
                token=token,
                cache_dir=cache_dir,
                local_files_only=local_files_only,
                allow_patterns=PARTS,
            )
        )
    except HFValidationError as error:
        raise NewtongueError(f"{name} is neither a folder here nor a Hub id of the form 'you/name'.") from error
    except LocalEntryNotFoundError as error:
        raise NewtongueError(
            f"The adapter {name!r} is not in the local cache and the Hub cannot be reached. Check the network, or give "
            "a folder that holds the adapter."
        ) from error
    except Exception as error:  # The client lets the errors of its HTTP library through.
        raise NewtongueError(
            f"The Hub did not give {name!r}: {error}. Check the name and revision; for a private repository "
            "give token=... or run `hf auth login`."
        ) from error


def push(folder: Path, repo_id: str, *, private: bool, token: str | None, message: str) -> str:
    """Upload an adapter's folder, making the repository if there is none.

    Returns:
        The address of the commit.

    Raises:
        NewtongueError: the Hub refuses or cannot be reached.
    """
    api = HfApi(token=token)
    try:
        repo = api.create_repo(repo_id, private=private, exist_ok=True)
        commit = api.upload_folder(repo_id=repo.repo_id, folder_path=folder, commit_message=message)
    except Exception as error:  # The client lets the errors of its HTTP library through.
        raise NewtongueError(
            f"The Hub did not take {repo_id!r}: {error}. Check the name, and that the token may write "
            "(`hf auth login`)."
        ) from error
    return str(commit.commit_url)
