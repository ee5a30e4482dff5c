"""LoRA that answers by position: PEFT's own layers, gated by the language each position answers to.

PEFT keeps one LoRA a language side by side in each layer and adds them all. A hook on each LoRA's output sets
it to zero where the position answers to another language or to none, so those positions come out of the base
alone, bit for bit. This holds in training, in generation and inside packed rows, which PEFT's own
`adapter_names` (one name a row, never in training) does not reach.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial

import torch
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers import PreTrainedModel

from .errors import AdapterFormatError, NewtongueError

Gate = Callable[[Tensor], Tensor]
State = dict[str, Tensor]


def check_lora(config: LoraConfig) -> LoraConfig:
    """Return `config` if its LoRA can be gated by position.

    Raises:
        NewtongueError: the LoRA is not a plain sum onto the layer's output (DoRA and other variants), or it
            would tune more than LoRA weights.
    """
    for option in ("use_dora", "modules_to_save", "trainable_token_indices", "target_parameters"):
        if getattr(config, option, None):
            raise NewtongueError(
                f"LoraConfig({option}={getattr(config, option)!r}) changes the base for every row, also for rows in "
                "other languages. Leave it out: newtongue applies plain LoRA, row by row."
            )
    if config.bias != "none":
        raise NewtongueError(f"LoraConfig(bias={config.bias!r}) tunes the base's own biases. Set bias='none'.")
    return config


def add_lora(base: PreTrainedModel, name: str, config: LoraConfig, gate: Gate, state: State | None) -> None:
    """Put the LoRA `name` into `base`, float32, gated by `gate`, with the weights of `state` if given.

    Raises:
        AdapterFormatError: `state` lacks a weight, has one too many or one of another shape.
    """
    base.add_adapter(check_lora(deepcopy(config)), adapter_name=name)
    for layer in lora_layers(base):
        if name in layer.lora_B:
            for part in (layer.lora_A[name], layer.lora_B[name]):
                part.to(dtype=torch.float32)
            layer.lora_B[name].register_forward_hook(partial(_gated, gate))
    base.set_adapter(sorted(base.peft_config))
    if state is not None:
        load_lora(base, name, state)


def load_lora(base: PreTrainedModel, name: str, state: State) -> None:
    """Fill the LoRA `name` of `base` with `state`; keys are PEFT's, without the adapter's name.

    Raises:
        AdapterFormatError: a key is missing or not known, or a shape differs.
    """
    known = lora_state(base, name)
    missing, unknown = sorted(known.keys() - state.keys()), sorted(state.keys() - known.keys())
    shapes = [key for key in known.keys() & state.keys() if known[key].shape != state[key].shape]
    for problem, keys in (("lacks", missing), ("has unknown", unknown), ("has other shapes for", sorted(shapes))):
        if keys:
            raise AdapterFormatError(
                f"The LoRA of {name!r} {problem} {len(keys)} weights, the first {keys[0]!r}: it was made for another "
                "architecture or its file is incomplete. Get the adapter again, or load the base it names."
            )
    set_peft_model_state_dict(base, state, adapter_name=name)


def lora_state(base: PreTrainedModel, name: str) -> State:
    """The weights of the LoRA `name`, under the keys PEFT saves."""
    state: State = get_peft_model_state_dict(base, adapter_name=name)
    return {key: value.detach() for key, value in state.items()}


def remove_lora(base: PreTrainedModel, name: str) -> None:
    """Take the LoRA `name` out; a layer left without any LoRA becomes the base's own layer again."""
    for path, layer in [(path, module) for path, module in base.named_modules() if isinstance(module, LoraLayer)]:
        if name in layer.lora_A:
            layer.delete_adapter(name)
        if not layer.lora_A:
            parent, _, leaf = path.rpartition(".")
            setattr(base.get_submodule(parent), leaf, layer.get_base_layer())
    base.peft_config.pop(name)
    if base.peft_config:
        base.set_adapter(sorted(base.peft_config))
    else:
        base._hf_peft_config_loaded = False
        del base.peft_config


def lora_layers(base: nn.Module) -> Iterator[LoraLayer]:
    """PEFT's LoRA layers in `base`."""
    return (module for module in base.modules() if isinstance(module, LoraLayer))


def lora_parameters(base: nn.Module, name: str) -> Iterator[nn.Parameter]:
    """The weights of one LoRA."""
    for layer in lora_layers(base):
        if name in layer.lora_A:
            yield from layer.lora_A[name].parameters()
            yield from layer.lora_B[name].parameters()



def _gated(gate: Gate, _module: nn.Module, _args: tuple[Tensor, ...], delta: Tensor) -> Tensor:
    return gate(delta)
