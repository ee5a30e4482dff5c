"""Sentences of an adapter's language, each looked for among English ones by what the base makes of them."""

from collections.abc import Sequence

from torch import Tensor

from .measures.alignment import centred, nearest
from .results import Row
from .tasks.bitext import Bitext

PLACES = {
    "embeddings": 0,
    "middle layer": 0.5,
}  # What the base reads, and half way up: fixed, so that no layer is picked by score.


def retrieve(states: Tensor, english: Tensor, bitext: Bitext) -> tuple[Row, ...]:
    """A row a pair, with what was nearest to it, right or not, both ways, by cosine and by CSLS.

    Args:
        states, english: `[layers + 1, sentences, width]`, from `sentence_states`, of both sides of `bitext`.
    """
    hits: dict[str, list[bool]] = {}
    answers: list[str] = []
    for place, share in PLACES.items():
        layer = round(share * (len(states) - 1))
        own, other = centred(states[layer]), centred(english[layer])
        for name, csls in (("cosine", False), ("CSLS", True)):
            found = [bitext.english[at] for at in nearest(own, other, csls=csls).tolist()]
            back = [bitext.own[at] for at in nearest(other, own, csls=csls).tolist()]
            hits[f"to English, {name}, {place}"] = _same(found, bitext.english)
            hits[f"from English, {name}, {place}"] = _same(back, bitext.own)
            answers = answers or found
    return tuple(
        Row(str(at), own, (other,), answers[at], scores={name: float(right[at]) for name, right in hits.items()})
        for at, (own, other) in enumerate(zip(bitext.own, bitext.english, strict=True))
    )


def _same(found: Sequence[str], wanted: Sequence[str]) -> list[bool]:
    return [one == other for one, other in zip(found, wanted, strict=True)]
