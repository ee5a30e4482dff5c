"""What an adapter is like whatever it is asked: alignment by layer, soft tokens among embeddings, English, cost."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from newtongue import AttachedModel
from newtongue.saving.whole import write_whole

from .measures.alignment import Layers
from .measures.cost import positions_per_character, prefill_ratio
from .measures.geometry import Cloud, Map, cloud, embeddings, plane, soft_tokens

FILE = "portrait.json"
DRAWN = 600  # Points of each cloud on the map.
NAMED = 12  # Soft tokens whose nearest embeddings are listed.
TIMED = 32  # Texts read for the clock.


@dataclass
class Portrait:
    """One adapter.

    Attributes:
        language, base, adapter: what it is.
        four_bit: whether the base was in 4 bits.
        layers: similarity to English by layer, by sentences and by who reads them.
        soft, english: soft tokens and the embeddings of English tokens.
        map: both in a plane.
        nearest: some soft tokens with the English tokens nearest to them by cosine.
        identical: share of English positions whose logits are the bare base's to the last bit, `positions` of them.
        same_answers: share of English questions answered the same with the adapter attached, `asked` of them.
        per_character: positions a character of the language's text, by vocabulary, `""` the language's own.
        prefill: seconds of reading texts through the port over those of reading them as raw text.
        bytes, parameters, seconds: of the adapter: on disk, trained, of its training.
    """

    language: str
    base: str
    adapter: str
    four_bit: bool | None = None
    layers: dict[str, dict[str, Layers]] = field(default_factory=dict)
    soft: Cloud | None = None
    english: Cloud | None = None
    map: Map | None = None
    nearest: list[tuple[str, list[str]]] = field(default_factory=list)
    identical: float | None = None
    positions: int = 0
    same_answers: float | None = None
    asked: int = 0
    per_character: dict[str, float] = field(default_factory=dict)
    prefill: float | None = None
    bytes: int | None = None
    parameters: int | None = None
    seconds: float | None = None

    def write(self, folder: Path) -> None:
        """Write `portrait.json` into a folder."""
        write_whole(folder / FILE, json.dumps(asdict(self), ensure_ascii=False) + "\n")

    def without_text(self) -> dict[str, Any]:
        """Its numbers, four digits each; not what soft tokens spell, nor where the adapter lay."""
        return {
            name: _rounded(value) for name, value in asdict(self).items() if name not in ("adapter", "map", "nearest")
        }

    @classmethod
    def read(cls, folder: Path) -> "Portrait | None":
        """The portrait in a folder, if there is one."""
        path = folder / FILE
        if not path.is_file():
            return None
        values = json.loads(path.read_text(encoding="utf-8"))
        values["layers"] = {
            name: {who: Layers(**one) for who, one in found.items()} for name, found in values["layers"].items()
        }
        for name, kind in (("soft", Cloud), ("english", Cloud), ("map", Map)):
            values[name] = values[name] and kind(**values[name])
        return cls(**values)


def _rounded(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _rounded(one) for name, one in found.items()}
    if isinstance(found, list):
        return [_rounded(one) for one in found]
    return round(found, 4) if isinstance(found, float) else found


def draw(portrait: Portrait, model: AttachedModel, own: Sequence[str], english: Sequence[str]) -> None:
    """Look at soft tokens of the language's texts among the embeddings of English ones."""
    soft, tokens = soft_tokens(model, own, portrait.language)
    table, words = embeddings(model, english)
    portrait.soft, portrait.english = cloud(soft), cloud(table)
    portrait.map = plane(soft[:DRAWN], table[:DRAWN], tokens[:DRAWN], words[:DRAWN])
    portrait.nearest = _nearest(soft, tokens, table, words)


def weigh(
    portrait: Portrait,
    model: AttachedModel,
    texts: Sequence[str],
    vocabularies: Mapping[str, Any],
    limit: int | None = None,
) -> None:
    """Count positions and seconds of reading texts, through the port and as raw text.

    Args:
        vocabularies: other tokenizers to count with, by name.
        limit: positions that the base reads at once; the clock is for texts that have no more either way.
    """
    tokenizer: Any = model.tokenizer

    def through(text: str) -> list[int]:
        ids: list[int] = tokenizer(text, language=portrait.language, add_special_tokens=False)["input_ids"]
        return ids

    def plain(text: str, by: Any = tokenizer) -> list[int]:
        ids: list[int] = by(text, add_special_tokens=False)["input_ids"]
        return ids

    portrait.per_character = {
        "": positions_per_character(through, texts),
        portrait.base: positions_per_character(plain, texts),
        **{name: positions_per_character(partial(plain, by=one), texts) for name, one in vocabularies.items()},
    }
    some = [(through(one), plain(one)) for one in texts[:TIMED]]
    read = [both for both in some if limit is None or max(map(len, both)) <= limit]
    if read:
        portrait.prefill = prefill_ratio(model, [own for own, _ in read], [raw for _, raw in read])


def _nearest(soft: Tensor, tokens: Sequence[str], table: Tensor, words: Sequence[str]) -> list[tuple[str, list[str]]]:
    normalize = torch.nn.functional.normalize
    near = (normalize(soft, dim=-1) @ normalize(table, dim=-1).T).topk(min(3, len(words)), 1).indices.tolist()
    longest = sorted((at for at, token in enumerate(tokens) if token.isalpha()), key=lambda at: -len(tokens[at]))
    return [(tokens[at], [words[one] for one in near[at]]) for at in longest[:NAMED]]
