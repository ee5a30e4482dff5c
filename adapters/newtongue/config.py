"""What an adapter folder says about itself: `modality_config.json`."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from torch import Tensor
from transformers import PreTrainedModel

from .errors import AdapterFormatError, BaseMismatchError
from .languages import check_language
from .mapper import MapperConfig
from .version import __version__

CONFIG_NAME = "modality_config.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class BaseInfo:
    """The base model an adapter was made for.

    Attributes:
        id: folder or Hub id it was loaded from; empty for a model built in memory.
        revision: commit on the Hub, where known.
        architecture: transformers' model type, such as `phi`.
        width: size of an embedding.
        rows: rows of the input embedding, which is where the ids of languages begin.
    """

    id: str
    revision: str | None
    architecture: str
    width: int
    rows: int

    @classmethod
    def of(cls, base: PreTrainedModel) -> "BaseInfo":
        """Read it off a loaded model."""
        rows, width = embedding_table(base).shape
        return cls(
            id=str(getattr(base, "name_or_path", "") or ""),
            revision=getattr(base.config, "_commit_hash", None),
            architecture=base.config.model_type,
            width=width,
            rows=rows,
        )

    def check(self, base: PreTrainedModel, *, ignore_name: bool = False) -> str | None:
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


@dataclass(frozen=True)
class ModalityConfig:
    """One adapter, described.

    Attributes:
        language: BCP 47 tag.
        vocabulary: ids the language owns.
        base, mapper: what it attaches to and the mapper's shape.
        notes: how it was made, for the model card (data, licences, results …); free JSON.
        files: sha256 of every part, by its path inside the folder.
    """

    language: str
    vocabulary: int
    base: BaseInfo
    mapper: MapperConfig
    notes: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION
    newtongue_version: str = __version__

    def write(self, folder: Path) -> None:
        """Write `modality_config.json` into `folder`."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2)
        (folder / CONFIG_NAME).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "ModalityConfig":
        """Read and check `modality_config.json`.

        Raises:
            AdapterFormatError: it is missing, not JSON, of an unknown format version, or lacks or mistypes a field.
        """
        path = folder / CONFIG_NAME
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise AdapterFormatError(
                f"{folder} holds no {CONFIG_NAME}, so it is not an adapter folder. Give the folder that "
                "save_pretrained wrote."
            ) from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise AdapterFormatError(f"{path} cannot be read as JSON ({error}). Get the adapter again.") from error
        version = values.get("format_version") if isinstance(values, dict) else None
        if version != FORMAT_VERSION:
            raise AdapterFormatError(
                f"{path} has format version {version!r}; newtongue {__version__} reads version {FORMAT_VERSION}. "
                "Upgrade newtongue, or save the adapter again with this version."
            )
        try:
            config = cls(
                **{key: values[key] for key in _names(cls) - {"base", "mapper"}},
                base=BaseInfo(**values["base"]),
                mapper=MapperConfig(**values["mapper"]),
            )
            config._check_types()
        except (KeyError, TypeError) as error:
            raise AdapterFormatError(
                f"{path} lacks or mistypes a field ({error}). Get the adapter again, or save it anew."
            ) from error
        check_language(config.language)
        return config

    def _check_types(self) -> None:
        kinds: list[tuple[Any, type | tuple[type, ...], str]] = [
            (self.language, str, "language"),
            (self.vocabulary, int, "vocabulary"),
            (self.base.id, str, "base.id"),
            (self.base.width, int, "base.width"),
            (self.base.rows, int, "base.rows"),
            (self.mapper.encoder_width, int, "mapper.encoder_width"),
            (self.mapper.hidden, int, "mapper.hidden"),
            (self.mapper.base_width, int, "mapper.base_width"),
            (self.mapper.scale, (int, float), "mapper.scale"),
            (self.mapper.dropout, (int, float), "mapper.dropout"),
            (self.notes, dict, "notes"),
            (self.files, dict, "files"),
        ]
        for value, kind, name in kinds:
            if not isinstance(value, kind) or isinstance(value, bool):
                raise TypeError(f"{name} is {value!r}")
        sizes = (self.mapper.encoder_width, self.mapper.hidden, self.mapper.base_width)
        if any(not 0 < size <= 1 << 20 for size in sizes):
            raise TypeError(f"mapper sizes {sizes} are out of bounds")


def embedding_table(base: PreTrainedModel) -> Tensor:
    """The base's input embeddings, `[rows, width]`."""
    return cast(Tensor, base.get_input_embeddings().weight)


def _names(kind: type) -> set[str]:
    return {item.name for item in fields(kind)}


def _same_name(one: str, other: str) -> bool:
    if one == other:
        return True
    both_on_hub = all(name.count("/") == 1 and not name.startswith((".", "/")) for name in (one, other))
    return not both_on_hub and Path(one).name == Path(other).name
