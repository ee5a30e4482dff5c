"""Gather the rows of one kind from a recipe's sources: read, filtered, mixed, up to the budget, and cached."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from newtongue.errors import NewtongueError
from newtongue_recipes.stages.map import Pair

from .conversations import contents
from .counts import Counts
from .files import find_files, state
from .schema import Data, Kind, Source
from .shapes import own_texts
from .stream import Stream, mix
from .texts import digest
from .tokens import vocabulary_key


@dataclass(frozen=True)
class Gathered:
    """What one stage trains on.

    Attributes:
        rows: in the order of the mix; texts, `Pair`s, or messages, by `kind`.
        held_out: messages of the questions kept back for the exam; empty for other kinds.
        counts: what became of each source's rows, in the recipe's order.
        table: `source` (its index), `side` ("train" or "held out"), `row` (as JSON) and `tokens` (in the base's
            vocabulary, or None) of each row; lies in the cache of `datasets`.
    """

    kind: Kind
    language: str
    sources: list[Source]
    rows: list[Any]
    held_out: list[Any]
    counts: list[Counts]
    table: Any


def gather(data: Data, kind: Kind, language: str, *, tokenizer: Any = None, seed: int = 0) -> Gathered:
    """Read the sources of one kind into rows to train on.

    The same sources, settings, tokenizer and seed give the same rows, the second time from the cache of
    `datasets` (HF_DATASETS_CACHE). A file that has changed is read again; a Hub dataset is when its `revision` is
    another.

    Args:
        data: sources, budget and filters.
        kind: which of the sources.
        language: BCP 47 tag of the language to learn.
        tokenizer: the base's; needed for a budget of tokens.
        seed: of the mix.

    Raises:
        NewtongueError: a source cannot be read or has no usable row, or the budget cannot be kept.
    """
    sources: list[Source] = getattr(data, kind)
    if data.tokens is not None and tokenizer is None:
        raise NewtongueError(
            f"A budget of {data.tokens:,} tokens is counted in the base's own, and there is no tokenizer of a base. "
            "Name a base that can be loaded, or set data.tokens=null."
        )
    table = _table(data, kind, language, tokenizer, seed)
    counts = [Counts(**one) for one in json.loads(table[-1]["row"])]
    table = table.select(range(len(table) - 1))
    read = [json.loads(row) for row in table["row"][:]]
    if kind == "pairs":
        read = [Pair(*row) for row in read]
    kept = [side != "train" for side in table["side"][:]]
    return Gathered(
        kind,
        language,
        sources,
        [row for row, held in zip(read, kept, strict=True) if not held],
        [row for row, held in zip(read, kept, strict=True) if held],
        counts,
        table,
    )


def _table(data: Data, kind: Kind, language: str, tokenizer: Any, seed: int) -> Any:
    """The rows as a cached `datasets.Dataset`. Its last row holds the counts, so that they are cached with the rows."""
    from datasets import Dataset, Features, NamedSplit, Value
    from datasets.exceptions import DatasetGenerationError

    features = {"source": "int32", "side": "string", "row": "string", "tokens": "int32"}
    try:
        return Dataset.from_generator(
            lambda: _read(data, kind, language, tokenizer, seed),
            features=Features({name: Value(type_) for name, type_ in features.items()}),
            split=NamedSplit(kind),
            fingerprint=_key(data, kind, language, tokenizer, seed),
        )
    except (DatasetGenerationError, OSError) as error:
        cause = error.__cause__ if isinstance(error, DatasetGenerationError) else error
        if isinstance(cause, NewtongueError):
            raise cause from None
        names = ", ".join(source.name for source in getattr(data, kind))
        raise NewtongueError(
            f"The rows of {kind} from {names} cannot be read, or not kept in the cache of datasets: "
            f"{type(cause).__name__}: {cause}. Look at the source, make room, or name another folder with "
            "HF_DATASETS_CACHE."
        ) from error


def _read(data: Data, kind: Kind, language: str, tokenizer: Any, seed: int) -> Iterator[dict[str, Any]]:
    seen: set[bytes] = set()
    exam = _exam(data, language, tokenizer, seed) if _keeps_from(kind, data) else frozenset()
    streams = [Stream(source, kind, language, data, seen, exam, tokenizer) for source in getattr(data, kind)]
    for stream in streams:
        stream.begin()
    total = 0
    for stream, drawn in mix(streams, seed):
        if data.tokens is not None and not drawn.held_out:
            total += drawn.tokens or 0
            if total > data.tokens:
                _end(streams, kind, data.tokens, total)
                break
        stream.use(drawn)
        yield {
            "source": streams.index(stream),
            "side": "held out" if drawn.held_out else "train",
            "row": json.dumps(drawn.item.row, ensure_ascii=False),
            "tokens": drawn.tokens,
        }
    counts = json.dumps([asdict(stream.counts) for stream in streams])
    yield {"source": -1, "side": "counts", "row": counts, "tokens": None}


def _keeps_from(kind: Kind, data: Data) -> bool:
    """Whether there are questions of an exam that rows of this kind must not give away."""
    return kind != "questions" and bool(data.questions and data.held_out)


def _exam(data: Data, language: str, tokenizer: Any, seed: int) -> frozenset[bytes]:
    """Digests of what the held-out questions ask."""
    held_out = gather(data, "questions", language, tokenizer=tokenizer, seed=seed).held_out
    return frozenset(digest(text) for row in held_out for text in _asked(row))


def _asked(messages: list[dict[str, Any]]) -> list[str]:
    """What the first question of a conversation is, with what stands before it and without."""
    asked = next(one for one in messages if one["role"] == "user")
    texts = own_texts("questions", [asked]) or contents(asked)
    return ["\n".join(texts), texts[-1]]


def _end(streams: list[Stream], kind: Kind, budget: int, wanted: int) -> None:
    if not any(stream.counts.used for stream in streams):
        raise NewtongueError(
            f"A budget of {budget:,} tokens for {kind} has no room for the first row, which has {wanted:,}. Raise "
            "data.tokens."
        )
    for stream in streams:
        if stream.counts.ended == "end":
            stream.counts.ended = "budget"


def _key(data: Data, kind: Kind, language: str, tokenizer: Any, seed: int) -> str:
    """Equal when the rows would be: settings, vocabulary, files as they are now, and the code that reads them."""
    kinds: list[Kind] = [kind, "questions"] if _keeps_from(kind, data) else [kind]
    sources: list[Source] = [source for one in kinds for source in getattr(data, one)]
    about = [
        data.model_dump(include={"tokens", "shortest", "longest", "deduplicate", "held_out"}),
        [source.model_dump(exclude={"licence"}) for source in sources],
        [state(file.path) for source in sources if source.path for file in find_files(source)],
        [kind, language, seed],
        None if tokenizer is None else vocabulary_key(tokenizer),
    ]
    key = sha256(json.dumps(about).encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        key.update(file.read_bytes())
    return key.hexdigest()[:32]
