"""What a recipe says about its data: where the rows come from and how many of them are used."""

from difflib import get_close_matches
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Kind = Literal["text", "pairs", "questions"]
Format = Literal["auto", "jsonl", "csv", "tsv", "parquet", "text"]
Scalar = str | bool | int | float

# The column names that are understood, and the one each is short for.
COLUMNS = {
    "text": "text",
    "english": "english",
    "source": "english",
    "other": "other",
    "target": "other",
    "aligned": "aligned",
    "translation": "translation",
    "question": "question",
    "inputs": "question",
    "prompt": "question",
    "answer": "answer",
    "targets": "answer",
    "completion": "answer",
    "context": "context",
    "messages": "messages",
    "language_code": "language_code",
}

# What says nothing of files, or of a Hub dataset, and what to write instead.
_UNREAD = {
    "path": (
        ("config", "split", "revision", "streaming"),
        "say which files are meant in 'path' itself, e.g. path: aya/turkish/train*.parquet",
    ),
    "hub": (
        ("format", "header"),
        "the dataset tells its own; leave that out, or download the files and name them with 'path'",
    ),
}


class Source(BaseModel):
    """One place rows come from: files of this machine or a dataset of the Hub."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str | None = Field(None, min_length=1, description="File, folder or glob on this machine.")
    hub: str | None = Field(None, min_length=1, description="Dataset id on the Hugging Face Hub.")
    config: str | None = Field(None, description="Configuration of a Hub dataset, e.g. turkish.")
    split: str | None = Field(None, description="Split of a Hub dataset; null takes train.")
    revision: str | None = Field(None, description="Branch, tag or commit of a Hub dataset.")
    format: Format = Field("auto", description="Format of the files; auto goes by the suffix and sees through .gz.")
    columns: dict[str, str] = Field(
        default_factory=dict, description="Our column names to the source's; numbers from 0 without a header line."
    )
    where: dict[str, Scalar | list[Scalar]] = Field(
        default_factory=dict, description="Keep rows whose column has this value, or one of these."
    )
    header: bool = Field(True, description="Whether CSV and TSV files begin with a line of column names.")
    weight: float = Field(1.0, gt=0, description="Share of this source in the mix, relative to the others'.")
    rows: int | None = Field(None, ge=1, description="Use at most so many usable rows.")
    licence: str | None = Field(None, description="Licence of the text, for the report and the model card.")
    streaming: bool | None = Field(
        None, description="Whether a Hub dataset is read without downloading it all first; null does."
    )

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: dict[str, str]) -> dict[str, str]:
        for name in columns:
            if name not in COLUMNS:
                near = get_close_matches(name, COLUMNS, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(COLUMNS)}"
                raise ValueError(f"{name!r} is no column of ours: {hint}")
        return columns

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.hub is None):
            raise ValueError("a source has exactly one of 'path' and 'hub'")
        place = "hub" if self.path is None else "path"
        unread, instead = _UNREAD[place]
        given = [repr(name) for name in unread if getattr(self, name) != type(self).model_fields[name].default]
        if given:
            raise ValueError(f"a source with {place!r} has no {' or '.join(given)}: {instead}")
        return self

    @property
    def name(self) -> str:
        """How reports and errors call it."""
        return self.path or f"hub:{self.hub}" + (f"/{self.config}" if self.config else "")


class Data(BaseModel):
    """The data of a recipe: sources of each kind, the budget and the filters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: list[Source] = Field(default_factory=list, description="Raw text, for stage 1.")
    pairs: list[Source] = Field(default_factory=list, description="Translations, for stage 2.")
    questions: list[Source] = Field(default_factory=list, description="Questions and answers, for stage 3.")
    tokens: int | None = Field(
        None,
        ge=1,
        description="Budget of each stage, in the base's own tokens: that vocabulary exists before stage 1 and is the "
        "same for every method compared.",
    )
    shortest: int = Field(1, ge=1, description="Fewest characters of a row's texts in the language.")
    longest: int = Field(
        20_000, ge=1, description="Most characters of a row's texts in the language, and of the English beside them."
    )
    deduplicate: bool = Field(True, description="Drop rows whose texts, normalised, were seen before.")
    held_out: float = Field(
        0.01, ge=0, lt=1, description="Share of the questions kept back for the exam, chosen by a hash of the question."
    )
    detect: bool = Field(True, description="Detect the languages of the rows, for the report.")

    @property
    def sources(self) -> list[Source]:
        """Those of all kinds."""
        return [*self.text, *self.pairs, *self.questions]

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        if self.shortest > self.longest:
            raise ValueError(f"'shortest' ({self.shortest}) is more than 'longest' ({self.longest})")
        return self
