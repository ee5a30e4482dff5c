"""The gate: which LoRA answers where.

A batch in one language runs its LoRA over all rows, and what it makes of other positions is set to zero. With more
languages each LoRA would cost as much again, on rows that are not its own; so where each row answers to one language
at most, PEFT is told which, and runs each LoRA on its own rows alone.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from newtongue.errors import NewtongueError
from newtongue.languages import module_name
from newtongue.ranges import Ranges

from .lora import active_others, lora_layers, use_lora

NOBODY = "__base__"  # PEFT's name for a row without LoRA.
Elsewhere = dict[str, Tensor | None]


class Gate:
    """Lets the LoRA of each language answer where a forward's positions do, and nowhere else.

    Attributes:
        elsewhere: for each language answered to in the latest forward, or in the one that gradients go back through
            now, `[batch, positions]`, bool, where another one is or none; None where that is nowhere.
        disabled: LoRAs of others that are switched off until they are enabled again; None while they are enabled.
    """

    def __init__(self, base: PreTrainedModel) -> None:
        self.elsewhere: Elsewhere = {}
        self.disabled: list[str] | None = None
        self._base = [base]
        self._own_rows: dict[str, list[int]] = {}  # Of each language, while each LoRA sees its own rows alone.
        self._hooks: list[RemovableHandle] = []

    def set(self, answers_to: Tensor | None, ranges: Ranges) -> None:
        """Before a forward: let only the LoRAs run that it needs.

        Args:
            answers_to: `[batch, positions]`, the language that each position answers to, as an index into `ranges`,
                -1 for the base alone; None where that holds for all.
        """
        self.close()
        elsewhere: Elsewhere = {}
        if answers_to is not None:
            for language in ranges.named(answers_to):
                other = answers_to != ranges.index(language)
                elsewhere[language] = other if bool(other.any()) else None
        self._use(elsewhere)
        # PEFT picks rows for inference alone, and in a step of decoding that would cost more than it saves.
        if len(elsewhere) > 1 and answers_to is not None and answers_to.shape[1] > 1 and not torch.is_grad_enabled():
            self._part(answers_to, ranges)

    def close(self) -> None:
        """After a forward: PEFT is told of no rows any more."""
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._own_rows = [], {}

    def go_back(self, elsewhere: Elsewhere, _gradient: Tensor) -> None:
        """Let layers that gradient checkpointing runs again answer as in their own forward, not in the latest."""
        if elsewhere is not self.elsewhere:
            self._use(elsewhere)

    def keep(self, language: str, hidden: Tensor) -> Tensor:
        """What a LoRA makes of `[batch, positions, …]` where positions answer to its `language`, else zero.

        Raises:
            NewtongueError: the layer saw other positions than the base's input has.
        """
        if language not in self.elsewhere:
            return torch.zeros_like(hidden)
        elsewhere = self.elsewhere[language]
        if elsewhere is None:
            return hidden
        rows = self._own_rows.get(language, [])
        # Never as many as the batch has: while rows are parted, some are another language's.
        if hidden.dim() > 2 and len(hidden) == len(rows):
            elsewhere = elsewhere[rows]
        positions = hidden.shape[:-1]
        # Some layers, such as shared experts, see positions flattened; those of latent attention one head of them.
        flat = len(positions) == 1 and positions.numel() == elsewhere.numel()
        if not flat and _without_ones(positions) != _without_ones(elsewhere.shape):
            raise NewtongueError(
                f"A layer of the base with LoRA sees {tuple(positions)} positions where the input has "
                f"{tuple(elsewhere.shape)}. Name other target_modules in LoraConfig."
            )
        return hidden.masked_fill(elsewhere.reshape(*positions, 1).to(hidden.device), 0)

    def _use(self, elsewhere: Elsewhere) -> None:
        self.elsewhere = elsewhere
        use_lora(self._base[0], elsewhere)

    def _part(self, answers_to: Tensor, ranges: Ranges) -> None:
        """Have each LoRA run on its own rows alone, if no row has two and nobody else's LoRA is at work."""
        of_row = answers_to.amax(1)
        two = (answers_to >= 0) & (answers_to != of_row[:, None])
        if bool(two.any()) or active_others(self._base[0]):
            return
        numbers = of_row.tolist()
        self._own_rows = {
            language: [row for row, number in enumerate(numbers) if number == ranges.index(language)]
            for language in self.elsewhere
        }
        names = [NOBODY] * len(numbers)
        for language, rows in self._own_rows.items():
            for row in rows:
                names[row] = module_name(language)
        self._hooks = [
            layer.register_forward_pre_hook(partial(_tell, names), with_kwargs=True)
            for layer in cast(Iterator[nn.Module], lora_layers(self._base[0]))
            if _takes_names(type(layer).forward)
        ]


def _without_ones(shape: torch.Size) -> list[int]:
    return [one for one in shape if one != 1]


@cache
def _takes_names(forward: Callable[..., Any]) -> bool:
    """Whether PEFT's layer can be told of rows; those over some kinds of quantised weights cannot."""
    return any(one.kind is one.VAR_KEYWORD for one in inspect.signature(forward).parameters.values())


def _tell(names: list[str], _layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    whole = args and args[0].dim() > 2 and len(args[0]) == len(names)
    return args, {**kwargs, "adapter_names": names} if whole else kwargs
