"""Positions per character: the base's own tokens beside those of a tokenizer of the language's own."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any, get_args

from benchmarks.rows import Row
from benchmarks.setting import LANGUAGES, Setting
from benchmarks.texts import base_tokenizers, documents, training_lines
from newtongue_evaluation.measures.cost import positions_per_character
from newtongue_recipes.settings import Tokens
from newtongue_recipes.stages.vocabulary import train_vocabulary

MARKS = 2  # Positions that open and close a run.
REACH = {("tr", False): 2.2, ("ja", False): 3.2, ("tr", True): 1.3, ("ja", True): 1.8}  # True: phi-4-mini.
Encode = Callable[[str], Sequence[int]]


def measure(setting: Setting) -> Iterator[Row]:
    """Rows of the Phi recipes' tokenizer and of the best one; all of them go to a table of their own."""
    table = ["| language | tokenizer | trained on | " + " | ".join(base_tokenizers(setting.data)) + " |"]
    table.append("|---" * (3 + len(base_tokenizers(setting.data))) + "|")
    for language, name in LANGUAGES.items():
        texts = documents(language, setting.data, setting.characters)
        own = {
            base: positions_per_character(plain(tokenizer), texts)
            for base, tokenizer in base_tokenizers(setting.data).items()
        }
        times: dict[str, dict[str, float]] = {}
        for trained_on, tokenizer, encode in _tokenizers(language, setting):
            share = positions_per_character(encode, texts)
            times[tokenizer] = {base: positions / share for base, positions in own.items()}
            ratios = " | ".join(f"{ratio:.2f}" for ratio in times[tokenizer].values())
            table.append(f"| {name} | {tokenizer} | {trained_on} | {ratios} |")
            (setting.output / "positions.md").write_text("\n".join(table) + "\n", encoding="utf-8")
        best = max(times, key=lambda tokenizer: sum(times[tokenizer].values()))
        for tokenizer in dict.fromkeys([next(iter(times)), best]):
            for base, ratio in times[tokenizer].items():
                reach = REACH[language, base == "phi-4-mini"] if setting.data else None
                yield Row("positions, times fewer", f"{name}, {tokenizer}", f"{base}'s tokens", ratio, at_least=reach)


def plain(tokenizer: Any) -> Encode:
    """Ids of a text without those that open and close it."""
    return lambda text: tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]


def marked(encode: Encode) -> Encode:
    """With the positions that open and close a run."""
    return lambda text: [*encode(text), *[0] * MARKS]


def _tokenizers(language: str, setting: Setting) -> Iterator[tuple[str, str, Encode]]:
    """What it is trained on, its name and how it encodes; that of the Phi recipes first."""
    lines = training_lines(language, setting.data, setting.lines, passages=True)

    def trained(size: int, kind: Tokens, texts: Sequence[str] = lines) -> Encode:
        return marked(plain(train_vocabulary(texts, size, kind=kind)))

    first = setting.vocabulary, setting.tokens
    yield "all text", f"{first[1]}, {first[0]:,}, as in the Phi recipes", trained(*first)
    for size, kind in product(setting.vocabularies, get_args(Tokens)):
        if (size, kind) != first:
            yield "all text", f"{kind}, {size:,}", trained(size, kind)
    yield "a line in four", f"{first[1]}, {first[0]:,}, less text", trained(*first, lines[::4])
    if setting.data:
        plain_lines = training_lines(language, setting.data, setting.lines)
        yield "no passages", f"{first[1]}, {first[0]:,}, narrower text", trained(*first, plain_lines)
