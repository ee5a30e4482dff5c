"""The longest of what a base is to read, told before anything is asked."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedTokenizerBase

from newtongue import ModalityAdapter, NewtongueError
from newtongue.ranges import Ranges
from newtongue.tokenizer.ids import count_ids
from newtongue.tokenizer.speaking import join_tokenizer
from newtongue_evaluation.answers import Messages, asked_ids, example
from newtongue_evaluation.baselines import Question
from newtongue_evaluation.baselines.forms import plain
from newtongue_evaluation.baselines.method import thoughts
from newtongue_evaluation.measures.states import placed
from newtongue_evaluation.tasks.bitext import Bitext

from .exams import Asked

AROUND = 16  # Bytes, more than what opens a text and what ends an answer take.
SHOWN = 60  # Characters of a text in an error.


@dataclass(frozen=True)
class Reading:
    """A text as the base is to read it, the positions it takes with its template, and those of its answer."""

    task: str
    text: str
    way: str
    positions: int
    answer: int = 0

    @property
    def length(self) -> int:
        """Of both."""
        return self.positions + self.answer


@dataclass(frozen=True)
class Room:
    """What a base has room for.

    Attributes:
        limit: positions that it reads at once.
        adapter, tokenizer: the language and the base's own, not attached yet.
        controls: of `newtongue_evaluation.asking.CONTROLS`; with "bare" questions are read as raw text too.
        max_new_tokens, say: as of an `Evaluation`.
    """

    limit: int
    adapter: ModalityAdapter
    tokenizer: PreTrainedTokenizerBase
    controls: Sequence[str]
    max_new_tokens: int
    say: str = ""

    def check(self, asked: Sequence[Asked], pairs: Sequence[Bitext]) -> None:
        """See that it has room for every question with its answer, and for every sentence.

        Raises:
            NewtongueError: one is longer; the message names the longest of all.
        """
        speaking = _speaking(self.adapter, self.tokenizer)
        readings: list[Reading] = []
        for part in asked:
            thought = thoughts(row for one in asked if one.task == part.task for row in one.questions)
            readings += self._questions(part, speaking, thought)
        for bitext in pairs:
            readings += self._sentences(bitext, speaking)
        longest = max(readings, key=lambda one: one.length, default=None)
        if longest is not None and longest.length > self.limit:
            raise self._too_long(longest)

    def _questions(self, part: Asked, speaking: Any, thought: dict[str, str]) -> Iterator[Reading]:
        """Those of a task that may be too long, in each way in which they are put."""
        written = max(_bytes([one.gold[0], thought.get(one.key, "")]) for one in part.questions)
        room = self.limit - max(self.max_new_tokens, written) - AROUND
        # A token has a byte at least, so that most need not be encoded.
        long = [one for one in part.questions if _bytes(map(speaking.prompt, (one.messages, _english(one)))) > room]
        if not long:
            return
        answer = max(self.max_new_tokens, self._answer(part, speaking, thought))
        puts: dict[str, Callable[[Question], Messages]] = {"the adapter reads it": lambda one: one.messages}
        if "bare" in self.controls:
            puts["raw text"] = lambda one: plain(one.messages)
        for one in long:
            for way, put in puts.items():
                yield Reading(part.task, one.text, way, len(asked_ids(speaking, put(one))), answer)
            if one.english:
                yield Reading(part.task, one.english, "English", len(asked_ids(speaking, _english(one))), answer)

    def _answer(self, part: Asked, speaking: Any, thought: dict[str, str]) -> int:
        """The longest gold answer of a task, however it is told: the control "swapped" has it after any question."""
        own = self.adapter.voice is not None and part.answered_in == self.adapter.language
        before = _user("?")
        told = []
        for one in part.questions:
            said = {"role": "assistant", "content": one.gold[0]}
            told.append([*before, said])
            if own:
                spoken = {**said, "language": part.answered_in}
                told.append([*before, {**spoken, "thought": thought[one.key]} if one.key in thought else spoken])
        return max(len(example(speaking, one)["input_ids"]) for one in told) - len(asked_ids(speaking, before))

    def _sentences(self, bitext: Bitext, speaking: Any) -> Iterator[Reading]:
        """Those of a task that may be too long, in each way in which they are read."""
        room = self.limit - _bytes([speaking.prompt(_user(self.say))]) - AROUND
        ways = ((bitext.own, self.adapter.language, "the adapter reads it"), (bitext.own, None, "raw text"))
        for texts, heard, way in (*ways, (bitext.english, None, "English")):
            for text in texts:
                if _bytes([text]) > room:
                    positions = sum(map(len, placed(speaking, text, heard, self.say)))
                    yield Reading(bitext.name, text, way, positions)

    def _too_long(self, one: Reading) -> NewtongueError:
        ways = ["Shorten it", "take it out"]
        if one.answer == self.max_new_tokens and one.positions < self.limit:
            ways.append("give a smaller --max-new-tokens")
        if one.answer and one.way == "raw text":
            ways.append("name --baselines without 'bare'")
        return NewtongueError(
            f"{one.text[:SHOWN]!r}{' …' if one.text[SHOWN:] else ''}, the longest of {one.task!r}, takes "
            f"{one.positions:,} positions with its template as {one.way}"
            f"{f' and up to {one.answer:,} for its answer' if one.answer else ''}; the base has {self.limit:,}. "
            f"{', '.join(ways[:-1])} or {ways[-1]}."
        )


def _speaking(adapter: ModalityAdapter, tokenizer: PreTrainedTokenizerBase) -> Any:
    """The base's tokenizer with the language; its ids are none of the model's, and as many."""
    encoder, ranges = adapter.encoder, Ranges(count_ids(tokenizer))
    ranges.add(
        adapter.language,
        encoder.tokenizer,
        encoder.opens,
        encoder.closes,
        voice=adapter.voice is not None,
        borrows=adapter.config.borrows,
    )
    return join_tokenizer(tokenizer, ranges)


def _english(one: Question) -> Messages:
    return _user(one.english)


def _user(text: str) -> Messages:
    return [{"role": "user", "content": text}]


def _bytes(texts: Iterable[str]) -> int:
    return sum(len(one.encode()) for one in texts)
