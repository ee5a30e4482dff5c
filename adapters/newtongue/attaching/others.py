"""PEFT adapters of others in an attached model: brought in, chosen and switched as ever, past its languages."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import PreTrainedModel

from newtongue.answering.lora import flags_kept, lora_parameters, peft_names, without_others

from .bare import out_of_sight
from .port import CHILD, Port, port_of


class BesideOthers(PreTrainedModel):
    """The methods of `PreTrainedModel` for PEFT adapters, which see the base alone."""

    def load_adapter(self, *args: Any, **options: Any) -> Any:
        """Load somebody's PEFT adapter into the base alone: layers of encoders have such names too."""
        with _others_alone(self):
            return super().load_adapter(*args, **options)

    def add_adapter(self, *args: Any, **options: Any) -> None:
        """Add a fresh PEFT adapter to the base alone."""
        with _others_alone(self):
            super().add_adapter(*args, **options)

    def set_adapter(self, *args: Any, **options: Any) -> None:
        """Choose among PEFT adapters of others."""
        with _others_alone(self):
            super().set_adapter(*args, **options)

    def disable_adapters(self) -> None:
        """Switch off PEFT adapters of others; languages go on answering."""
        gate = port_of(self).gate
        with _others_alone(self):
            super().disable_adapters()
            gate.disabled = gate.disabled or []

    def enable_adapters(self) -> None:
        """Switch those on again that `disable_adapters` has switched off."""
        gate = port_of(self).gate
        names, gate.disabled = gate.disabled or [], None
        if there := [name for name in names if name in self.peft_config]:
            self.set_adapter(there)


@contextmanager
def _others_alone(base: PreTrainedModel) -> Iterator[None]:
    """Keep the port out of PEFT's sight, and what trains of languages as it is: PEFT freezes all that it does not use.

    LoRAs of others that are disabled stay so, whichever are chosen.
    """
    port = base._modules.get(CHILD)
    if not isinstance(port, Port):  # Within another of these.
        yield
        return
    with flags_kept([one for language in port.ranges for one in lora_parameters(base, language)]), out_of_sight(base):
        yield
    port.others = peft_names(base)
    if port.gate.disabled is not None:
        port.gate.disabled = without_others(base) or port.gate.disabled
