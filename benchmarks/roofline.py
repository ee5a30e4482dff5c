"""What a job must compute and move, over what the device was measured to do.

Williams, Waterman and Patterson (2009), Roofline: an insightful visual performance model.
"""

from dataclasses import dataclass
from functools import cache

import torch

from newtongue_recipes.estimates import NF4

from .shapes import RANK, Shape
from .timing import side_by_side

SIZE = {"cpu": (1024, 2**25), "cuda": (8192, 2**30)}  # Rows of the matrices multiplied, bytes copied.


@dataclass(frozen=True)
class Work:
    """Floating-point operations and bytes."""

    flops: float
    moved: float

    def __add__(self, other: "Work") -> "Work":
        return Work(self.flops + other.flops, self.moved + other.moved)

    def roof(self, seconds: float, device: str) -> float:
        """Share of the speed that the device's ceilings allow."""
        flops, moved = ceilings(device)
        return max(self.flops / flops, self.moved / moved) / seconds


@cache
def ceilings(device: str) -> tuple[float, float]:
    """Operations a second of a matrix product (bfloat16 on a GPU, float32 on a CPU), bytes a second of a copy."""
    rows, copied = SIZE[device]
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    one = torch.randn(rows, rows, dtype=dtype, device=device)
    source = torch.empty(copied, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    times = side_by_side({"product": lambda: one @ one, "copy": lambda: target.copy_(source)}, 5, device=device)
    return 2 * rows**3 / min(times["product"].seconds), 2 * copied / min(times["copy"].seconds)


def forward(shape: Shape, batch: int, positions: int, heads: int | None = None) -> Work:
    """Of a base's forward over rows of `positions`; logits of the last `heads` positions, or of all."""
    sizes, places = shape.sizes, batch * positions
    linear = 2 * sizes.linear_parameters * places
    attention = 2 * sizes.layers * sizes.width * positions * places  # Causal: half of all pairs.
    head = 2 * sizes.rows * sizes.width * (places if heads is None else batch * heads)
    wide = 2 if shape.four_bit or shape.half else 4
    weights = sizes.linear_parameters * (NF4 if shape.four_bit else wide) + sizes.rows * sizes.width * wide
    return Work(linear + attention + head, weights)


def encoder_forward(shape: Shape, places: int) -> Work:
    """Of encoder and mapper over so many tokens, and of settling: a product with the base's table and one back."""
    encoder, width = shape.encoder, shape.sizes.width
    hidden = 2 * max(encoder.width, width)
    parameters = encoder.layers * 10 * encoder.width**2 + hidden * (encoder.width + width)
    return Work((2 * parameters + 4 * shape.sizes.rows * width) * places, 4 * parameters)


def lora_parameters(shape: Shape) -> int:
    """Numbers of a LoRA on all linear layers."""
    return shape.sizes.layers * RANK * sum(one + other for one, other in shape.sizes.linears())


def training(shape: Shape, batch: int, positions: int, read: int = 0) -> Work:
    """Of a LoRA step: the frozen base once forward and once back, what trains twice back; `read` tokens by encoder."""
    base, reader = forward(shape, batch, positions), encoder_forward(shape, read)
    lora = Work(6 * lora_parameters(shape) * batch * positions, 16 * lora_parameters(shape))
    return Work(2 * base.flops + 3 * reader.flops, 2 * base.moved + 7 * reader.moved) + lora
