"""The head: the base's output head, with the tokens of languages that write beside its own.

```
 columns   0 … V-1      written by tr          read by tr    written by ja
           the base's   the voice of tr          −inf        the voice of ja      [batch, positions, columns]
```

A row that answers to no language that writes has the base's own columns and no others; beside rows that have more, it
is −inf there. In the others a grammar of one step holds: after a token written in a language comes another one, or the
one that closes; anywhere else any of these or of the base's own. The one that opens is for prompts alone, whose answer
is to be in that language.

The base's head stays where it is, with its name and its tied weight; this stands around it by hooks.
"""

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from newtongue.float32 import computing_as

if TYPE_CHECKING:
    from newtongue.attaching.port import Port

NEVER = -1e4  # In place of −inf where losses multiply it by its probability.


class Head:
    """What `get_output_embeddings` gives of a base with languages that write: also a linear layer, to be read.

    Its `weight` and `bias` are for losses that never ask for logits. During a forward they are put together once.
    """

    def __init__(self, base: PreTrainedModel, port: "Port") -> None:
        self.own: Any = base.get_output_embeddings()
        self.port = port
        self._capped = getattr(base.config.get_text_config(), "final_logit_softcapping", None) is not None
        self._kept: int | Tensor = 0
        self._closed: Tensor | None = None
        self._linear: tuple[Tensor, Tensor] | None = None
        self._running = self._scored = False
        self._hooks = [
            base.register_forward_pre_hook(self._before_base, with_kwargs=True),
            self.own.register_forward_hook(self._after_head),
            base.register_forward_hook(self._after_base),
        ]

    def close(self) -> None:
        """Take the hooks off the base."""
        for hook in self._hooks:
            hook.remove()

    @property
    def weight(self) -> Tensor:
        """`[columns, width]`, those of nobody zero."""
        return self._as_linear()[0]

    @property
    def bias(self) -> Tensor:
        """`[columns]`, those of nobody so low that they are never said."""
        return self._as_linear()[1]

    def _as_linear(self) -> tuple[Tensor, Tensor]:
        if self._linear is not None:
            return self._linear
        weight = self.own.weight
        bias = getattr(self.own, "bias", None)
        weights, biases, end = [weight], [weight.new_zeros(len(weight)) if bias is None else bias], len(weight)
        for owned, voice in self.port.voices():
            row, offset = voice.rows()
            weights += [weight.new_zeros(owned.begin - end, weight.shape[1]), row.to(weight)]
            biases += [weight.new_full((owned.begin - end,), NEVER), offset.to(weight)]
            end = owned.start
        linear = torch.cat(weights), torch.cat(biases)
        self._linear = linear if self._running else None
        return linear

    def _before_base(self, base: nn.Module, _args: Any, kwargs: dict[str, Any]) -> None:
        self._scored = kwargs.get("labels") is not None and not base.training
        self._kept, self._running = kwargs.get("logits_to_keep", 0), True
        self._closed = self._linear = None

    def logits(self, states: Tensor, answers: Tensor, inside: Tensor) -> Tensor:
        """Scores of states `[…, width]` that answer to and write what `answers` and `inside` `[…]` say, as the port's.

        For losses that ask for the scores of some positions alone; a forward gives those of all it keeps.
        """
        return self._with_voices(self.own(states), states, answers, inside)

    def _after_head(self, _module: nn.Module, args: tuple[Tensor, ...], logits: Tensor) -> Tensor:
        port, states = self.port, args[0]
        if port.answers_to is None or port.inside is None:
            return logits
        kept = slice(-self._kept, None) if isinstance(self._kept, int) else self._kept
        answers, inside = (one[:, kept].to(logits.device) for one in (port.answers_to, port.inside))
        if answers.shape != states.shape[:-1]:
            return logits  # The head was called by itself.
        wide = self._with_voices(logits, states, answers, inside)
        self._closed = wide.isneginf() if self._capped and wide is not logits else None
        return wide

    def _with_voices(self, logits: Tensor, states: Tensor, answers: Tensor, inside: Tensor) -> Tensor:
        voices, heard = self.port.voices(), {*answers.unique().tolist(), *inside.unique().tolist()}
        if not any(owned.start in heard for owned, _ in voices):
            return logits
        wide = logits.new_full((*answers.shape, voices[-1][0].start), -math.inf)
        wide[..., : logits.shape[-1]] = logits.masked_fill((inside >= 0)[..., None], -math.inf)
        for owned, voice in voices:
            if owned.start in heard:
                here = (inside == owned.start) | ((inside < 0) & (answers == owned.start))
                with computing_as(logits):
                    said = voice(states).to(logits)
                wide[..., owned.begin : owned.start] = said.masked_fill(~here[..., None], -math.inf)
                wide[..., owned.begin + owned.opens] = -math.inf
        return wide

    def _after_base(self, _module: nn.Module, _args: Any, output: Any) -> None:
        """Close again what a base that caps its logits has opened, and give what is evaluated all columns."""
        logits = getattr(output, "logits", None)
        if self._closed is not None and logits is not None:
            logits = output.logits = logits.masked_fill(self._closed, -math.inf)
        if self._scored and logits is not None:  # Trainers put those of all batches together.
            missing = self.port.voices()[-1][0].start - logits.shape[-1]
            output.logits = nn.functional.pad(logits, (0, missing), value=-math.inf)
        self._closed = self._linear = None
        self._running = False
