"""What a language is learned from, the same for every method."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from newtongue import NewtongueError
from newtongue_evaluation.answers import Messages


@dataclass(frozen=True)
class Lessons:
    """One language for one base.

    Attributes:
        language: BCP 47 tag.
        load: gives a fresh, frozen base, 4-bit or not, through which gradients flow; takes `dtype=`.
        tokenizer: the base's own.
        questions: conversations that end with an answer; a `"language"` on the answer says that it is in the language.
        translations: conversations that ask for a sentence's English; empty where there are none.
        text: raw text of the language.
        dictionary: (English, the language), words or short phrases.
        encoder: folder of an encoder of the language with its tokenizer; None where nobody trained one.
    """

    language: str
    load: Callable[..., PreTrainedModel]
    tokenizer: PreTrainedTokenizerBase
    questions: Sequence[Messages]
    translations: Sequence[Messages] = ()
    text: Sequence[str] = ()
    dictionary: Sequence[tuple[str, str]] = ()
    encoder: Path | None = None

    def encoder_folder(self, wanted_by: str) -> Path:
        """The encoder's folder.

        Raises:
            NewtongueError: there is none.
        """
        if self.encoder is None:
            raise NewtongueError(
                f"{wanted_by} reads {self.language!r} with an encoder's tokenizer and was given no encoder. Name the "
                "folder that stage 1 wrote, or leave this baseline out."
            )
        return self.encoder

    @property
    def english(self) -> list[str]:
        """The English sentences among the translations."""
        return [one[-1]["content"] for one in self.translations]
