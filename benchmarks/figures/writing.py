"""Writing an answer in the language: characters a second, in its own tokens and spelled in the base's."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.ids import FIRST, base_ids, in_base, vocabulary, with_runs
from benchmarks.rows import Row, Skip
from benchmarks.setting import LANGUAGES, Setting
from benchmarks.shapes import Shape, make_adapter, make_base
from benchmarks.texts import documents
from benchmarks.timing import side_by_side

REACH = {"tr": 1.7, "ja": 2.2}
CLOSING = 1  # Position after what is written.


def measure(setting: Setting) -> Iterator[Row]:
    """A step's time and a text's positions, which make characters a second; with a LoRA, after a prompt in both."""
    for shape in setting.shapes:
        for language, name in LANGUAGES.items():
            case, against = f"{shape.name}, {name}", "the base's tokens"
            try:
                fewer, (low, middle, high) = _compare(setting, shape, language)
            except Skip as why:
                yield Row("writing, characters a second", case, against, skipped=str(why))
                continue
            reach = REACH[language] if setting.data else None
            values = (fewer / middle, fewer / high, fewer / low)
            yield Row("writing, characters a second", case, against, *values, at_least=reach)
            yield Row("writing, time of a step", case, against, middle, low, high)


def _compare(setting: Setting, shape: Shape, language: str) -> tuple[float, tuple[float, float, float]]:
    """How many times fewer positions a text takes, and the quartiles of how many times longer a step."""
    own = vocabulary(language, shape, setting, passages=True)
    texts = documents(language, setting.data, setting.characters)
    written = sum(len(own(text, add_special_tokens=False)["input_ids"]) + CLOSING for text in texts)
    fewer = sum(len(in_base(text, shape, setting)) for text in texts) / written
    silent, base = make_base(shape, setting.device), make_base(shape, setting.device)
    jobs = {}
    for name, model, voice in (("spelled", silent, False), ("written", base, True)):
        adapter = make_adapter(model, shape, language, tokenizer=own)
        attached = (adapter.with_voice(model) if voice else adapter).attach(model)
        prompt = with_runs(base_ids(shape, 1, setting.positions, setting.device), attached, language, 8)
        first = attached.newtongue.ranges[language].begin if voice else 0
        ids = torch.arange(FIRST, FIRST + setting.new_tokens, device=setting.device) + first
        jobs[name] = _say(attached, prompt, ids)
    times = side_by_side(jobs, setting.repeats, device=setting.device)
    return fewer, times["written"].over(times["spelled"])


def _say(model: Any, prompt: Tensor, ids: Tensor) -> Callable[[], None]:
    """Steps of decoding after `prompt`, which is read here once, that say `ids` whatever the scores."""
    with torch.no_grad():
        cache = model(input_ids=prompt, use_cache=True, logits_to_keep=1).past_key_values

    @torch.no_grad()
    def say() -> None:
        for one in ids:
            model(input_ids=one[None, None], past_key_values=cache, use_cache=True).logits.argmax(-1)
        cache.crop(-len(ids))

    return say
