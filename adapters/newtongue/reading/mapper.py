"""The mapper: from what the encoder read to vectors that stand among the base's embeddings."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from newtongue.saving.config import MapperConfig

AT_ONCE = 2**25  # Scores of soft tokens that settle together, each compared with every token of the base: 128 MiB,
LONGEST_LOT = 1024  # and soft tokens of a lot at most.


def nearness(soft: Tensor, table: Tensor, sharpness: float) -> Tensor:
    """Scores of embeddings for each soft token, whose softmax is `exp(−sharpness · d²)` over the sum of all.

    Args:
        soft: `[..., base_width]`, of the table's type.
        table: `[rows, base_width]`.
        sharpness: per squared distance.

    Returns:
        `[..., rows]`, float32. A soft token's own norm, the same for all rows, is left out.
    """
    wide = torch.promote_types(table.dtype, torch.float32)
    norms = torch.linalg.vector_norm(table, dim=-1, dtype=wide).square()  # A table's square is as large as the table.
    near: Tensor = 2 * (soft @ table.T).float() - norms.float()
    return near * sharpness


class Mapper(nn.Module):
    """Norm → linear → GELU → dropout → linear, scaled to the norm of the base's embeddings.

    The last layer works at unit size and the fixed `scale` brings its output to the size of an embedding, so
    one learning rate suits every base. `boundary` holds the two learned vectors that open and close a run.

    Attributes:
        settles: whether soft tokens settle, where the config has a sharpness; a training may put it off.
    """

    def __init__(self, config: MapperConfig) -> None:
        super().__init__()
        self.config = config
        self.settles = True
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

    def settle(self, soft: Tensor, table: Tensor, factor: float = 1.0) -> Tensor:
        """Put soft tokens among what the base knows how to read: mixtures of the embeddings they are near to.

        Each embedding counts by `exp(−sharpness · d² / unit)`, with `unit` the squared norm of a typical one. A base is
        lost where no embedding ever was; between two it knows, it finds its way (mixtures of text embeddings as in
        AlignVLM, Masry et al., 2025, where learned scores weigh them).

        Args:
            soft: `[tokens, base_width]`, as `forward` gives it.
            table: the base's embeddings, `[rows, base_width]`.
            factor: what the base multiplies its table by to read it.

        Returns:
            `[tokens, base_width]`; `soft` itself where nothing is to settle.
        """
        if not (self.config.sharpness and self.settles):
            return soft
        sharpness = self.config.sharpness / self.config.unit * factor**2  # In the table's own measure, as all below.

        def mixed(some: Tensor) -> Tensor:
            weights = nearness((some / factor).to(table.dtype), table, sharpness).softmax(-1)
            mixture: Tensor = weights.to(table.dtype) @ table
            return mixture.to(some.dtype) * factor

        kept = torch.is_grad_enabled()
        lots = soft.split(min(LONGEST_LOT, max(1, AT_ONCE // len(table))))
        return torch.cat([checkpoint(mixed, lot, use_reentrant=False) if kept else mixed(lot) for lot in lots])

    def boundaries(self) -> Tensor:
        """The vectors that open and close a run, `[2, base_width]`."""
        return self.boundary * self.config.scale
