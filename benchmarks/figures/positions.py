"""Positions per character: the base's own tokens beside those of a tokenizer of the language's own."""

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sentencepiece

from benchmarks.rows import Row
from benchmarks.setting import LANGUAGES, Setting
from benchmarks.texts import base_tokenizers, documents, training_lines
from newtongue_evaluation.measures.cost import positions_per_character
from newtongue_recipes.stages.vocabulary import train_vocabulary, writes_spaces

MARKS = 2  # Positions that open and close a run.
REACH = {("tr", False): 2.2, ("ja", False): 3.2, ("tr", True): 1.3, ("ja", True): 1.8}  # True: phi-4-mini.
Encode = Callable[[str], Sequence[int]]


def measure(setting: Setting) -> Iterator[Row]:
    """Rows of the library's own tokenizer and of the best one; all of them go to a table of their own."""
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
    """What it is trained on, its name and how it encodes; the library's own first."""
    lines = training_lines(language, setting.data, setting.lines)
    size = setting.default_vocabulary
    yield "all lines", f"the library's own, {size:,}", marked(plain(train_vocabulary(lines, size)))
    for size in setting.vocabularies:
        for kind in ("unigram", "bpe"):
            yield "all lines", f"{kind}, {size:,}", marked(_train(lines, kind, size))
    size = max(setting.vocabularies)
    yield "a line in four", f"bpe, {size:,}, less text", marked(_train(lines[::4], "bpe", size))
    if setting.data:
        broad = training_lines(language, setting.data, setting.lines, broad=True)
        yield "all lines and passages", f"bpe, {size:,}, broader text", marked(_train(broad, "bpe", size))


def _train(lines: Sequence[str], kind: str, size: int) -> Encode:
    """A SentencePiece model with the options of `train_vocabulary`."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type=kind,
        vocab_size=size,
        hard_vocab_limit=False,
        byte_fallback=True,
        character_coverage=0.9998,
        normalization_rule_name="nfkc",
        add_dummy_prefix=writes_spaces(lines),
        num_threads=1,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()).encode
