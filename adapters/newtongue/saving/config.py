"""What an adapter folder says about itself: `modality_config.json`."""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

from newtongue.base import BaseInfo
from newtongue.errors import AdapterFormatError
from newtongue.languages import check_language
from newtongue.version import __version__

from .sizes import check_size

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CONFIG_NAME = "modality_config.json"
FORMAT_VERSION = 1
WITH_VOICE = 2  # What one that reads version 1 alone would leave out.
_LARGEST = 1 << 20  # Number that a config may give for its mapper.


@dataclass(frozen=True)
class MapperConfig:
    """Shape of a mapper.

    Attributes:
        encoder_width: size of an encoder state.
        hidden: size of the layer between.
        base_width: size of a base embedding.
        scale: root mean square of one component of a base embedding; outputs start at this size.
        dropout: probability of dropping a hidden unit in training.
        sharpness: how sharply soft tokens settle on the base's own tokens; 0 leaves them where the layers put them.
    """

    encoder_width: int
    hidden: int
    base_width: int
    scale: float
    dropout: float = 0.05
    sharpness: float = 0.0

    @property
    def unit(self) -> float:
        """Squared norm of a typical base embedding, in which squared distances are measured."""
        return self.scale**2 * self.base_width


@dataclass(frozen=True)
class ModalityConfig:
    """One adapter, described.

    Attributes:
        language: BCP 47 tag.
        vocabulary: ids the language owns.
        base, mapper: what it attaches to and the mapper's shape.
        borrows: whether words in Latin letters, or in a language that is itself written so those that are shorter in
            the base's own tokens, are left to these.
        notes: how it was made, for the model card (data, licences, results …); free JSON.
        files: sha256 of every part, by its path inside the folder.
    """

    language: str
    vocabulary: int
    base: BaseInfo
    mapper: MapperConfig
    notes: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    borrows: bool = False
    format_version: int = FORMAT_VERSION
    newtongue_version: str = __version__

    @property
    def writes(self) -> bool:
        """Whether the language writes its own tokens, with a voice."""
        return "voice.safetensors" in self.files

    def trained_on(self, base: "PreTrainedModel") -> "ModalityConfig":
        """The same of an adapter that `base` trains: in 4 bits or not, as it will be loaded again."""
        return replace(self, base=replace(self.base, four_bit=BaseInfo.of(base).four_bit))

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
            check_size(path)
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise AdapterFormatError(
                f"{folder} holds no {CONFIG_NAME}, so it is not an adapter folder. Give the folder that "
                "save_pretrained wrote."
            ) from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise AdapterFormatError(f"{path} cannot be read as JSON ({error}). Get the adapter again.") from error
        version = values.get("format_version") if isinstance(values, dict) else None
        if version not in (FORMAT_VERSION, WITH_VOICE):
            raise AdapterFormatError(
                f"{path} has format version {version!r}; newtongue {__version__} reads {FORMAT_VERSION} and "
                f"{WITH_VOICE}. Upgrade newtongue, or save the adapter again with this version."
            )
        try:
            values = {"borrows": False, **values}  # Not said by adapters older than it.
            config = cls(
                **{key: values[key] for key in _names(cls) - {"base", "mapper"}},
                base=BaseInfo(**values["base"]),
                mapper=MapperConfig(**values["mapper"]),
            )
            config.check()
        except (KeyError, TypeError) as error:
            raise AdapterFormatError(
                f"{path} lacks or mistypes a field ({error}). Get the adapter again, or save it anew."
            ) from error
        check_language(config.language)
        return config

    def check(self) -> None:
        """Check that each field is of its type and within its bounds, as loading it again would.

        Raises:
            TypeError: one is not; the message names it.
        """
        kinds: list[tuple[Any, type | tuple[type, ...], str]] = [
            (self.language, str, "language"),
            (self.vocabulary, int, "vocabulary"),
            (self.base.id, str, "base.id"),
            (self.base.revision, (str, NoneType), "base.revision"),
            (self.base.architecture, str, "base.architecture"),
            (self.base.width, int, "base.width"),
            (self.base.rows, int, "base.rows"),
            (self.mapper.encoder_width, int, "mapper.encoder_width"),
            (self.mapper.hidden, int, "mapper.hidden"),
            (self.mapper.base_width, int, "mapper.base_width"),
            (self.mapper.scale, (int, float), "mapper.scale"),
            (self.mapper.dropout, (int, float), "mapper.dropout"),
            (self.mapper.sharpness, (int, float), "mapper.sharpness"),
            (self.notes, dict, "notes"),
            (self.files, dict, "files"),
        ]
        for value, kind, name in kinds:
            if not isinstance(value, kind) or isinstance(value, bool):
                raise TypeError(f"{name} is {value!r}, of type {type(value).__name__}")
        for name, value, known in (
            ("borrows", self.borrows, (True, False)),
            ("base.four_bit", self.base.four_bit, (True, False, None)),
        ):
            if not any(value is one for one in known):
                raise TypeError(f"{name} is {value!r}, of type {type(value).__name__}")
        bounds = {"encoder_width": (1, _LARGEST), "hidden": (1, _LARGEST), "base_width": (1, _LARGEST)}
        for name, (least, most) in {**bounds, "dropout": (0, 1), "sharpness": (0, _LARGEST)}.items():
            value = getattr(self.mapper, name)
            if not least <= value <= most:
                raise TypeError(f"mapper.{name} is {value!r}, out of bounds: from {least} to {most}")


def _names(kind: type) -> set[str]:
    return {item.name for item in fields(kind)}
