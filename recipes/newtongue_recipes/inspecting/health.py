"""Whether an adapter's weights look like weights that work."""

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from newtongue import AdapterFormatError
from newtongue.reading.mapper import Mapper
from newtongue_recipes.inspecting.parts import Parts

STATES = 256  # Random encoder states that the mapper is tried on.


def mapper_health(parts: Parts) -> dict[str, float | bool] | None:
    """What the mapper makes of random encoder states, in units of the base's embeddings.

    Returns:
        `finite`: no weight is infinite or no number; `scale`: root mean square of one component of a base embedding;
        `soft_tokens` and `boundaries`: that of what the mapper gives, divided by `scale`. Near 1, the size of an
        embedding, at the start; a trained mapper stays within a few times that. None where the part cannot be read.

    Raises:
        AdapterFormatError: the weights have other shapes than the config says.
    """
    if not parts.verified.get("mapper.safetensors"):
        return None
    config = parts.config.mapper
    mapper = Mapper(config).eval()
    try:
        mapper.load_state_dict(load_file(parts.folder / "mapper.safetensors"))
    except RuntimeError as error:
        raise AdapterFormatError(
            f"{parts.folder / 'mapper.safetensors'} has other shapes than its config: {error}. Get the adapter again."
        ) from error
    states = torch.randn(STATES, config.encoder_width, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        soft, boundaries = mapper(states), mapper.boundaries()
    return {
        "finite": all(bool(weight.isfinite().all()) for weight in mapper.state_dict().values()),
        "scale": config.scale,
        "soft_tokens": float(soft.square().mean().sqrt() / config.scale),
        "boundaries": float(boundaries.square().mean().sqrt() / config.scale),
    }


def lora_health(parts: Parts) -> dict[str, bool] | None:
    """Whether the LoRA's weights are all numbers, and whether it changes anything; None where they are not here."""
    paths = [parts.folder / path for path in parts.under("lora/") if path.endswith(".safetensors")]
    if not paths or not all(path.is_file() for path in paths):
        return None
    finite, changes = True, False
    for path in paths:
        with safe_open(path, "pt") as file:
            for key in file.keys():  # noqa: SIM118 (no mapping)
                weight = file.get_tensor(key)
                finite &= bool(weight.isfinite().all())
                changes |= "lora_B" in key and bool(weight.any())
    return {"finite": finite, "changes_the_base": changes}
