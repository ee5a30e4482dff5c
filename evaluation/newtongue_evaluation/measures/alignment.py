"""How near sentences come to their translations among a model's states."""

from dataclasses import dataclass

import torch
from torch import Tensor

NEIGHBOURS = 10


def centred(states: Tensor) -> Tensor:
    """States `[…, sentences, width]` less their mean, of unit length: what two vocabularies have apart is left out."""
    states = states.float()
    return torch.nn.functional.normalize(states - states.mean(-2, keepdim=True), dim=-1)


def nearest(queries: Tensor, candidates: Tensor, *, csls: bool = False) -> Tensor:
    """The nearest candidate of each query, `[queries]`, by cosine or by CSLS (Conneau et al. 2018).

    CSLS takes from a cosine what query and candidate have with their ten nearest on average, so that a candidate which
    is near to everything is not everyone's answer.

    Args:
        queries, candidates: `[rows, width]`.
    """
    near = _cosine(queries, candidates)
    if csls:
        count = min(NEIGHBOURS, *near.shape)
        near = 2 * near - near.topk(count, 1).values.mean(1)[:, None] - near.topk(count, 0).values.mean(0)
    return near.argmax(1)


def retrieval_at_1(queries: Tensor, candidates: Tensor, *, csls: bool = False) -> float:
    """Share of queries whose own candidate (the same row) is the nearest.

    Args:
        queries, candidates: `[rows, width]`.
    """
    return float((nearest(queries, candidates, csls=csls).cpu() == torch.arange(len(queries))).float().mean())


@dataclass(frozen=True)
class Layers:
    """Similarity to the English translation by layer, from what the base reads (0) to its last state.

    Attributes:
        own: mean cosine with the own translation.
        other: with another sentence's: how near everything is to everything there.
        retrieved: share whose own translation is the nearest of all, centred.
    """

    own: list[float]
    other: list[float]
    retrieved: list[float]


def by_layer(states: Tensor, english: Tensor) -> Layers:
    """Compare states with those of the translations, layer by layer, as Language Ranker does (Li et al. 2024).

    Args:
        states, english: `[layers + 1, sentences, width]`, from `sentence_states`; means over
            their positions, where the paper takes the last token's.
    """
    own = torch.nn.functional.cosine_similarity(states, english, dim=-1).mean(1)
    other = torch.nn.functional.cosine_similarity(states, english.roll(1, dims=1), dim=-1).mean(1)
    pairs = zip(centred(states), centred(english), strict=True)
    return Layers(own.tolist(), other.tolist(), [retrieval_at_1(one, another) for one, another in pairs])


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    normalize = torch.nn.functional.normalize
    return normalize(one.float(), dim=-1) @ normalize(other.float(), dim=-1).T
