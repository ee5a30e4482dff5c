"""WECHSEL: new tokens begin as mixtures of the base's tokens that are near in aligned static embeddings."""

import torch
from torch import Tensor

from newtongue import NewtongueError

from .sides import Vocabularies
from .static import static_embeddings, vectors

NEIGHBOURS = 10
TEMPERATURE = 0.1
CHUNK = 512  # Tokens compared with the base's at a time.


def wechsel(sides: Vocabularies) -> Tensor:
    """Minixhofer, Paischer and Rekabsaz, NAACL 2022, «WECHSEL: Effective initialization of subword embeddings».

    Static embeddings of both languages are aligned by orthogonal Procrustes over a dictionary; a subword's vector is
    that of its n-grams. A new token is the softmax, at temperature 0.1, over the 10 nearest of the base's tokens by
    cosine. One without a vector begins as the mean. The published method takes fastText's vectors of web text and
    words of a large dictionary; here both are what the lessons hold.

    Raises:
        NewtongueError: there is no dictionary.
    """
    if not sides.dictionary:
        raise NewtongueError("WECHSEL aligns two vocabularies over a dictionary and has none. Name aligned pairs.")
    english = static_embeddings([one.split() for one in sides.english], sides.seed)
    other = static_embeddings([_words(sides, one) for one in sides.text], sides.seed)
    source, in_source = vectors(english, sides.base_texts)
    target, in_target = vectors(other, sides.own_texts)
    turn = procrustes(
        vectors(other, [word for _, word in sides.dictionary])[0],
        vectors(english, [word for word, _ in sides.dictionary])[0],
    )
    rows = [_row(one @ turn @ source.T, in_source) for one in target[in_target].split(CHUNK)]
    best, places = (torch.cat(part) for part in zip(*rows, strict=True))  # [own ids with a vector, neighbours]
    shares = torch.softmax(best / TEMPERATURE, dim=1)
    own = in_target.nonzero()[:, :1].expand_as(places)
    size = (len(target), len(source))
    return torch.sparse_coo_tensor(
        torch.stack([own.flatten(), places.flatten()]), shares.flatten(), size, check_invariants=True
    ).coalesce()


def procrustes(source: Tensor, target: Tensor) -> Tensor:
    """The rotation `R` that brings `source @ R` nearest to `target`, both `[pairs, width]` (Schönemann, 1966)."""
    left, _, right = torch.linalg.svd(source.T @ target)
    rotation: Tensor = left @ right
    return rotation


def _row(near: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest of the base's tokens that have a vector, and where they are."""
    return near.masked_fill(~known, -torch.inf).topk(min(NEIGHBOURS, int(known.sum())), dim=1)


def _words(sides: Vocabularies, text: str) -> list[str]:
    """Words between spaces; where a language puts none, the tokens of its own tokenizer."""
    words = text.split()
    if len(text) > 20 * len(words):
        return [one.strip("▁") for one in sides.own.tokenize(text) if one.strip("▁")]
    return words
