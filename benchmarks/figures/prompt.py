"""Reading a prompt to its first token, and the cache that it leaves."""

from collections.abc import Callable, Iterator
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
                text = documents(language, setting.data, setting.characters)[0]
                raw = in_base(text, shape, setting)
                base = make_base(shape, setting.device)
            except Skip as why:
                yield Row("prefill, times faster", case, raw_text, skipped=str(why))
                continue
            adapter = make_adapter(base, shape, language, tokenizer=vocabulary(language, shape, setting, passages=True))
            model = adapter.attach(base)
            read = in_language(text, adapter.encoder, model.newtongue.ranges[language].start)
            jobs = {"raw": _prefill(model, raw), "read": _prefill(model, read)}
            times = side_by_side(jobs, setting.repeats, device=setting.device)
            low, middle, high = times["raw"].over(times["read"])
            work = roofline.forward(shape, 1, len(read), 1) + roofline.encoder_forward(shape, len(read))
            roof, reach = work.roof(times["read"].median, setting.device), FASTER[language] if setting.data else None
            yield Row("prefill, times faster", case, raw_text, middle, low, high, at_least=reach, roof=roof)
            smaller = _bytes(jobs["raw"]().past_key_values) / _bytes(jobs["read"]().past_key_values)
            reach = SMALLER[language] if setting.data else None
            yield Row("key-value cache, times smaller", case, raw_text, smaller, at_least=reach)


def _prefill(model: Any, ids: list[int]) -> Callable[[], Any]:
    inputs = torch.tensor([ids], device=model.device)

    @torch.no_grad()
    def read() -> Any:
        return model(input_ids=inputs, use_cache=True, logits_to_keep=1)

    return read


def _bytes(cache: Any) -> int:
    return sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
