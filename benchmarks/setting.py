"""What all figures of a run share: the device, the sizes, the text and where results go."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .shapes import SHAPES, Shape

LANGUAGES = {"tr": "Turkish", "ja": "Japanese"}


@dataclass(frozen=True)
class Setting:
    """Sizes of a run.

    Attributes:
        device: "cpu" or "cuda".
        shapes: of the bases.
        output: folder of tables and plots.
        data: folder of real text; None for the atlas's.
        repeats: rounds that count; what takes long has fewer.
        batch, positions: of a training step.
        steps: of a trainer's run, each on rows of its own.
        prompts, characters: texts read as prompts, and how long each is.
        new_tokens: decoded after it.
        vocabulary: ids of a language's tokenizer at most; None for as many as its recipe has.
        vocabularies: sizes of language tokenizers compared.
        lines: of text they are trained on at most.
    """

    device: str
    shapes: Sequence[Shape]
    output: Path
    data: Path | None = None
    repeats: int = 15
    batch: int = 4
    positions: int = 128
    steps: int = 16
    prompts: int = 4
    characters: int = 2000
    new_tokens: int = 32
    vocabulary: int | None = None
    vocabularies: Sequence[int] = (8_000, 16_000, 32_000, 64_000, 96_000)
    lines: int | None = None


def small(output: Path, data: Path | None = None) -> Setting:
    """For a CPU: a base of a few million parameters."""
    return Setting("cpu", [SHAPES["small"]], output, data)


def real(output: Path, data: Path | None = None) -> Setting:
    """For a GPU: the Phis in NF4, with random weights."""
    bases = [SHAPES[name] for name in ("phi-2", "phi-3.5-mini", "phi-4-mini")]
    return Setting("cuda", bases, output, data, positions=1024, new_tokens=128)


def smallest(output: Path, data: Path | None = None) -> Setting:
    """To see that every figure runs."""
    return Setting(
        "cpu", [SHAPES["tiny"]], output, data, repeats=1, batch=2, positions=32, steps=2, prompts=2, characters=60,
        new_tokens=2, vocabulary=1000, vocabularies=(900, 1000), lines=2000,
    )  # fmt: skip
