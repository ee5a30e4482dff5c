"""The files of a folder that an adapter can be asked."""

from collections.abc import Iterable
from pathlib import Path

from newtongue import NewtongueError

SUFFIXES = (".jsonl", ".jsonl.gz", ".tsv")


def find_files(given: Iterable[str | Path], language: str) -> list[Path]:
    """Files that are named, and of folders (and their `eval`) those named for the language, as `tatoeba.tr-en.tsv`.

    Raises:
        NewtongueError: there is no such file, a folder has none for the language, or a file is of another kind.
    """
    found: list[Path] = []
    for path in map(Path, given):
        if path.is_dir():
            inside = [one for folder in (path, path / "eval") if folder.is_dir() for one in sorted(folder.iterdir())]
            named = [one for one in inside if _for(one, language)]
            if not named:
                raise NewtongueError(
                    f"{path} holds no file for {language!r}. Name files NAME.{language}.jsonl (questions), "
                    f"NAME.{language}-en.tsv or NAME.{language}.tsv (sentence pairs), or give a file itself."
                )
            found += named
        elif not path.is_file():
            raise NewtongueError(f"{path} is neither a file nor a folder. Give --data what is there.")
        elif not path.name.endswith(SUFFIXES):
            raise NewtongueError(f"{path} is neither of {', '.join(SUFFIXES)}. Questions are JSONL, pairs are TSV.")
        else:
            found.append(path)
    return found


def _for(path: Path, language: str) -> bool:
    parts = path.name.split(".")[1:]
    questions = parts in ([language, "jsonl"], [language, "jsonl", "gz"])
    return questions or (parts[-1:] == ["tsv"] and parts[0] in (language, f"{language}-en"))
