"""What holds of any attached model, with languages that write or without: asked of one model and one stream."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from newtongue import AttachedModel, ModalityAdapter
from streams import Row, batch, ids_of, packed
from worlds import logits, same


def check_rows_apart(model: AttachedModel, stream: list[Row], side: str, dtype: str) -> None:
    """A row does not see the others of its batch, padded on either side."""
    together = [ids_of(row, model) for row in stream]
    out = logits(model, **batch(together, side))
    for row, got in zip(together, out, strict=True):
        alone = logits(model, **batch([row]))[0]
        assert same(got[-len(row) :] if side == "left" else got[: len(row)], alone, dtype)


def check_packed(model: AttachedModel, separate: list[list[int]], dtype: str = "float32") -> None:
    """Packed rows equal separate ones."""
    out = logits(model, **packed(separate))[0].split(list(map(len, separate)))
    for row, got in zip(separate, out, strict=True):
        assert same(got, logits(model, input_ids=torch.tensor([row]))[0], dtype)


def check_cached_generation(model: AttachedModel, prompt: dict[str, Tensor], dtype: str) -> None:
    """Generation with a cache equals generation without."""
    options: dict[str, Any] = {"output_logits": True, "return_dict_in_generate": True}
    asked = {name: one for name, one in prompt.items() if name != "position_ids"}
    cached, uncached = (
        model.generate(**asked, max_new_tokens=5, do_sample=False, use_cache=use, **options) for use in (True, False)
    )
    for step, (one, other) in enumerate(zip(cached.logits, uncached.logits, strict=True)):
        assert same(one.float(), other.float(), dtype), f"step {step}"
        chosen = [out.sequences[:, asked["input_ids"].shape[1] + step] for out in (cached, uncached)]
        if not torch.equal(*chosen):  # A tie, which rounding may break either way: what follows differs.
            break


def check_saved(
    model: AttachedModel, base: PreTrainedModel, inputs: Callable[[AttachedModel], dict[str, Tensor]], folder: Path
) -> None:
    """Adapters that were saved, loaded into another base like the first, give equal logits."""
    for language in model.languages:
        model.adapter(language).save_pretrained(folder / language)
        loaded = ModalityAdapter.from_pretrained(folder / language).attach(base, ignore_base_name=True)
    assert torch.equal(logits(loaded, **inputs(loaded)), logits(model, **inputs(model)))


def unreached(model: AttachedModel) -> list[str]:
    """What should train and has no gradient."""
    return [
        f"{language}: {name}"
        for language in model.languages
        for name, parameter in model.adapter(language).trainable_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
