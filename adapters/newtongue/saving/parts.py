"""The parts of an adapter as they lie in its folder: encoder, mapper, LoRA, voice, and what describes them."""

from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from peft import LoraConfig, TaskType
from safetensors.torch import load_file, save_file

from newtongue.answering.lora import State, check_lora
from newtongue.card import write_card
from newtongue.errors import AdapterFormatError
from newtongue.reading.encoder import Encoder
from newtongue.reading.mapper import Mapper
from newtongue.writing.voice import Voice

from .claims import check_encoder, check_lora_rank, check_mapper
from .config import FORMAT_VERSION, WITH_VOICE, ModalityConfig
from .folder import check_folder, checksums
from .precision import write_as

if TYPE_CHECKING:
    from newtongue.adapter import ModalityAdapter

Parts = tuple[Encoder, Mapper, LoraConfig | None, State | None, Voice | None]


def read_parts(folder: Path, config: ModalityConfig) -> Parts:
    """Encoder, mapper, LoRA and its weights, and voice, as `config` lists them.

    Raises:
        AdapterFormatError: a part is missing, damaged or forbidden.
    """
    check_folder(folder, config.files)
    for part in ("mapper.safetensors", "encoder/config.json", "encoder/model.safetensors"):
        if part not in config.files:
            raise AdapterFormatError(f"{folder} lists no {part}, a part of every adapter. Get the adapter again.")
    try:
        check_encoder(folder / "encoder")
        encoder = Encoder.from_pretrained(folder / "encoder", trust_remote_code=False, use_safetensors=True)
        check_mapper(config.mapper, folder / "mapper.safetensors")
        mapper = Mapper(config.mapper).float()  # Whatever torch makes by default.
        mapper.load_state_dict(load_file(folder / "mapper.safetensors"))
        lora = weights = None
        if "lora/adapter_config.json" in config.files:
            lora = LoraConfig.from_pretrained(str(folder / "lora"))
            check_lora_rank(lora, config.mapper.base_width, folder / "lora")
            check_lora(lora, config.mapper.base_width)
            weights = load_file(folder / "lora" / "adapter_model.safetensors") or None
        voice = None
        if config.writes:
            voice = Voice(encoder, config.mapper.base_width).float()
            voice.load_state_dict(load_file(folder / "voice.safetensors"))
    except AdapterFormatError:
        raise
    except Exception as error:  # Of many kinds: a forged config fails wherever a library first uses it.
        raise AdapterFormatError(f"A part of {folder} cannot be read: {error}. Get the adapter again.") from error
    if encoder.vocabulary != config.vocabulary:
        raise AdapterFormatError(
            f"{folder} names a vocabulary of {config.vocabulary} and its tokenizer has {encoder.vocabulary} ids. "
            "Get the adapter again."
        )
    return encoder, mapper, lora, weights, voice


def write_parts(adapter: "ModalityAdapter", dtype: torch.dtype, folder: Path) -> None:
    """Write all of an adapter into an empty folder, its weights as `dtype`."""
    adapter.encoder.save_pretrained(folder / "encoder")
    for name, part in (("mapper", adapter.mapper), ("voice", adapter.voice)):
        if part is not None:
            held = {key: value.contiguous() for key, value in part.state_dict().items()}
            save_file(held, folder / f"{name}.safetensors", metadata={"format": "pt"})
    weights = adapter.lora_weights()
    if adapter.lora is not None:
        base = adapter.config.base
        lora = copy(adapter.lora)
        lora.task_type = lora.task_type or TaskType.CAUSAL_LM
        if base.on_hub:  # With both, PEFT finds the base by itself.
            lora.base_model_name_or_path, lora.revision = base.id, base.revision
        lora.save_pretrained(str(folder / "lora"))
        # None are there before it was attached, which makes them.
        contiguous = {name: value.contiguous() for name, value in (weights or {}).items()}
        save_file(contiguous, folder / "lora" / "adapter_model.safetensors", metadata={"format": "pt"})
    if dtype != torch.float32:
        write_as(dtype, folder)
    version = FORMAT_VERSION if adapter.voice is None else WITH_VOICE
    config = replace(adapter.config, files=checksums(folder), format_version=version)
    config.write(folder)
    write_card(folder, config, adapter.lora)
