"""What an adapter is: its parts, read and counted, as plain values."""

from math import prod
from typing import Any

from newtongue.languages import language_name
from newtongue_recipes.inspecting.health import lora_health, mapper_health
from newtongue_recipes.inspecting.parts import Parts

Facts = dict[str, Any]


def facts_of(parts: Parts) -> Facts:
    """All that can be said of an adapter without its base, ready for JSON; None where a part cannot be trusted."""
    config = parts.config
    groups = {"encoder": "encoder/", "mapper": "mapper.safetensors", "voice": "voice.safetensors", "lora": "lora/"}
    return {
        "adapter": parts.source,
        "commit": parts.commit,
        "language": {"tag": config.language, "name": language_name(config.language)},
        "base": {
            "id": config.base.id or None,
            "revision": config.base.revision,
            "architecture": config.base.architecture,
            "width": config.base.width,
            "rows": config.base.rows,
        },
        "vocabulary": config.vocabulary,
        "borrows": config.borrows,
        "encoder": _encoder(parts),
        "mapper": {
            "shape": [config.mapper.encoder_width, config.mapper.hidden, config.mapper.base_width],
            "dropout": config.mapper.dropout,
            "sharpness": config.mapper.sharpness,
            "parameters": _parameters(parts, "mapper.safetensors"),
            "health": mapper_health(parts),
        },
        "voice": {"parameters": _parameters(parts, "voice.safetensors")} if config.writes else None,
        "lora": _lora(parts),
        "bytes": {
            name: sum(size for path, size in parts.sizes.items() if path.startswith(prefix))
            for name, prefix in groups.items()
        },
        "verified": parts.verified,
        "problem": parts.problem,
        "notes": config.notes,
        "format_version": config.format_version,
        "newtongue_version": config.newtongue_version,
    }


def _encoder(parts: Parts) -> Facts:
    said = parts.read_json("encoder/config.json")
    return {
        "architecture": said.get("model_type"),
        "width": said.get("hidden_size"),
        "layers": said.get("num_hidden_layers"),
        "positions": said.get("max_position_embeddings"),
        "parameters": _parameters(parts, "encoder/"),
    }


def _lora(parts: Parts) -> Facts | None:
    if not any(path.startswith("lora/") for path in parts.verified):
        return None
    said = parts.read_json("lora/adapter_config.json")
    targets = said.get("target_modules")
    return {
        "rank": said.get("r"),
        "alpha": said.get("lora_alpha"),
        "targets": sorted(targets) if isinstance(targets, list) else targets,  # PEFT keeps them as a set.
        "parameters": _parameters(parts, "lora/"),
        "health": lora_health(parts),
    }


def _parameters(parts: Parts, prefix: str) -> int | None:
    weights = [path for path in parts.under(prefix) if path.endswith(".safetensors")]
    return sum(prod(shape) for path in weights for shape in parts.shapes(path).values()) if weights else None
