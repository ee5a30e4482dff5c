"""Reading a prompt to its first token, and the cache that it leaves."""

from collections.abc import Callable, Iterator
from functools import reduce
from operator import add
from typing import Any

import torch

from benchmarks import roofline
from benchmarks.ids import in_base, in_language, vocabulary
from benchmarks.rows import Row, Skip
from benchmarks.setting import LANGUAGES, Setting
from benchmarks.shapes import make_adapter, make_base
from benchmarks.texts import documents
from benchmarks.timing import side_by_side

FASTER = {"tr": 1.8, "ja": 2.5}
SMALLER = {"tr": 2.2, "ja": 3.2}


def measure(setting: Setting) -> Iterator[Row]:
    """Raw text through the bare base over the same text through the port, encoder and LoRA included."""
    for shape in setting.shapes:
        for language, name in LANGUAGES.items():
            case, raw_text = f"{shape.name}, {name}, {setting.characters:,} characters", "raw text, bare base"
            try:
                texts = documents(language, setting.data, setting.characters)[: setting.prompts]
                raw = [in_base(text, shape, setting) for text in texts]
                base = make_base(shape, setting.device)
            except Skip as why:
                yield Row("prefill, times faster", case, raw_text, skipped=str(why))
                continue
            adapter = make_adapter(base, shape, language, tokenizer=vocabulary(language, setting, passages=True))
            model = adapter.attach(base)
            read = in_language(texts, shape, setting, model, language)
            jobs = {"raw": _prefill(model, raw), "read": _prefill(model, read)}
            times = side_by_side(jobs, setting.repeats, device=setting.device)
            low, middle, high = times["raw"].over(times["read"])
            start = model.newtongue.ranges[language].start
            runs = [sum(one >= start for one in ids) for ids in read]
            works = [
                roofline.forward(shape, 1, len(ids), 1) + roofline.encoder_forward(shape, tokens)
                for ids, tokens in zip(read, runs, strict=True)
            ]
            roof = reduce(add, works).roof(times["read"].median, setting.device)
            reach = FASTER[language] if setting.data else None
            yield Row("prefill, times faster", case, raw_text, middle, low, high, at_least=reach, roof=roof)
            smaller = jobs["raw"]() / jobs["read"]()
            reach = SMALLER[language] if setting.data else None
            yield Row("key-value cache, times smaller", case, raw_text, smaller, at_least=reach)


def _prefill(model: Any, prompts: list[list[int]]) -> Callable[[], int]:
    inputs = [torch.tensor([ids], device=model.device) for ids in prompts]

    @torch.no_grad()
    def read() -> int:
        """Read one prompt after the other; bytes of their caches."""
        return sum(_bytes(model(input_ids=one, use_cache=True, logits_to_keep=1).past_key_values) for one in inputs)

    return read


def _bytes(cache: Any) -> int:
    return sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
