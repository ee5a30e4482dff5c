"""The lookup: the base's embedding, with soft tokens in the place of what is read in a language.

```
 input_ids     7   12   V+2  V+91 V+4  V+3   15        one row; V = rows of the base's embedding
               │    │    │    └──┬─┘    │     │
            embedding  opens  encoder  closes embedding     the run is read in both directions, then mapped
               │    │    │    ┌──┴─┐    │     │
 embeddings    ▪    ▪    ▫    ▫    ▫    ▫     ▪        [batch, positions, width]
```

The base's embedding module stays where it is, with its hooks, its tied weight and its name in a state dict; this stands
around it by a hook before and a hook after its forward.
"""

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from newtongue.float32 import computing_as
from newtongue.writing.voice import Voice

from .runs import find_runs, segments

if TYPE_CHECKING:
    from newtongue.attaching.port import Port


class Lookup:
    """What a base's embedding gives of ids, its own and those of languages.

    Attributes:
        sequence: `[batch, positions]`: the packed sequence that each position of the forward belongs to, as `segments`
            numbers them, which the port says before the embedding is asked; None where it is asked by itself.
    """

    def __init__(self, base: PreTrainedModel, port: "Port") -> None:
        self.port = port
        self.sequence: Tensor | None = None
        self._ids: Tensor | None = None
        embedding = base.get_input_embeddings()
        self._hooks = [
            embedding.register_forward_pre_hook(self._before_embedding),
            embedding.register_forward_hook(self._after_embedding),
        ]

    def close(self) -> None:
        """Take the hooks off the embedding."""
        for hook in self._hooks:
            hook.remove()

    def end_forward(self) -> None:
        """Let go of what belongs to one forward."""
        self.sequence = self._ids = None

    def _before_embedding(self, _module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        ids = args[0]
        self._ids = None
        if ids.numel() == 0 or int(ids.max()) < self.port.ranges.base_rows:
            return None
        self.port.ranges.check(ids)
        self._ids = ids
        return (ids.where(ids < self.port.ranges.base_rows, 0), *args[1:])

    def _after_embedding(self, _module: nn.Module, _args: tuple[Tensor, ...], embedded: Tensor) -> Tensor:
        ids, self._ids = self._ids, None
        sequence, self.sequence = self.sequence, None
        if ids is None:
            return embedded
        ids = ids.view(-1, ids.shape[-1])  # [batch, positions]
        if sequence is None or sequence.shape != ids.shape:  # The embedding was called by itself.
            sequence = segments(ids.shape, None, ids.device)
        filled = embedded.view(*ids.shape, -1)
        for language in self.port.ranges.named(self.port.ranges.languages_of(ids)):
            filled = self._read(language, ids, sequence.to(ids.device), filled)
            filled = self._hear(language, ids, filled)
        return filled.view_as(embedded)

    def _read(self, language: str, ids: Tensor, sequence: Tensor, embedded: Tensor) -> Tensor:
        """Put the soft tokens of one language at its positions of `embedded` `[batch, positions, width]`."""
        owned = self.port.ranges[language]
        adapter = self.port.adapter(language)
        own = ids - owned.start
        here = (own >= 0) & (own < owned.size)
        if not bool(here.any()):
            return embedded
        opens, closes = here & (own == adapter.encoder.opens), here & (own == adapter.encoder.closes)
        inside, lengths = find_runs(here, opens, closes, sequence)
        with computing_as(embedded):
            boundary = adapter.mapper.boundaries().to(embedded)
            embedded = torch.where(opens[..., None], boundary[0], embedded)
            embedded = torch.where(closes[..., None], boundary[1], embedded)
            if len(lengths):
                soft = adapter(list(own[inside].to(adapter.device).split(lengths.tolist())))
                embedded = embedded.masked_scatter(inside[..., None], soft.to(embedded))
        return embedded

    def _hear(self, language: str, ids: Tensor, embedded: Tensor) -> Tensor:
        """Put what the base hears of one language's written tokens at their positions of `embedded`."""
        owned = self.port.ranges[language]
        here = (ids >= owned.begin) & (ids < owned.start)
        if not bool(here.any()):
            return embedded
        with computing_as(embedded):
            heard = cast(Voice, self.port.adapter(language).voice).hear(ids[here] - owned.begin)
        return embedded.masked_scatter(here[..., None], heard.to(embedded))
