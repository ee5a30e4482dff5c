"""Folders that are written into."""

from pathlib import Path
from tempfile import TemporaryFile

from newtongue import NewtongueError


def make_folder(folder: Path) -> None:
    """Make a folder if there is none, and see that files can be written into it.

    Raises:
        NewtongueError: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise NewtongueError(f"{folder} cannot be written to ({error}). Choose another --output.") from error
