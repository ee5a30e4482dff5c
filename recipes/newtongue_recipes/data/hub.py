"""Rows of datasets of the Hub, and what to do where it cannot be reached."""

from collections.abc import Iterator
from typing import Any

from newtongue.errors import NewtongueError

from .schema import Source

OFFLINE = (
    "Without the Hub: put the files into a folder, where there is a network (hf download --repo-type dataset {hub} "
    "--local-dir FOLDER), and name it with 'path'; or read the dataset once with streaming: false, then set "
    "HF_HUB_OFFLINE=1 and keep streaming: false."
)
TOKEN = (
    "Accept its terms on the Hub if it has any, and log in with a token that may read it: hf auth login, or HF_TOKEN. "
)


def hub_rows(source: Source) -> Iterator[dict[str, Any]]:
    """The rows of a Hub dataset, streamed unless the source says otherwise.

    Raises:
        NewtongueError: the Hub cannot be reached or refuses, or there is no such dataset, configuration or split.
    """
    from datasets import load_dataset

    streaming = source.streaming is not False
    try:
        yield from load_dataset(
            source.hub, source.config, split=source.split or "train", revision=source.revision, streaming=streaming
        )
    except Exception as error:  # Whatever the network, the Hub and four file formats may raise.
        raise _explained(source, error) from error


def _explained(source: Source, error: Exception) -> NewtongueError:
    chain = [error]
    while cause := (chain[-1].__cause__ or chain[-1].__context__):
        chain.append(cause)  # type: ignore[arg-type]
    kinds = {kind.__name__ for one in chain for kind in type(one).__mro__}
    statuses = {getattr(getattr(one, "response", None), "status_code", None) for one in chain}
    offline = OFFLINE.format(hub=source.hub)
    if "OfflineModeIsEnabled" in kinds or "OfflineModeIsEnabled" in str(error):  # datasets keeps but the name.
        said = f"this process is offline (HF_HUB_OFFLINE) and {source.name} is not in its cache. {offline}"
    elif {401, 403} & statuses or kinds & {"GatedRepoError"}:
        said = f"the Hub refuses it, with or without your token: {_short(error)} {TOKEN}{offline}"
    elif 404 in statuses or "DatasetNotFoundError" in kinds:
        said = (
            f"there is no such dataset, or your token may not see it: {_short(error)} Look at 'hub'. {TOKEN}{offline}"
        )
    elif kinds & {"ConnectionError", "TransportError", "TimeoutException"} or {500, 502, 503, 504} & statuses:
        said = f"the Hub cannot be reached: {_short(error)} {offline}"
    else:
        said = f"{_short(error)} Look at 'config', 'split' and 'revision'. {offline}"
    return NewtongueError(f"The dataset {source.name} (split {source.split or 'train'}) cannot be read: {said}")


def _short(error: Exception) -> str:
    line = " ".join(str(error).split()) or type(error).__name__
    return line if len(line) <= 300 else f"{line[:300]}…"
