"""A conversation with an attached model: what was said, in which languages, and what of it still fits."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, cast

import torch
from jinja2 import TemplateError
from transformers import BatchEncoding, StoppingCriteriaList

from newtongue import AttachedModel, NewtongueError
from newtongue.spans import mark_messages
from newtongue.spans.markup import unmark
from newtongue_recipes.chat.messages import Message, answered, languages_of, message_of
from newtongue_recipes.chat.streaming import Stop, Streamer, stop_on_interrupt
from newtongue_recipes.room import room_of, tokens_left, too_long


@dataclass(frozen=True)
class Turn:
    """A question and its answer.

    Attributes:
        languages: what the question was read in, in order; none for the base's own alone.
        tuned_for: whose LoRA answered: that of the last language read in the conversation.
        text: the answer.
        positions: what the question took in the row, its boundaries included.
        raw_positions: what it would have taken through the base's own tokenizer.
        tokens, seconds: of the answer; the seconds from the question to the last token.
        stopped: whether it was stopped before its end.
    """

    languages: tuple[str, ...]
    tuned_for: str | None
    text: str
    positions: int
    raw_positions: int
    tokens: int
    seconds: float
    stopped: bool


class Conversation:
    """Turns through the base's chat template; each message stays in the language it was said in.

    Args:
        model: the base with its languages.
        max_new_tokens: longest answer.
        temperature: 0 for the likeliest token at each step, else that of sampling.

    Raises:
        NewtongueError: the base has no chat template.
    """

    def __init__(self, model: AttachedModel, *, max_new_tokens: int = 256, temperature: float = 0.0) -> None:
        if not model.tokenizer.chat_template:
            raise NewtongueError(
                f"The base {model.name_or_path!r} has no chat template, so its turns cannot be told apart. Ask single "
                "questions with `newtongue ask`, or put a chat_template.jinja beside the base's tokenizer."
            )
        self.model = model
        self.max_new_tokens = max_new_tokens
        self.temperature = temperature
        self.languages = model.languages  # Those that `auto` chooses from.
        self.system: list[Message] = []  # One message or none.
        self.turns: list[list[Message]] = []

    def reset(self) -> None:
        """Forget all turns; the system's text stays."""
        self.turns.clear()

    def instruct(self, text: str, language: str | None) -> None:
        """Set the system's text, or take it away with an empty one.

        Raises:
            NewtongueError: the base's template has no place for it; what was set before stays.
        """
        before = self.system
        self.system = [self._read(message_of("system", text, language), [])] if text else []
        try:
            self._encode([*self.turns, [message_of("user", "?")]])
        except NewtongueError:
            self.system = before
            raise

    def say(self, text: str, language: str | None) -> int:
        """Add a question, and let go of the oldest turns until there is room for the answer.

        Args:
            text: of the question.
            language: attached, or `auto` for that which each span is in; None for the base's own.

        Returns:
            How many turns were let go.

        Raises:
            NewtongueError: the question cannot be read or does not fit by itself; the turns are as before.
        """
        turns = [*self.turns, [self._read(message_of("user", text, language), self.turns)]]
        room = room_of(self.model, self.max_new_tokens)
        while room is not None and (length := self._encode(turns)["input_ids"].shape[1]) > room:
            if len(turns) == 1:
                raise too_long(length, room, more=", or the system text" if self.system else "")
            turns = turns[1:]
        self._encode(turns)
        dropped = len(self.turns) + 1 - len(turns)
        self.turns = turns
        return dropped

    def answer(self, show: Callable[[str], None], stop: Stop | None = None) -> Turn:
        """Answer the question asked last, and give each piece of the answer to `show` as it comes.

        Args:
            show: given the pieces.
            stop: ends the answer once it is asked to; Ctrl-C does where there is none.

        A question whose answer was stopped before its first word is forgotten.
        """
        question = self.turns[-1][0]
        streamer = Streamer(self.model.tokenizer, show)
        start = time.perf_counter()
        try:
            with nullcontext(stop) if stop else stop_on_interrupt() as stop:
                self._generate(streamer, stop)
        except BaseException:
            self.turns.pop()  # Else the next question would follow one without an answer.
            raise
        seconds = time.perf_counter() - start
        text = streamer.finish()
        if text or not stop.asked:
            self.turns[-1].append(answered(self.model.tokenizer, streamer.ids, text))
        else:
            self.turns.pop()
        return Turn(
            languages=languages_of(question),
            tuned_for=self._tuned_for(question),
            text=text,
            positions=self._length(question["content"], question["language"]),
            raw_positions=self._length(unmark(question["content"]), None),
            tokens=len(streamer.ids),
            seconds=seconds,
            stopped=stop.asked,
        )

    @torch.no_grad()
    def _generate(self, streamer: Streamer, stop: Stop) -> None:
        inputs = self._encode(self.turns).to(self.model.device)
        length = inputs["input_ids"].shape[1]
        sampling = {"do_sample": True, "temperature": self.temperature} if self.temperature else {"do_sample": False}
        generate: Any = self.model.generate
        try:
            generate(
                **inputs,
                **sampling,
                num_beams=1,  # Several, as a base may ask for, cannot be shown as they come.
                max_new_tokens=tokens_left(self.model, length, self.max_new_tokens),
                pad_token_id=self.model.tokenizer.pad_token_id,
                streamer=streamer,
                stopping_criteria=StoppingCriteriaList([stop]),
            )
        except torch.OutOfMemoryError as error:
            raise NewtongueError(
                f"The GPU's memory does not hold a conversation of {length} positions. Begin anew with /reset, or "
                "shorten answers with --max-new-tokens."
            ) from error

    def _tuned_for(self, question: Message) -> str | None:
        """Whose LoRA answers: that of the last language read, if it has one."""
        asked = [*self.system, *(turn[0] for turn in self.turns), question]
        last = next((spoken[-1] for message in reversed(asked) if (spoken := languages_of(message))), None)
        return last if last and self.model.adapter(last).lora is not None else None

    def _read(self, message: Message, turns: list[list[Message]]) -> Message:
        """A message whose spans are marked where its language is `auto`."""
        before = [one for turn in (self.system, *turns) for one in turn]
        return {"language": None} | mark_messages([*before, message], self.languages)[-1]

    def _length(self, text: str, language: str | None) -> int:
        encode: Any = self.model.tokenizer
        return len(encode(text, language=language, add_special_tokens=False)["input_ids"])

    def _encode(self, turns: list[list[Message]]) -> BatchEncoding:
        messages = [message for turn in (self.system, *turns) for message in turn]
        try:
            encoded = self.model.tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
        except TemplateError as error:
            raise NewtongueError(
                f"The chat template of {self.model.name_or_path!r} refuses the conversation: {error}. Leave out what "
                "it names, such as a system text."
            ) from error
        return cast(BatchEncoding, encoded)
