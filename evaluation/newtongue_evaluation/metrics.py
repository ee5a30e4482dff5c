"""Scores on plain values."""

import math
import unicodedata
from collections.abc import Sequence

import torch
from torch import Tensor


def exact_match(answers: Sequence[str], gold: Sequence[str]) -> float:
    """Share of answers equal to the gold one after Unicode normalisation (NFKC) and trimming of spaces.

    Raises:
        ValueError: there are no answers, or not as many as gold ones.
    """
    if not answers or len(answers) != len(gold):
        raise ValueError(f"{len(answers)} answers for {len(gold)} gold answers: give one for each, and at least one.")
    return sum(_plain(one) == _plain(other) for one, other in zip(answers, gold, strict=True)) / len(gold)


def retrieval_at_1(queries: Tensor, candidates: Tensor) -> float:
    """Share of queries whose own candidate (the same row) is the nearest by cosine.

    Args:
        queries, candidates: `[rows, width]`.
    """
    near = (
        torch.nn.functional.normalize(queries.float(), dim=-1)
        @ torch.nn.functional.normalize(candidates.float(), dim=-1).T
    )
    return float((near.argmax(1) == torch.arange(len(queries), device=near.device)).float().mean())


def bits_per_byte(nats: float, text: str) -> float:
    """Bits a byte of UTF-8 that a model spends on a text: comparable across tokenizers.

    Args:
        nats: negative log-likelihood of the whole text.
    """
    return nats / math.log(2) / max(1, len(text.encode()))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())
