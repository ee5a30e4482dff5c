"""How much memory a recipe will want, before anything is loaded."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newtongue_recipes.recipe import Base, Recipe
from newtongue_recipes.settings import SCORED_AT_ONCE, Represent, Training

GIB = 2**30
NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)  # Bytes a weight: four bits, a byte a block of 64, four bytes for 256 of those.
WIDTHS = {"bfloat16": 2, "float16": 2, "float32": 4}
TRAINED = 8  # Bytes a trained number, without its optimizer: it and its gradient, in float32.
SMALL = 10**8  # Parameters of a base that a CPU trains in minutes.
CONTEXT = GIB // 2  # What CUDA and its libraries take before a model is loaded.
SCORED = 14  # Bytes a position and token it may say: its chance, what that comes from and their gradients.
TILE = (4096, 32_768)  # Positions and tokens that TRL's loss scores at once; it keeps no more of them.
SETTLED = 2**25  # Scores at once of soft tokens that settle, as `newtongue.reading.mapper` has them.
PAIR = 128  # Positions of a sentence with its translation, when pairs are long.


@dataclass(frozen=True)
class Shape:
    """A transformer's sizes, as far as they decide its memory.

    `keys` is the width of its keys and values; `queries` that of its queries, where it is not the model's own.
    """

    width: int
    layers: int
    mlp: int
    rows: int
    keys: int
    gated: bool = False
    tied: bool = False
    queries: int | None = None

    def linears(self) -> list[tuple[int, int]]:
        """Inputs and outputs of the linear layers of one block."""
        queries = self.queries or self.width
        attention = [(self.width, queries), (queries, self.width), *[(self.width, self.keys)] * 2]
        return [*attention, *[(self.width, self.mlp)] * (2 if self.gated else 1), (self.mlp, self.width)]

    @property
    def linear_parameters(self) -> int:
        """Weights of the linear layers of all blocks."""
        return self.layers * sum(one * other for one, other in self.linears())

    @property
    def embedding_parameters(self) -> int:
        """Weights of the input embedding and, where it is another, of the output."""
        return self.rows * self.width * (1 if self.tied else 2)


SHAPES = {
    "microsoft/phi-2": Shape(2560, 32, 10_240, 51_200, 2560),
    "microsoft/Phi-3.5-mini-instruct": Shape(3072, 32, 8192, 32_064, 3072, gated=True),
    "microsoft/Phi-4-mini-instruct": Shape(3072, 32, 8192, 200_064, 1024, gated=True, tied=True),
    "phi-nano": Shape(192, 4, 768, 2560, 192),
    "dbmdz/bert-base-turkish-cased": Shape(768, 12, 3072, 32_000, 768, tied=True),
    "sbintuitions/modernbert-ja-130m": Shape(512, 19, 2048, 102_400, 512, gated=True, tied=True),
}
USUAL_ENCODER = Shape(768, 12, 3072, 50_000, 768, tied=True)  # BERT's base size, for one that is not known.


@dataclass(frozen=True)
class Estimate:
    """Memory of a training, in bytes by part, in the stage that wants most of it."""

    stage: str
    parts: dict[str, int]

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(self.parts.values())


def expect_memory(recipe: Recipe) -> Estimate | None:
    """Estimate the GPU memory of the stage that wants most; None where the base's shape is not known.

    Activations follow Korthikanti et al. (2022), Reducing Activation Recomputation in Large Transformer Models:
    34 bytes a position, layer and unit of width, of which checkpointing keeps two.
    """
    base = shape_of(recipe.base.name)
    if base is None:
        return None
    return max(_stages(recipe, base), key=lambda one: one.total)


def suits_cpu(recipe: Recipe) -> bool:
    """Whether the base is so small that no GPU is needed."""
    base = shape_of(recipe.base.name)
    return base is not None and _parameters(base) < SMALL


def shape_of(name: str) -> Shape | None:
    """Sizes of a model: from the table, or from the configuration in its folder or in the Hub's cache."""
    for known, shape in SHAPES.items():
        if name.rpartition("/")[2].lower() == known.rpartition("/")[2].lower():
            return shape
    config = Path(name) / "config.json"
    if not config.is_file() and name.count("/") == 1:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        try:
            config = Path(str(try_to_load_from_cache(name, "config.json")))
        except HFValidationError:
            return None
    try:
        return _read_shape(json.loads(config.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read_shape(config: dict[str, Any]) -> Shape:
    width, heads = config["hidden_size"], config["num_attention_heads"]
    size = config.get("head_dim") or width // heads
    return Shape(
        width=width,
        layers=config["num_hidden_layers"],
        mlp=config.get("intermediate_size") or 4 * width,
        rows=config["vocab_size"],
        keys=size * (config.get("num_key_value_heads") or heads),
        gated=config.get("hidden_act") in ("silu", "swiglu") or "hidden_activation" in config,  # Gemma's, ModernBERT's.
        tied=bool(config.get("tie_word_embeddings", True)),  # Left out of many a file where it is true.
        queries=None if size * heads == width else size * heads,
    )


def _stages(recipe: Recipe, base: Shape) -> Iterator[Estimate]:
    encoder, frozen = _encoder(recipe), _frozen(recipe.base, base)
    if recipe.represent:
        training, positions = recipe.represent.training, recipe.represent.positions
        yield Estimate(
            "represent",
            {
                "encoder": _trained(_parameters(encoder), training),
                "activations": _layers(encoder, training.batch * positions, checkpoints=False),
                "scores": _masked(recipe.represent) * encoder.rows * SCORED,
                "CUDA": CONTEXT,
            },
        )
    reader = _parameters(encoder) + _mapper(encoder, base, recipe)
    for name, part in recipe.map.parts.items() if recipe.map else ():
        places = part.batch * PAIR
        through = _layers(base, places, recipe.base.gradient_checkpointing) if name == "through" else 0
        scores = places // 2 * base.rows * SCORED if name == "through" else 0  # Of the translation.
        yield Estimate(
            f"map {name}",
            {
                "base": frozen,
                "encoder and mapper": _trained(reader, part),
                "activations": through + _layers(encoder, places, checkpoints=False),
                "scores": max(scores, _settling(recipe, base, places)),  # At different times.
                "CUDA": CONTEXT,
            },
        )
    if recipe.tune:
        training, places = recipe.tune.training, recipe.tune.training.batch * recipe.tune.max_length
        lora = base.layers * recipe.tune.rank * sum(one + other for one, other in base.linears())
        parts = {
            "base": frozen,
            "encoder and mapper": _trained(reader, training),
            "LoRA": _trained(lora, training),
            "activations": _layers(base, places, recipe.base.gradient_checkpointing)
            + _layers(encoder, places, checkpoints=False),
            "scores": min(places, TILE[0]) * min(base.rows, TILE[1]) * WIDTHS[recipe.base.dtype or "bfloat16"],
            "CUDA": CONTEXT,
        }
        if recipe.tune.answer == "own":
            voice = 2 * encoder.width * base.width + 2 * encoder.rows
            parts["voice"] = _trained(voice, training)
            parts["scores"] = min(places, SCORED_AT_ONCE) * (base.rows + encoder.rows) * SCORED
        parts["scores"] = max(parts["scores"], _settling(recipe, base, places))
        yield Estimate("tune", parts)


def _frozen(base: Base, shape: Shape) -> int:
    wide = WIDTHS[base.dtype or "bfloat16"]
    return int(shape.linear_parameters * (NF4 if base.four_bit else wide) + shape.embedding_parameters * wide)


def _encoder(recipe: Recipe) -> Shape:
    made = recipe.represent
    if made and made.start_from is None:  # A ModernBERT, whose MLP is gated and twice as wide as the rest.
        return Shape(made.width, made.layers, 2 * made.width, made.vocabulary, made.width, gated=True, tied=True)
    name = made.start_from if made else recipe.encoder or f"{recipe.adapter}/encoder"
    return shape_of(str(name)) or USUAL_ENCODER


def _mapper(encoder: Shape, base: Shape, recipe: Recipe) -> int:
    hidden = (recipe.map and recipe.map.hidden) or 2 * max(encoder.width, base.width)
    return hidden * (encoder.width + base.width)


def _settling(recipe: Recipe, base: Shape, places: int) -> int:
    """Of soft tokens compared with every row of the embedding; what an adapter from elsewhere does is not known."""
    return min(places * base.rows, SETTLED) * SCORED if recipe.map and recipe.map.sharpness else 0


def _parameters(shape: Shape) -> int:
    return shape.linear_parameters + shape.embedding_parameters


def _trained(parameters: int, training: Training) -> int:
    """With gradient and the two averages of Adam, in float32 or in eight bits."""
    averages = 2 if "8bit" in str(training.extra.get("optim")) else 8
    return parameters * (TRAINED + averages)


def _masked(settings: Represent) -> int:
    """Positions that stage 1 scores: a fresh ModernBERT those that are masked, a published encoder perhaps all."""
    places = settings.training.batch * settings.positions
    return places if settings.start_from else int(settings.mask * places)


def _layers(shape: Shape, places: int, checkpoints: bool) -> int:
    kept = 2 * shape.layers + 34 if checkpoints else 34 * shape.layers
    return kept * places * shape.width
