"""Decoding after prefill, a token at a time."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks import roofline
from benchmarks.ids import base_ids, with_runs
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.shapes import make_adapter, make_base
from benchmarks.steps import plain_lora
from benchmarks.timing import side_by_side

BARE = "the bare base"
PEFT = "PEFT's LoRA, plain tokens"


def measure(setting: Setting) -> Iterator[Row]:
    """Time of each new token: after English, after the language without a LoRA, and with one.

    A LoRA that is not merged has its own products in every layer, in PEFT's hands too; what the port adds to them is
    the last row.
    """
    for shape in setting.shapes:
        device = setting.device
        prompt = base_ids(shape, 1, setting.positions, device)
        half = setting.positions // 2
        base, other = make_base(shape, device), make_base(shape, device)
        tuned = make_adapter(base, shape).attach(base)
        untuned = make_adapter(other, shape, lora=False).attach(other)
        jobs = {
            BARE: _decode(make_base(shape, device), prompt, setting.new_tokens),
            PEFT: _decode(plain_lora(shape, device).eval(), prompt, setting.new_tokens),
            "after English": _decode(tuned, prompt, setting.new_tokens),
            "after the language, no LoRA": _decode(untuned, with_runs(prompt, untuned, "tr", half), setting.new_tokens),
            "after the language, LoRA": _decode(tuned, with_runs(prompt, tuned, "tr", half), setting.new_tokens),
        }
        times = side_by_side(jobs, setting.repeats, device=device)
        token = roofline.forward(shape, 1, 1)
        for name in list(jobs)[2:]:
            against = PEFT if name.endswith(", LoRA") else BARE
            low, middle, high = times[name].over(times[against])
            roof = token.roof(times[name].median / setting.new_tokens, device)
            yield Row("decoding, time", f"{shape.name}, {name}", against, middle, low, high, at_most=1.01, roof=roof)
        low, middle, high = times[PEFT].over(times[BARE])
        yield Row("decoding, time", f"{shape.name}, PEFT's LoRA without a port", BARE, middle, low, high)


def _decode(model: Any, prompt: Tensor, new_tokens: int) -> Callable[[], None]:
    """Greedy steps after `prompt`, which is read here once; each call starts behind it again."""
    with torch.no_grad():
        read = model(input_ids=prompt, use_cache=True, logits_to_keep=1)
    cache, first = read.past_key_values, read.logits.argmax(-1)

    @torch.no_grad()
    def decode() -> None:
        token = first
        for _ in range(new_tokens):
            token = model(input_ids=token, past_key_values=cache, use_cache=True).logits.argmax(-1)
        cache.crop(-new_tokens)

    return decode
