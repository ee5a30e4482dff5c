"""What an adapter remembers of its base: enough to find it again, and to tell it from another."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from .errors import BaseMismatchError

if TYPE_CHECKING:  # A folder is described without waiting for these.
    from torch import Tensor, nn
    from transformers import PreTrainedModel

_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
_CACHED = re.compile(r"models--(.+)/snapshots/([0-9a-f]{40})/?$")  # How the Hub's client keeps what it downloaded.


@dataclass(frozen=True)
class BaseInfo:
    """The base model an adapter was made for.

    Attributes:
        id: its Hub id; of a base loaded from a folder the folder's name alone, since its path is of no use to others
            and tells them about the machine; empty for a model built in memory.
        revision: commit on the Hub, where known.
        architecture: transformers' model type, such as `phi`.
        width: size of an embedding.
        rows: rows of the input embedding, which is where the ids of languages begin.
        four_bit: whether its weights were in 4 bits then; None where an older adapter does not say.
    """

    id: str
    revision: str | None
    architecture: str
    width: int
    rows: int
    four_bit: bool | None = None

    @classmethod
    def of(cls, base: "PreTrainedModel") -> "BaseInfo":
        """Read it off a loaded model."""
        rows, width = embedding_table(base).shape
        name, revision = _shared_name(str(getattr(base, "name_or_path", "") or ""))
        return cls(
            id=name,
            revision=getattr(base.config, "_commit_hash", None) or revision,
            architecture=base.config.model_type,
            width=width,
            rows=rows,
            four_bit=bool(getattr(base, "is_loaded_in_4bit", False)),
        )

    @property
    def on_hub(self) -> bool:
        """Whether `id` is a Hub id, from which others can load the base."""
        return is_hub_id(self.id) or self.revision is not None  # A few old ids have no owner: gpt2.

    def check(self, base: "PreTrainedModel", *, ignore_name: bool = False) -> str | None:
        """Compare with a base about to be attached to.

        Two names mean one model when they are equal or their last parts are: `microsoft/phi-2` and
        `/models/phi-2`.

        Returns:
            A warning where only the revision differs, else None.

        Raises:
            BaseMismatchError: another architecture, width, number of rows or name.
        """
        given = BaseInfo.of(base)
        for part in ("architecture", "width", "rows"):
            ours, theirs = getattr(self, part), getattr(given, part)
            if ours != theirs:
                raise BaseMismatchError(
                    f"The adapter was made for a base with {part} {ours} and this one has {theirs} "
                    f"({given.id or type(base).__name__}). Load the base it names: {self.id or 'not recorded'}."
                )
        if self.id and given.id and not ignore_name and not _same_name(self.id, given.id):
            raise BaseMismatchError(
                f"The adapter was made for {self.id!r} and this base was loaded from {given.id!r}. Load the former, or "
                "pass ignore_base_name=True if both hold the same weights."
            )
        if self.revision and given.revision and self.revision != given.revision:
            return (
                f"The adapter was made for revision {self.revision} of {self.id} and this base is revision "
                f"{given.revision}; answers may differ. Load the base with revision={self.revision!r}."
            )
        return None


def embedding_table(base: "PreTrainedModel") -> "Tensor":
    """The base's input embeddings, `[rows, width]`."""
    return cast("Tensor", base.get_input_embeddings().weight)


def decoder_of(base: "PreTrainedModel") -> "nn.Module":
    """What a base's head scores the states of, and what sees its ids: in OPT not the base model but a child of it."""
    text_alone = base.config.get_text_config() is base.config
    decoder: nn.Module = base.get_decoder() if text_alone else base.base_model
    return decoder


def table_factor(base: "PreTrainedModel") -> float:
    """What the base multiplies its table by to read it: Gemma 3 does, most others do not."""
    return float(getattr(base.get_input_embeddings(), "embed_scale", 1.0))


def embeddings_as_read(base: "PreTrainedModel") -> "Tensor":
    """The base's input embeddings at the size at which its layers get them."""
    table, factor = embedding_table(base), table_factor(base)
    return table if factor == 1.0 else table * factor


def is_hub_id(name: str) -> bool:
    """Whether a name has the form of a Hub id, `owner/name`."""
    return _HUB_ID.fullmatch(name) is not None


def _shared_name(name: str) -> tuple[str, str | None]:
    """What a base is called on any machine, and its revision where its path tells."""
    path = Path(name)
    if cached := _CACHED.search(name):
        return cached[1].replace("--", "/"), cached[2]
    if not name or (is_hub_id(name) and not path.is_dir()):
        return name, None
    return (path if path.name.strip(".") else path.resolve()).name, None


def _same_name(one: str, other: str) -> bool:
    return one == other or (not (is_hub_id(one) and is_hub_id(other)) and Path(one).name == Path(other).name)
