"""Size of an adapter's folder, reckoned from its shapes and, where the base is small, from the folder itself."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.roofline import lora_parameters
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.shapes import SHAPES, Shape, make_adapter, make_base
from newtongue_evaluation.measures.cost import folder_bytes
from newtongue_recipes.recipe import load_recipe, shipped

MB = 10**6
TOKENS = 32_000  # Of a language that writes.
HALF = 2  # Bytes of a number as `newtongue train` saves the finished adapter.


def measure(setting: Setting) -> Iterator[Row]:
    """Megabytes without and with the encoder, and the whole over a LoRA alone."""
    for shape in SHAPES.values():
        if shape.sizes.width < 1000:
            continue
        lora, mapper, encoder = lora_parameters(shape) * HALF, _mapper(shape) * HALF, _encoder(shape) * HALF
        yield Row("adapter without encoder", shape.name, "MB", (lora + mapper) / MB, at_most=100)
        yield Row("adapter with its encoder", shape.name, "MB", (lora + mapper + encoder) / MB, at_most=350)
        yield Row("adapter with its encoder", shape.name, "LoRA alone", (lora + mapper + encoder) / lora)
        yield Row(f"a voice of {TOKENS:,} tokens", shape.name, "MB", _voice(shape, TOKENS) * HALF / MB, at_most=15)
    for shape in setting.shapes:
        if setting.device == "cpu":
            base = make_base(shape, setting.device)
            with TemporaryDirectory() as scratch:
                adapter = make_adapter(base, shape).with_voice(base).attach(base).adapter("tr")
                adapter.save_pretrained(Path(scratch) / "adapter", dtype=torch.float16)
                saved = folder_bytes(Path(scratch) / "adapter")
            parts = lora_parameters(shape), _mapper(shape), _encoder(shape), _voice(shape, shape.encoder.vocabulary)
            yield Row(
                "adapter with encoder and voice, saved", shape.name, "what is reckoned", saved / (sum(parts) * HALF)
            )


def _mapper(shape: Shape) -> int:
    width, base = shape.encoder.width, shape.sizes.width
    hidden = _inner(shape) or 2 * max(width, base)
    return hidden * (width + base + 1) + 3 * base + 2 * width


def _inner(shape: Shape) -> int | None:
    """The mapper's inner size that the recipes for a base ask for, where there are some and they do."""
    name = f"{shape.name}-turkish"
    stage = load_recipe(name).map if name in shipped() else None
    return stage.hidden if stage else None


def _encoder(shape: Shape) -> int:
    encoder = shape.encoder
    return encoder.layers * (10 * encoder.width**2 + 2 * encoder.width) + encoder.vocabulary * encoder.width


def _voice(shape: Shape, tokens: int) -> int:
    width, base = shape.encoder.width, shape.sizes.width
    return 2 * width * base + width + base + 2 * tokens
