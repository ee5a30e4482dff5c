"""Writing an answer in the language: characters a second, in its own tokens and spelled in the base's."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.ids import FIRST, base_ids, in_base, vocabulary, with_runs
from benchmarks.rows import Row, Skip
from benchmarks.setting import LANGUAGES, Setting
from benchmarks.shapes import Shape, make_adapter, make_base
from benchmarks.texts import documents, questions
from benchmarks.timing import side_by_side

REACH = {"tr": 1.7, "ja": 2.2}
ANSWERS = 500


def measure(setting: Setting) -> Iterator[Row]:
    """A step's time and a text's positions, which make characters a second; with a LoRA, after a prompt in both.

    Of long texts, and of answers to questions, where what closes them counts; many stand in the passages that they are
    about, which the tokenizer of those has therefore not read.
    """
    for shape in setting.shapes:
        for language, name in LANGUAGES.items():
            case, against = f"{shape.name}, {name}", "the base's tokens"
            try:
                own = vocabulary(language, setting, passages=True)
                low, middle, high = _compare(setting, shape, language, own)
            except Skip as why:
                yield Row("writing, characters a second", case, against, skipped=str(why))
                continue
            texts = documents(language, setting.data, setting.characters)
            answers = [answer for _, answer in questions(language, setting.data, ANSWERS)]
            unread = vocabulary(language, setting)
            for kind, some, by in (("long texts", texts, own), ("answers", answers, unread)):
                fewer = _fewer(some, by, shape, setting)
                reach = REACH[language] if setting.data else None
                values = (fewer / middle, fewer / high, fewer / low)
                yield Row(f"writing {kind}, characters a second", case, against, *values, at_least=reach)
            yield Row("writing, time of a step", case, against, middle, low, high)


def _fewer(texts: list[str], own: Any, shape: Shape, setting: Setting) -> float:
    """How many times fewer positions texts take with their ends: written, one that closes them and one after it."""
    written = sum(len(own(text, add_special_tokens=False)["input_ids"]) + 2 for text in texts)
    return sum(len(in_base(text, shape, setting)) + 1 for text in texts) / written


def _compare(setting: Setting, shape: Shape, language: str, own: Any) -> tuple[float, float, float]:
    """The quartiles of how many times longer a step takes."""
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
    return times["written"].over(times["spelled"])


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
