"""FOCUS: tokens that both vocabularies hold are kept, the others begin as sparse mixtures of these."""

import torch
from torch import Tensor

from .sides import SPACE, Vocabularies
from .static import static_embeddings, vectors


def focus(sides: Vocabularies) -> Tensor:
    """Dobler and de Melo, EMNLP 2023, «FOCUS: Effective embedding initialization for monolingual specialization».

    Static embeddings of the language's own tokens are trained on its text. A token that the base has too is a copy;
    any other is the sparsemax over its cosine similarity to the tokens in that overlap. Without overlap, all begin as
    the mean. The overlap of a language in another script is little more than digits and signs.
    """
    overlap = overlapping(sides)
    own, base, shares = list(overlap), list(overlap.values()), [torch.ones(len(overlap))]
    known = torch.zeros(len(sides.own), dtype=torch.bool)
    if overlap:
        keyed = static_embeddings([_tokens(sides, text) for text in sides.text], sides.seed)
        found, known = vectors(keyed, sides.own_texts)
        anchors = [one for one in overlap if known[one]]
        known[own] = False  # These are copies.
    if overlap and anchors and bool(known.any()):
        mixed = sparsemax(found[known] @ found[anchors].T).to_sparse()  # [others with a vector, anchors]
        other, anchor = mixed.indices()
        own += known.nonzero()[other, 0].tolist()
        base += [overlap[anchors[one]] for one in anchor.tolist()]
        shares.append(mixed.values())
    size = (len(sides.own), len(sides.base))
    return torch.sparse_coo_tensor(torch.tensor([own, base]), torch.cat(shares), size, check_invariants=True).coalesce()


def overlapping(sides: Vocabularies) -> dict[int, int]:
    """The language's ids that say what an id of the base says, and that id; a space before it may differ."""
    exact = {text: number for number, text in reversed(list(enumerate(sides.base_texts))) if text}
    loose = {text.strip(): number for text, number in exact.items()}
    found = {}
    for own, text in enumerate(sides.own_texts):
        if text:
            base = exact.get(text, loose.get(text.strip()))
            if base is not None:
                found[own] = base
    return found


def sparsemax(scores: Tensor) -> Tensor:
    """The nearest point of the simplex to each row (Martins and Astudillo, ICML 2016); many shares are zero."""
    ordered, _ = scores.sort(dim=-1, descending=True)
    count = torch.arange(1, scores.shape[-1] + 1)
    total = ordered.cumsum(-1) - 1
    support = (count * ordered > total).sum(-1, keepdim=True)
    threshold = total.gather(-1, support - 1) / support
    return (scores - threshold).clamp(min=0)


def _tokens(sides: Vocabularies, text: str) -> list[str]:
    stripped = (one.replace(SPACE, " ").strip() for one in sides.own.tokenize(text))
    return [one for one in stripped if one]
