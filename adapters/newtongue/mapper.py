"""The mapper: from what the encoder read to vectors that stand among the base's embeddings."""

import torch
from torch import Tensor, nn

from .config import MapperConfig


class Mapper(nn.Module):
    """Norm → linear → GELU → dropout → linear, scaled to the norm of the base's embeddings.

    The last layer works at unit size and the fixed `scale` brings its output to the size of an embedding, so
    one learning rate suits every base. `boundary` holds the two learned vectors that open and close a run.
    """

    def __init__(self, config: MapperConfig) -> None:
        super().__init__()
        self.config = config
        self.norm = nn.LayerNorm(config.encoder_width)
        self.up = nn.Linear(config.encoder_width, config.hidden)
        self.activation = nn.GELU()
        self.dropout = nn.Dropout(config.dropout)
        self.down = nn.Linear(config.hidden, config.base_width)
        self.boundary = nn.Parameter(torch.randn(2, config.base_width))
        # Unit variance at the output: a normalised input leaves GELU with a second moment near 0.4.
        nn.init.normal_(self.up.weight, std=config.encoder_width**-0.5)
        nn.init.normal_(self.down.weight, std=(0.4 * config.hidden) ** -0.5)
        nn.init.zeros_(self.up.bias)
        nn.init.zeros_(self.down.bias)

    def forward(self, states: Tensor) -> Tensor:
        """Map encoder states `[..., encoder_width]` to soft tokens `[..., base_width]`."""
        hidden = self.dropout(self.activation(self.up(self.norm(states))))
        soft: Tensor = self.down(hidden) * self.config.scale
        return soft

    def boundaries(self) -> Tensor:
        """The vectors that open and close a run, `[2, base_width]`."""
        return self.boundary * self.config.scale
