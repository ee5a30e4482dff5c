"""Where soft tokens stand among the base's embeddings: their size, their spread, a map of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Cloud:
    """Some vectors, described.

    Attributes:
        norms: smallest, lower quartile, median, upper quartile and largest length.
        anisotropy: mean cosine of two of them (Ethayarajh 2019); 0 where they point everywhere, None of one alone.
        n: vectors.
    """

    norms: list[float]
    anisotropy: float | None
    n: int


@dataclass(frozen=True)
class Map:
    """A plane through both clouds: the first two principal components of them together.

    Attributes:
        soft, english: `(x, y, text)` a point.
        explained: share of the variance that the plane shows.
    """

    soft: list[tuple[float, float, str]]
    english: list[tuple[float, float, str]]
    explained: float


def cloud(vectors: Tensor) -> Cloud:
    """Describe vectors `[n, width]`; one at least."""
    vectors = vectors.float()
    norms = torch.quantile(vectors.norm(dim=-1), torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]))
    total, n = torch.nn.functional.normalize(vectors, dim=-1).sum(0), len(vectors)
    return Cloud(norms.tolist(), float((total @ total - n) / (n * (n - 1))) if n > 1 else None, n)


def plane(soft: Tensor, english: Tensor, words: Sequence[str], english_words: Sequence[str]) -> Map:
    """Map soft tokens and embeddings, `[n, width]` each, onto their first two principal components."""
    both = torch.cat([soft, english]).float()
    both = both - both.mean(0)
    _, spread, axes = torch.linalg.svd(both, full_matrices=False)
    at = (both @ axes[:2].T).tolist()  # [soft + english, 2]
    points = [(round(x, 4), round(y, 4), word) for (x, y), word in zip(at, [*words, *english_words], strict=True)]
    return Map(points[: len(soft)], points[len(soft) :], float((spread[:2] ** 2).sum() / (spread**2).sum()))


@torch.no_grad()
def soft_tokens(model: Any, texts: Sequence[str], language: str) -> tuple[Tensor, list[str]]:
    """Soft tokens of texts, `[tokens, width]`, each id of the language where it is first met, with what they spell."""
    found: dict[int, Tensor] = {}
    for text in texts:
        ids = model.tokenizer(text, language=language, add_special_tokens=False, return_tensors="pt")["input_ids"]
        read = model.tokenizer.ranges[language].reads(ids[0])
        soft = model.embed(ids.to(model.device))[0].float().cpu()
        for one, vector in zip(ids[0, read].tolist(), soft[read], strict=True):
            found.setdefault(one, vector)
    return torch.stack(list(found.values())), _spelled(model, list(found))


@torch.no_grad()
def embeddings(model: Any, texts: Sequence[str]) -> tuple[Tensor, list[str]]:
    """The base's embeddings of the tokens of texts, `[tokens, width]`, each once, with what they spell."""
    rows = model.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    ids = list(dict.fromkeys(one for row in rows for one in row))
    return model.embed(torch.tensor([ids], device=model.device))[0].float().cpu(), _spelled(model, ids)


def _spelled(model: Any, ids: Sequence[int]) -> list[str]:
    return [model.tokenizer.decode([one], skip_special_tokens=True).strip() for one in ids]
