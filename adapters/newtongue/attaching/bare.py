"""The base alone: an attached model's module tree and state without what languages have added."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from torch import nn
from transformers import PreTrainedModel

from newtongue.answering.lora import lora_paths

from .port import CHILD


@contextmanager
def bare(base: PreTrainedModel) -> Iterator[None]:
    """For as long as it lasts, the base's module tree is its own: no port, no LoRA layers."""
    with out_of_sight(base):
        tuned = lora_paths(base)
        has_lora, base._hf_peft_config_loaded = base._hf_peft_config_loaded, False
        try:
            for path, layer in reversed(tuned):  # Those inside others first.
                base.set_submodule(path, layer.get_base_layer())
            yield
        finally:
            for path, layer in tuned:
                base.set_submodule(path, cast(nn.Module, layer))
            base._hf_peft_config_loaded = has_lora


@contextmanager
def out_of_sight(base: PreTrainedModel) -> Iterator[None]:
    """Keep the port out of the module tree while PEFT looks for layers by name."""
    port = base._modules.pop(CHILD)
    try:
        yield
    finally:
        base.add_module(CHILD, port)


def own_state(state: dict[str, Any]) -> dict[str, Any]:
    """What of an attached model's state is the base's, under the base's own keys."""
    own = {key: value for key, value in state.items() if not key.startswith(f"{CHILD}.") and ".lora_" not in key}
    return {key.replace(".base_layer.", "."): value for key, value in own.items()}
