"""Positions per character: the base's own tokens beside those of a tokenizer of the language's own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from benchmarks.rows import Row
from benchmarks.setting import LANGUAGES, Setting
from benchmarks.texts import base_tokenizers, documents, learn, of_recipe, speaking, training_lines
from newtongue import mark
from newtongue_evaluation.measures.cost import positions_per_character
from newtongue_recipes.settings import Represent, Tokens

MARKS = 2  # Positions that open and close a run.
REACH = {("tr", False): 2.2, ("ja", False): 3.2, ("tr", True): 1.3, ("ja", True): 1.8}  # True: phi-4-mini.
Encode = Callable[[str], Sequence[int]]
OfBase = Callable[[str], Encode]  # How a text is encoded beside the base of a name.


def measure(setting: Setting) -> Iterator[Row]:
    """Rows of the recipes' tokenizer and of the best one; all of them go to a table of their own."""
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
            times[tokenizer] = {
                base: positions / positions_per_character(encode(base), texts) for base, positions in own.items()
            }
            ratios = " | ".join(f"{ratio:.2f}" for ratio in times[tokenizer].values())
            table.append(f"| {name} | {tokenizer} | {trained_on} | {ratios} |")
            (setting.output / "positions.md").write_text("\n".join(table) + "\n", encoding="utf-8")
        best = max(times, key=lambda tokenizer: sum(times[tokenizer].values()))
        for tokenizer in dict.fromkeys([*list(times)[:2], best]):
            for base, ratio in times[tokenizer].items():
                reach = REACH[language, base == "phi-4-mini"] if setting.data else None
                yield Row("positions, times fewer", f"{name}, {tokenizer}", f"{base}'s tokens", ratio, at_least=reach)


def plain(tokenizer: Any) -> Encode:
    """Ids of a text without those that open and close it."""
    return lambda text: tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]


def marked(tokenizer: Any) -> OfBase:
    """As one run of the language, with the positions that open and close it, whatever the base."""
    encode = plain(tokenizer)
    return lambda base: lambda text: [*encode(text), *[0] * MARKS]


def borrowing(tokenizer: Any, language: str, bases: Mapping[str, Any]) -> OfBase:
    """As runs of the language between words that are left to the base."""

    def beside(base: str) -> Encode:
        joined = speaking(bases[base], language, tokenizer)
        return lambda text: joined(mark(text, language), add_special_tokens=False)["input_ids"]

    return beside


def _tokenizers(language: str, setting: Setting) -> Iterator[tuple[str, str, OfBase]]:
    """What it is trained on, its name and how it encodes; that of the recipes first, as one run and borrowing."""
    own = of_recipe(language, setting.data, setting.vocabulary)
    lines = training_lines(language, setting.data, setting.lines, passages=True)

    def trained(made: Represent, texts: Sequence[str] = lines) -> OfBase:
        return marked(learn(texts, made))

    first = learn(lines, own)
    yield (
        "all text",
        f"{_name(own)}, borrowing, as in the recipes",
        borrowing(first, language, base_tokenizers(setting.data)),
    )
    yield "all text", f"{_name(own)}, nothing borrowed", marked(first)
    sizes = [replace(own, vocabulary=size) for size in setting.vocabularies]
    kinds = [replace(own, tokens=kind) for kind in get_args(Tokens)]
    for other in [*sizes, *kinds, replace(own, joined=not own.joined)]:
        if other != own:
            yield "all text", _name(other), trained(other)
    yield "a line in four", f"{_name(own)}, less text", trained(own, lines[::4])
    if setting.data:
        plain_lines = training_lines(language, setting.data, setting.lines)
        yield "no passages", f"{_name(own)}, narrower text", trained(own, plain_lines)


def _name(made: Represent) -> str:
    return f"{made.tokens}, {made.vocabulary:,}{', joined' if made.joined else ''}"
