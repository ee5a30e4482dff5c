"""The tokenizer of an attached model: the base's own, which also speaks the attached languages.

It is a copy of the base's tokenizer, of the same class and with every method it had. What is said to be in a
language (`language="tr"`, a message or part of a message with a `"language"`) becomes ids of that language's
range; all else is encoded as before.
"""

from copy import copy, deepcopy
from dataclasses import dataclass
from typing import Any, cast

from transformers import BatchEncoding, PreTrainedTokenizerBase

from .errors import NewtongueError
from .markup import is_marked, mark, split
from .ranges import Ranges

Message = dict[str, Any]


@dataclass
class Piece:
    """Some ids of a row: in the base's vocabulary, or a run of a language with its opening and closing id."""

    ids: list[int]
    language: str | None = None


def join_tokenizer(tokenizer: PreTrainedTokenizerBase, ranges: Ranges) -> "LanguagesTokenizer":
    """A copy of a base's tokenizer that speaks the languages of `ranges`, now and as they change."""
    joined = deepcopy(tokenizer)
    own = type(joined)
    if not isinstance(joined, LanguagesTokenizer):
        joined.__class__ = type(own.__name__, (LanguagesTokenizer, own), {"__module__": own.__module__})
    joined.__dict__["ranges"] = ranges
    return cast(LanguagesTokenizer, joined)


class LanguagesTokenizer(PreTrainedTokenizerBase):
    """What a base's tokenizer can do once a language is attached. Not made directly: see `join_tokenizer`."""

    ranges: Ranges

    def __call__(
        self,
        text: Any = None,
        text_pair: Any = None,
        *args: Any,
        language: str | list[str | None] | None = None,
        **options: Any,
    ) -> BatchEncoding:
        """Encode a text or a list of texts.

        Args:
            text: as for the base's tokenizer; parts of it may be marked with `newtongue.mark`.
            language: the language the whole of each text is in; one for all or one (or None) a text.
            options: as for the base's tokenizer. With `truncation=True` and `max_length`, runs of languages are
                shortened first, the longest first, then base text before the last run; what follows the
                last run, the answer, is never cut.

        Raises:
            LanguageError: a language that is not attached.
            NewtongueError: an empty text in a language, or a `max_length` that the answer alone exceeds.
        """
        if language is not None:
            text = _mark_all(text, language)
        batch = [text] if isinstance(text, str) else text
        marked = isinstance(batch, list) and any(isinstance(one, str) and is_marked(one) for one in batch)
        if not marked:
            return super().__call__(text, text_pair, *args, **options)
        if text_pair is not None or args:
            raise NewtongueError("Text in an attached language is encoded alone: join the pair into one text.")
        rows = [self._encode(one, options) for one in batch]
        return self._collate(rows if not isinstance(text, str) else rows[0], options)

    def apply_chat_template(self, conversation: Any, *args: Any, **options: Any) -> Any:
        """Render messages through the base's template and encode them.

        A message, or a part of its content (`{"type": "text", "text": …, "language": …}`), with a `"language"` is
        read through that language's port. What the assistant says stays in the base's vocabulary, in which it
        is written.
        """
        if not conversation or isinstance(conversation[0], dict):
            conversation = [_mark_message(message) for message in conversation]
        else:
            conversation = [[_mark_message(message) for message in one] for one in conversation]
        if options.get("return_assistant_tokens_mask") and any(is_marked(str(one)) for one in conversation):
            raise NewtongueError(
                "return_assistant_tokens_mask does not see through text in an attached language. Give TRL rows of "
                "'prompt' and 'completion', whose loss falls on the completion alone."
            )
        return super().apply_chat_template(conversation, *args, **options)

    def example(self, messages: list[Message], *, max_length: int | None = None) -> dict[str, list[int]]:
        """Encode a conversation that ends with the assistant's answer, for training on that answer.

        Args:
            messages: as for `apply_chat_template`; a base without a template gets the contents line by line.
            max_length: longest row; the question is shortened to fit, never the answer.

        Returns:
            `input_ids` and `labels`, -100 before the answer.

        Raises:
            NewtongueError: the last message is not the assistant's, or the answer alone exceeds `max_length`.
        """
        if not messages or messages[-1]["role"] != "assistant":
            raise NewtongueError("A training example ends with a message of the assistant. Add the answer.")
        prompt = self.prompt(messages[:-1])
        if self.chat_template:
            whole = self.apply_chat_template(messages, tokenize=False)
            answer = whole[len(prompt) :] if whole.startswith(prompt) else messages[-1]["content"]
        else:
            answer = messages[-1]["content"]
        if self.eos_token and self.eos_token not in answer:
            answer += self.eos_token
        answer_ids: list[int] = super().__call__(answer, add_special_tokens=False)["input_ids"]
        pieces = self._pieces(prompt, add_special_tokens=not self.chat_template)
        ids = _join(_shorten(pieces, None if max_length is None else max_length - len(answer_ids), answer_ids))
        return {"input_ids": ids + answer_ids, "labels": [-100] * len(ids) + answer_ids}

    def prompt(self, messages: list[Message]) -> str:
        """The text, marked, that asks the base to answer these messages."""
        if self.chat_template:
            text: str = self.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            return text
        return "".join(f"{_mark_message(message)['content']}\n" for message in messages)

    def _decode(self, token_ids: Any, skip_special_tokens: bool = False, **options: Any) -> str:
        ids = [token_ids] if isinstance(token_ids, int) else list(token_ids)
        if all(one < self.ranges.base_rows for one in ids):
            text: str = super()._decode(token_ids, skip_special_tokens=skip_special_tokens, **options)
            return text
        texts = []
        for piece in self._cut(ids):
            if piece.language is None:
                texts.append(super()._decode(piece.ids, skip_special_tokens=skip_special_tokens, **options))
                continue
            owned = self.ranges[piece.language]
            read = owned.tokenizer.decode([one - owned.start for one in piece.ids], skip_special_tokens=True)
            texts.append(read if skip_special_tokens or not read.strip() else mark(read, piece.language))
        return "".join(texts)

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """Tokens of ids of the base or of any attached language."""
        if isinstance(ids, int):
            return self.convert_ids_to_tokens([ids])[0]
        tokens = []
        for piece in self._cut(list(ids)):
            owned = self.ranges[piece.language] if piece.language else None
            tokenizer, start = (owned.tokenizer, owned.start) if owned else (super(), 0)
            own = [one - start for one in piece.ids]
            tokens += tokenizer.convert_ids_to_tokens(own, skip_special_tokens=skip_special_tokens)
        return tokens

    def _encode(self, text: str, options: dict[str, Any]) -> list[int]:
        pieces = self._pieces(text, add_special_tokens=options.get("add_special_tokens", True))
        limit = None
        if options.get("truncation"):
            limit = options.get("max_length") or self.model_max_length
        return _join(_shorten(pieces, limit, []))

    def _pieces(self, text: str, *, add_special_tokens: bool) -> list[Piece]:
        pieces = []
        for language, part in split(text):
            if language is None:
                pieces.append(Piece(super().__call__(part, add_special_tokens=False)["input_ids"]))
            else:
                pieces.append(Piece(self._run(part, language), language))
        if add_special_tokens:
            before, after = self._specials()
            pieces = [Piece(before), *pieces, Piece(after)]
        return pieces

    def _run(self, text: str, language: str) -> list[int]:
        owned = self.ranges[self._tag(language)]
        ids = owned.tokenizer(text, add_special_tokens=False)["input_ids"]
        return [one + owned.start for one in (owned.opens, *ids, owned.closes)]

    def _tag(self, language: str) -> str:
        return next((tag for tag in self.ranges if tag.lower() == language.lower()), language)

    def _specials(self) -> tuple[list[int], list[int]]:
        """What the base's tokenizer puts before and after a text."""
        bare: list[int] = super().__call__("a", add_special_tokens=False)["input_ids"]
        full: list[int] = super().__call__("a", add_special_tokens=True)["input_ids"]
        start = next(at for at in range(len(full)) if full[at : at + len(bare)] == bare)
        return full[:start], full[start + len(bare) :]

    def _collate(self, rows: Any, options: dict[str, Any]) -> BatchEncoding:
        padding = options.get("padding", False)
        encoded = BatchEncoding({"input_ids": rows})
        single = bool(rows) and isinstance(rows[0], int)
        encoded["attention_mask"] = [1] * len(rows) if single else [[1] * len(row) for row in rows]
        tensors = options.get("return_tensors")
        if padding:
            wanted = {
                name: options[name]
                for name in ("max_length", "pad_to_multiple_of", "padding_side", "return_attention_mask")
                if options.get(name) is not None
            }
            return self.pad(encoded, padding=padding, return_tensors=tensors, **wanted)
        if options.get("return_attention_mask") is False:
            del encoded["attention_mask"]
        return BatchEncoding(encoded.data, tensor_type=tensors, prepend_batch_axis=single)

    def _cut(self, ids: list[int]) -> list[Piece]:
        """Cut a row into pieces of one vocabulary each; neighbouring runs of a language stay two."""
        pieces: list[Piece] = []
        for one in ids:
            language = self.ranges.language_of(one)
            opens = language is not None and one - self.ranges[language].start == self.ranges[language].opens
            if not pieces or pieces[-1].language != language or opens:
                pieces.append(Piece([], language))
            pieces[-1].ids.append(one)
        return pieces


def _mark_all(text: Any, language: str | list[str | None]) -> Any:
    if isinstance(text, str):
        if not isinstance(language, str):
            raise NewtongueError(f"One text and {len(language)} languages: give one language for one text.")
        return mark(text, language)
    languages = [language] * len(text) if isinstance(language, str) else language
    if len(languages) != len(text):
        raise NewtongueError(f"{len(text)} texts and {len(languages)} languages: give one for each, or one for all.")
    return [one if spoken is None else mark(one, spoken) for one, spoken in zip(text, languages, strict=True)]


def _mark_message(message: Message) -> Message:
    message = copy(message)
    language = message.pop("language", None)
    content = message.get("content")
    if message.get("role") == "assistant":
        language = None
    if isinstance(content, list) and any("language" in part for part in content):
        content = "".join(
            mark(part["text"], part["language"]) if part.get("language") else part["text"] for part in content
        )
    if language is not None and isinstance(content, str) and not is_marked(content):
        content = mark(content, language)
    message["content"] = content
    return message


def _join(pieces: list[Piece]) -> list[int]:
    return [one for piece in pieces for one in piece.ids]


def _shorten(pieces: list[Piece], limit: int | None, answer: list[int]) -> list[Piece]:
    """Shorten runs, longest first, then base text before the last run, until `limit` ids are left."""
    excess = 0 if limit is None else sum(len(piece.ids) for piece in pieces) - limit
    if excess <= 0:
        return pieces
    pieces = [Piece(list(piece.ids), piece.language) for piece in pieces]
    runs = [piece for piece in pieces if piece.language is not None]
    while excess > 0 and any(len(run.ids) > 3 for run in runs):
        longest = max(runs, key=lambda run: len(run.ids))
        next_longest = max((len(run.ids) for run in runs if run is not longest), default=3)
        cut = min(excess, max(1, len(longest.ids) - max(next_longest, 3)))
        del longest.ids[-1 - cut : -1]  # The closing id stays.
        excess -= cut
    last = max((at for at, piece in enumerate(pieces) if piece.language is not None), default=len(pieces))
    for piece in pieces[1:last]:
        if piece.language is None and excess > 0:
            cut = min(excess, len(piece.ids))
            del piece.ids[:cut]
            excess -= cut
    if excess > 0:
        raise NewtongueError(
            f"max_length leaves {limit} positions before an answer of {len(answer)}, {excess} too few for what must "
            "stand there. Raise max_length or shorten the text after the question."
        )
    return pieces
