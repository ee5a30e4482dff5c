"""LoRA that answers by position: PEFT's own layers, gated by the language each position answers to.

PEFT keeps one LoRA a language side by side in each layer and adds those of the languages that a batch answers
to. A layer inside each LoRA sets it to zero where the position answers to another language or to none, so those
positions come out of the base alone, bit for bit. This holds in training, in generation and inside packed rows,
which PEFT's own `adapter_names` (one name a row, never in training) does not reach.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import fields
from functools import partial
from typing import Any, cast

from peft import LoraConfig, get_peft_model_state_dict
from peft.tuners.lora import LoraLayer, ParamWrapper
from torch import Tensor, nn
from transformers import PreTrainedModel

from newtongue.base import embedding_table
from newtongue.errors import AdapterFormatError, NewtongueError
from newtongue.float32 import Float32Linear
from newtongue.languages import is_module_name, module_name

Gate = Callable[[Tensor], Tensor]
State = dict[str, Tensor]

PREFIX = "base_model.model."  # What PEFT's files put before a key of the base.
INITS = (True, False, "gaussian", "orthogonal", "eva")  # The others change the base's own weights.
MEANING = {  # Options without which weights cannot be read.
    *("r", "lora_alpha", "lora_bias", "use_rslora", "rank_pattern", "alpha_pattern"),
    *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "fan_in_fan_out"),
}
PLAIN = MEANING | {
    *("task_type", "peft_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision"),
    *("lora_dropout", "init_lora_weights", "eva_config", "inference_mode", "runtime_config"),
}


class GatedLinear(Float32Linear):
    """A part of a LoRA, whose results pass a gate."""

    gate: Gate

    def forward(self, hidden: Tensor) -> Tensor:
        """What the gate leaves of `[…, width]`."""
        return self.gate(nn.functional.linear(hidden, self.weight, self.bias))


def check_lora(config: LoraConfig, width: int) -> LoraConfig:
    """Return `config` if its LoRA can be gated by position, on a base so wide.

    Raises:
        NewtongueError: the LoRA is not a plain sum onto the layer's output (DoRA and other variants), it
            would change more than LoRA weights, or a rank is larger than the base is wide.
    """
    rank = max(config.r, *(config.rank_pattern or {}).values(), 0)
    if rank > width:
        raise NewtongueError(
            f"A LoRA of rank {rank} can do no more than one of {width}, the base's width. Lower its rank."
        )
    default = LoraConfig()
    for option in (item.name for item in fields(LoraConfig)):
        value = getattr(config, option)
        if option not in PLAIN and value and value != getattr(default, option):
            raise NewtongueError(
                f"LoraConfig({option}={value!r}) is not plain LoRA: it would change the base for rows in other "
                "languages too. Leave it out; newtongue applies plain LoRA, position by position."
            )
    if config.init_lora_weights not in INITS:
        raise NewtongueError(
            f"LoraConfig(init_lora_weights={config.init_lora_weights!r}) changes the base's own weights. "
            f"Choose one of {', '.join(map(repr, INITS))}."
        )
    return config


def add_lora(base: PreTrainedModel, language: str, config: LoraConfig, gate: Gate, state: State | None) -> None:
    """Put the LoRA of a language into `base`, float32, gated by `gate`, with the weights of `state` if given.

    What else the base has keeps its `requires_grad`.

    Raises:
        AdapterFormatError: `state` lacks a weight, has one too many or one of another shape.
        NewtongueError: the LoRA names no layer of the base, or one that is not linear, as experts in one piece.
    """
    name = module_name(language)
    others, head = active_others(base), base.get_output_embeddings()
    head = getattr(head, "own", head)  # Beside that of languages which write.
    with flags_kept(base.parameters()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Already found a `peft_config` attribute")  # Of the languages before.
        try:
            base.add_adapter(check_lora(deepcopy(config), embedding_table(base).shape[1]), adapter_name=name)
        except ValueError as error:
            raise NewtongueError(f"The LoRA of {language!r} does not fit this base: {error}") from error
        _activate(base, others)
    for path, layer in lora_paths(base):
        if name in layer.lora_A and isinstance(layer, ParamWrapper):
            raise NewtongueError(
                f"The LoRA of {language!r} is added to the weights of {path}, no linear layer but a router or experts, "
                "for rows in all languages alike. Name linear layers in target_modules, such as q_proj and v_proj."
            )
        if name in layer.lora_A and layer.get_base_layer() is head:
            raise NewtongueError(
                f"The LoRA of {language!r} names the output head, {path}, which sees the last position alone while an "
                "answer is decoded. Take it out of target_modules."
            )
        for parts in (layer.lora_A, layer.lora_B):
            if name in parts:
                parts[name] = _float32(parts[name])
        if name in layer.lora_B:
            # What A gives is narrow and cheap to gate, and zero stays zero in B, unless B has a bias.
            gated = cast(GatedLinear, (layer.lora_B if layer.lora_bias[name] else layer.lora_A)[name])
            gated.__class__, gated.gate = GatedLinear, gate
        elif name in layer.lora_embedding_B:
            raise NewtongueError(
                f"The LoRA of {language!r} names an embedding, which rows of all languages share. Take it out of "
                "target_modules."
            )
    if state is not None:
        load_lora(base, language, state)


def load_lora(base: PreTrainedModel, language: str, state: State) -> None:
    """Fill the LoRA of a language with `state`, under the keys of PEFT's files.

    Raises:
        AdapterFormatError: a key is missing or not known, or a shape differs.
    """
    known = lora_state(base, language)
    missing, unknown = sorted(known.keys() - state.keys()), sorted(state.keys() - known.keys())
    shapes = sorted(key for key in known.keys() & state.keys() if known[key].shape != state[key].shape)
    for problem, keys in (("lacks", missing), ("has unknown", unknown), ("has other shapes for", shapes)):
        if keys:
            raise AdapterFormatError(
                f"The LoRA of {language!r} {problem} {len(keys)} weights, the first {keys[0]!r}: it was made for "
                "another architecture or its file is incomplete. Get the adapter again, or load the base it names."
            )
    for key, weight in known.items():
        weight.copy_(state[key])


def lora_state(base: PreTrainedModel, language: str) -> State:
    """The weights of the LoRA of a language themselves, without gradient, under the keys of PEFT's files."""
    # Not the base's own state dict: on a CPU, bitsandbytes rounds repacked 4-bit weights each time it writes one.
    weights = {key: value for key, value in base.named_parameters() if ".lora_" in key}
    state: State = get_peft_model_state_dict(
        base,
        state_dict=weights,
        adapter_name=module_name(language),
        save_embedding_layers=False,  # Else PEFT asks the Hub whether the base has more of them than it was saved with.
    )
    return {PREFIX + key: value.detach() for key, value in state.items()}


def remove_lora(base: PreTrainedModel, language: str) -> None:
    """Take the LoRA of a language out; a layer left without any LoRA becomes the base's own layer again."""
    name = module_name(language)
    others = active_others(base)
    configs = getattr(base, "peft_config", {})
    configs.pop(name, None)
    with flags_kept(base.parameters()):
        for path, layer in reversed(lora_paths(base)):  # Those inside others first.
            layer.delete_adapter(name)
            if not layer.lora_A:
                base.set_submodule(path, layer.base_layer)
            _make_plain(layer, False)
        if configs:
            without_others(base)  # PEFT puts another in the place of one that was at work.
            _activate(base, others)
    if not configs:
        base.__dict__.pop("_hf_peft_config_loaded", None)
        base.__dict__.pop("peft_config", None)


def use_lora(base: PreTrainedModel, languages: Iterable[str]) -> None:
    """Let only the LoRAs of these languages run, and leave what trains as it is, which PEFT's own switch does not.

    LoRAs of others, loaded before or after, stay on or off as they are.
    """
    layers = lora_layers(base) if hasattr(base, "peft_config") else iter(())
    first = next(layers, None)
    if first is None:
        return
    names = [*_others(first), *(module_name(language) for language in languages)]
    if first._active_adapter == names and _is_plain(first) == (not names):  # All layers are switched together.
        return
    for layer in (first, *layers):
        layer._active_adapter = names
        _make_plain(layer, not names)


def _make_plain(layer: LoraLayer, plain: bool) -> None:
    """Let a layer be the base's own while no LoRA runs: PEFT's way around it is felt in a step of decoding."""
    if plain:
        layer.__dict__["forward"] = partial(_as_base, layer)
    else:
        layer.__dict__.pop("forward", None)


def _as_base(layer: LoraLayer, *args: Any, **kwargs: Any) -> Any:
    """What a layer's base layer of this moment gives: others may put another in its place, as quantising does."""
    return layer.base_layer(*args, **kwargs)


def _is_plain(layer: LoraLayer) -> bool:
    return "forward" in layer.__dict__


def active_others(base: nn.Module) -> list[str]:
    """The LoRAs at work in `base` that belong to no language: those that others made and the user has loaded."""
    layer = next(lora_layers(base), None)
    return [] if layer is None else _others(layer)


def _others(layer: LoraLayer) -> list[str]:
    return [name for name in layer.active_adapters if not is_module_name(name)]


def peft_names(base: nn.Module) -> set[str]:
    """The PEFT adapters of `base` that belong to no language."""
    return {name for name in getattr(base, "peft_config", ()) if not is_module_name(name)}


def others_disabled(base: nn.Module) -> bool:
    """Whether PEFT was told to disable its adapters."""
    return any(layer.disable_adapters for layer in lora_layers(base))


def without_others(base: nn.Module) -> list[str]:
    """Switch off the LoRAs of others alone, where PEFT disables all; their names."""
    others = active_others(base)
    for layer in lora_layers(base):
        layer._active_adapter, layer._disable_adapters = [], False  # A forward adds the languages that it needs.
    return others


def _activate(base: PreTrainedModel, others: list[str]) -> None:
    """Have the LoRAs of all languages run, and these."""
    names = [*others, *(name for name in sorted(base.peft_config) if is_module_name(name))]
    if names:
        base.set_adapter(names)


def lora_layers(base: nn.Module) -> Iterator[LoraLayer]:
    """PEFT's LoRA layers in `base`."""
    return (module for module in base.modules() if isinstance(module, LoraLayer))


def lora_paths(base: nn.Module) -> list[tuple[str, LoraLayer]]:
    """The same with their paths; one inside another comes after it."""
    return [(path, module) for path, module in base.named_modules() if isinstance(module, LoraLayer)]


def lora_parameters(base: nn.Module, language: str) -> Iterator[nn.Parameter]:
    """The weights of the LoRA of one language."""
    name = module_name(language)
    for layer in lora_layers(base):
        if name in layer.lora_A:
            yield from layer.lora_A[name].parameters()
            yield from layer.lora_B[name].parameters()


@contextmanager
def flags_kept(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """PEFT sets `requires_grad` of all it touches, and freezes the rest; here these parameters keep their own."""
    flags = [(parameter, parameter.requires_grad) for parameter in parameters]
    try:
        yield
    finally:
        for parameter, flag in flags:
            parameter.requires_grad_(flag)


def _float32(part: nn.Module) -> nn.Module:
    """A part of a LoRA as one that stays float32."""
    if type(part) is not nn.Linear:
        raise NewtongueError(f"LoRA on a {type(part).__name__} is not applied by position. Name linear layers.")
    part.float().__class__ = Float32Linear
    return part
