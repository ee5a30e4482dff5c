"""Random streams of ids that mix a base and its languages, and the batches made of them."""

from dataclasses import dataclass
from random import Random

import torch
from hypothesis import strategies as st
from torch import Tensor
from transformers import PreTrainedModel

from newtongue.attaching.port import CHILD
from tiny import ROWS

FIRST = 8  # Ids below are special, in the base's vocabulary and in the languages'.
LAST = 261  # Every tiny vocabulary has at least as many ids.


@dataclass(frozen=True)
class Part:
    """Some neighbouring ids: of the base, or a run of a language, which may lack its first or last id."""

    language: str | None
    length: int
    seed: int
    opened: bool = True
    closed: bool = True
    written: bool = False

    def ids(self, model: PreTrainedModel) -> list[int]:
        random = Random(self.seed)
        if self.language is None:
            return [random.randrange(FIRST, ROWS) for _ in range(self.length)]
        owned = getattr(model, CHILD).ranges[self.language]
        own = [random.randrange(FIRST, LAST) for _ in range(self.length)]
        own = [owned.opens] * (self.opened and not self.written) + own + [owned.closes] * self.closed
        return [(owned.begin if self.written else owned.start) + one for one in own]


Row = tuple[Part, ...]

seeds = st.integers(0, 2**20)
english = st.builds(Part, st.none(), st.integers(1, 6), seeds)
LENGTHS = [0, 1, 2, 5, 9, 31, 32, 33, 50, 70]  # An encoder of the tests reads 32 at once.


def run(*languages: str) -> st.SearchStrategy[Part]:
    """A run of one of these languages."""
    return st.builds(Part, st.sampled_from(languages), st.sampled_from(LENGTHS), seeds, st.booleans(), st.booleans())


def written(*languages: str) -> st.SearchStrategy[Part]:
    """What the model wrote in one of these languages, perhaps not yet to its end."""
    short = st.integers(1, 9)
    return st.builds(Part, st.sampled_from(languages), short, seeds, st.just(True), st.booleans(), st.just(True))


def answered(*languages: str) -> st.SearchStrategy[Row]:
    """A row that ends with what was written in a language, or with ids of the base after that."""
    after = st.lists(st.one_of(english, written(*languages)), max_size=2)
    return st.tuples(rows(*languages, parts=2), written(*languages), after).map(lambda row: (*row[0], row[1], *row[2]))


def rows(*languages: str, parts: int = 4) -> st.SearchStrategy[Row]:
    """A row that begins with ids of the base, as after a BOS, and goes on with anything."""
    anything = st.one_of(english, run(*languages)) if languages else english
    return st.tuples(english, st.lists(anything, min_size=0 if not languages else 1, max_size=parts)).map(
        lambda both: (both[0], *both[1])
    )


def ids_of(row: Row, model: PreTrainedModel) -> list[int]:
    return [one for part in row for one in part.ids(model)]


def batch(rows: list[list[int]], side: str = "right", width: int | None = None) -> dict[str, Tensor]:
    """Pad rows into `input_ids`, `attention_mask` and the `position_ids` that count what is not padding."""
    width = width or max(map(len, rows))
    padded, seen = [], []
    for row in rows:
        gap = width - len(row)
        padded.append([0] * gap + row if side == "left" else row + [0] * gap)
        seen.append([0] * gap + [1] * len(row) if side == "left" else [1] * len(row) + [0] * gap)
    mask = torch.tensor(seen)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    return {"input_ids": torch.tensor(padded), "attention_mask": mask, "position_ids": positions}


def packed(rows: list[list[int]]) -> dict[str, Tensor]:
    """Rows one after another in one row, told apart by their positions alone."""
    positions = [place for row in rows for place in range(len(row))]
    ids = [one for row in rows for one in row]
    return {"input_ids": torch.tensor([ids]), "position_ids": torch.tensor([positions])}
