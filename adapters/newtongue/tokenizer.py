"""The tokenizer of an attached model: the base's own, which also speaks the attached languages.

It is a copy of the base's tokenizer, of the same class and with every method it had. What is said to be in a
language (`language="tr"`, a message or part of a message with a `"language"`) becomes ids of that language's
range; all else is encoded as before.
"""

from collections.abc import Sequence
from copy import deepcopy
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Any, cast

from jinja2 import TemplateError
from transformers import AutoTokenizer, BatchEncoding, PreTrainedTokenizerBase

from .errors import NewtongueError
from .languages import AUTO
from .markup import THOUGHT, WRITTEN, Message, begin, has_marks, is_marked, mark, mark_all, mark_message, split, think
from .pieces import Piece, join, shorten
from .ranges import Ranges
from .spans import mark_messages, mark_spans
from .spans.borrowed import cut_borrowed

Languages = str | list[str | None] | None
_OF_ONE = (  # What can be asked of text in the base's vocabulary alone.
    "return_offsets_mapping",
    "return_special_tokens_mask",
    "return_length",
    "return_overflowing_tokens",
    "return_token_type_ids",
)


def load_tokenizer(name: str | Path, **options: Any) -> PreTrainedTokenizerBase:
    """Load a tokenizer from a folder or the Hub.

    Raises:
        OSError, ValueError: there is none; `AutoTokenizer` alone makes an empty one of some models' configs.
    """
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(name, **options)
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise OSError(f"there is no tokenizer in {name}")
    return _with_padding(tokenizer)


def join_tokenizer(tokenizer: PreTrainedTokenizerBase, ranges: Ranges) -> "LanguagesTokenizer":
    """A copy of a base's tokenizer that speaks the languages of `ranges`, now and as they change."""
    joined = _with_padding(deepcopy(tokenizer))
    if not isinstance(joined, LanguagesTokenizer):
        joined.__class__ = _speaking(cast(Any, type(joined)))
    joined.__dict__["ranges"] = ranges
    return cast(LanguagesTokenizer, joined)


class LanguagesTokenizer(PreTrainedTokenizerBase):
    """What a base's tokenizer can do once a language is attached. Not made directly: see `join_tokenizer`."""

    ranges: Ranges

    def __call__(self, text: Any = None, *args: Any, language: Languages = None, **options: Any) -> BatchEncoding:
        """Encode a text or a list of texts.

        Args:
            text: as for the base's tokenizer; parts of it may be marked with `newtongue.mark`.
            language: the language the whole of each text is in; one for all or one (or None) a text. `auto`
                reads each span in the attached language it is written in, as `newtongue.spans` finds it; what is
                marked stays as it is.
            args, options: as for the base's tokenizer. When text in a language is cut to `max_length`, its runs are
                shortened first, the longest first, from their end, then base text before the last run, from its
                beginning; what follows the last run, the answer, is never cut. `truncation_side` is for other texts.

        Raises:
            LanguageError: a language that is not attached.
            NewtongueError: an empty text in a language, a `max_length` that the answer alone exceeds, or an option
                that ids of several tokenizers cannot have, such as `return_offsets_mapping`.
        """
        if language is not None:
            text = self._mark_all(text, language)
            if text == []:  # Which the base's tokenizer may not take.
                return self._collate(text, options)
        encoded: BatchEncoding = super().__call__(text, *args, **options)
        return encoded

    def encode(self, text: Any, *args: Any, language: Languages = None, **options: Any) -> list[int]:
        """Encode one text, as `__call__` does, and return its ids alone."""
        ids: list[int] = super().encode(text if language is None else self._mark_all(text, language), *args, **options)
        return ids

    def tokenize(self, text: str, *args: Any, **options: Any) -> list[str]:
        """The tokens of a text, parts of which may be marked."""
        if not is_marked(text):
            plain: list[str] = super().tokenize(text, *args, **options)
            return plain
        tokens: list[str] = self.convert_ids_to_tokens(self.encode(text, add_special_tokens=False))
        return tokens

    def apply_chat_template(self, conversation: Any, *args: Any, language: str | None = None, **options: Any) -> Any:
        """Render messages through the base's template and encode them.

        A message, or a part of its content (`{"type": "text", "text": …, "language": …}`), with a `"language"` is
        read through that language's port; `auto` finds it span by span. What the assistant says is written in that
        language's own tokens if it has a voice, and else in the base's vocabulary. Its `"thought"`, in the base's
        vocabulary, comes before what is so written; decoding leaves it out with the special tokens.

        Args:
            conversation: messages, or several lists of them.
            language: of the users' messages that name none; `auto` too.
            args, options: as for the base's tokenizer.
        """
        single = not conversation or isinstance(conversation[0], dict)
        marked = [self._mark_messages(one, language) for one in ([conversation] if single else conversation)]
        if options.get("return_assistant_tokens_mask") and any(map(has_marks, chain.from_iterable(marked))):
            raise NewtongueError(
                "return_assistant_tokens_mask does not see through text in an attached language. Give TRL rows of "
                "'prompt' and 'completion', whose loss falls on the completion alone."
            )
        return super().apply_chat_template(marked[0] if single else marked, *args, **options)

    def example(self, messages: list[Message], *, max_length: int | None = None) -> dict[str, list[int]]:
        """Encode a conversation that ends with the assistant's answer, for training on that answer.

        Args:
            messages: as for `apply_chat_template`; a base without a template gets the contents line by line.
            max_length: longest row; the question is shortened to fit, never the answer.

        Returns:
            `input_ids` and `labels`, -100 before the answer.

        Raises:
            NewtongueError: the last message is not the assistant's, the base's template refuses the messages, or the
                answer alone exceeds `max_length`.
        """
        if not messages or messages[-1]["role"] != "assistant":
            raise NewtongueError("A training example ends with a message of the assistant. Add the answer.")
        prompt = self.prompt(messages[:-1])
        if self.chat_template:
            whole = self._render(messages)
            answer = whole[len(prompt) :] if whole.startswith(prompt) else self._mark_messages(messages)[-1]["content"]
        else:
            answer = self._mark_messages(messages)[-1]["content"]
        if self.eos_token and self.eos_token not in answer:
            answer += self.eos_token
        answer_ids = join(self._pieces(answer, goes_on=True))
        before = [] if self.chat_template else self._specials()[0]
        pieces = [Piece(before), *self._pieces(prompt)]
        ids = join(shorten(pieces, None if max_length is None else max_length - len(answer_ids), answer_ids))
        return {"input_ids": ids + answer_ids, "labels": [-100] * len(ids) + answer_ids}

    def prompt(self, messages: list[Message], *, answer: str | None = None) -> str:
        """The text, marked, that asks the base to answer these messages, in the language `answer` if one is given.

        What an adapter with a voice answers is then written in that language's own tokens until it is said.

        Raises:
            NewtongueError: the base's template refuses the messages.
        """
        if self.chat_template:
            text = self._render(messages, add_generation_prompt=True)
        else:
            text = "".join(f"{message['content']}\n" for message in self._mark_messages(messages))
        return text + begin(answer) if answer else text

    def _render(self, messages: list[Message], **options: Any) -> str:
        try:
            return str(self.apply_chat_template(messages, tokenize=False, **options))
        except TemplateError as error:
            raise NewtongueError(
                f"The base's chat template refuses these messages: {error}. Leave out what it names, such as a message "
                "of the system."
            ) from error

    def _mark_messages(self, messages: Sequence[Message], language: str | None = None) -> list[Message]:
        if language:
            messages = [{"language": language, **one} if one.get("role") == "user" else one for one in messages]
        voices = [language.lower() for language in self.ranges if self.ranges[language].voice]
        return [mark_message(message, voices) for message in mark_messages(messages, tuple(self.ranges))]

    def _mark_all(self, text: Any, language: str | list[str | None]) -> Any:
        if isinstance(text, str) and language == AUTO:
            return mark_spans(text, tuple(self.ranges))
        if isinstance(text, str) or (language != AUTO and AUTO not in language):
            return mark_all(text, language)
        found = dict(enumerate([AUTO] * len(text) if language == AUTO else language))
        spans = [mark_spans(one, tuple(self.ranges)) if found.get(at) == AUTO else one for at, one in enumerate(text)]
        return mark_all(spans, [None if own == AUTO else own for own in found.values()])

    def _decode(self, token_ids: Any, *args: Any, **options: Any) -> str:
        ids = [token_ids] if isinstance(token_ids, int) else list(token_ids)
        if all(one < self.ranges.base_rows for one in ids):
            return super()._decode(token_ids, *args, **options)
        skipping = bool(args[0] if args else options.get("skip_special_tokens"))
        said, thinking = "", False
        for number, piece in enumerate(self._cut(ids)):
            thinking = self._thinks(piece) or (thinking and piece.language is None and not self._ends(piece))
            said += "" if thinking and skipping else self._say(piece, number > 0, *args, **options)
        return said

    def _say(self, piece: Piece, goes_on: bool, skip_special_tokens: bool = False, **options: Any) -> str:
        """One piece as text, marked unless special tokens are to be left out."""
        if piece.language is None:
            options["skip_special_tokens"] = skip_special_tokens
            anchor = self._anchor if goes_on else None
            if anchor is None:
                return super()._decode(piece.ids, **options)
            if skip_special_tokens:  # The anchor is one, and is needed.
                options["skip_special_tokens"] = False
                special = {one for one, token in self.added_tokens_decoder.items() if token.special}
                piece = Piece([one for one in piece.ids if one not in special])
            said = super()._decode([anchor[0], *piece.ids], **options)
            return said.removeprefix(anchor[1])
        if self._thinks(piece):
            return think(piece.language)
        said = str(self.ranges[piece.language].tokenizer.decode(self._own(piece), skip_special_tokens=True))
        plain = skip_special_tokens or not said.strip()
        return said if plain else mark(said, piece.language, written=piece.written)

    def _own(self, piece: Piece) -> list[int]:
        """The ids of a run in the language's own tokenizer."""
        owned = self.ranges[str(piece.language)]
        first = owned.begin if piece.written else owned.start
        return [one - first for one in piece.ids]

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """Tokens of ids of the base or of any attached language."""
        if isinstance(ids, int):
            return self.convert_ids_to_tokens([ids])[0]
        tokens: list[str] = []
        for piece in self._cut(list(ids)):
            if piece.language is None:
                tokens += super().convert_ids_to_tokens(piece.ids, skip_special_tokens=skip_special_tokens)
                continue
            own = self.ranges[piece.language].tokenizer
            tokens += own.convert_ids_to_tokens(self._own(piece), skip_special_tokens=skip_special_tokens)
        return tokens

    def _encode_plus(self, text: Any, *args: Any, **options: Any) -> BatchEncoding:
        """Where all encoding of the base's tokenizer passes through."""
        batch = [text] if isinstance(text, str) else text
        if not any(isinstance(one, str) and is_marked(one) for one in batch):
            encoded: BatchEncoding = super()._encode_plus(text, *args, **options)
            return encoded
        if args or options.get("text_pair") is not None or options.get("is_split_into_words"):
            raise NewtongueError("Text in an attached language is encoded alone, as one text: join pairs and words.")
        if asked := [name for name in _OF_ONE if options.get(name)]:
            raise NewtongueError(
                f"{asked[0]}=True has no meaning for text in an attached language, whose ids come from several "
                "tokenizers. Leave it out."
            )
        cut = options.get("truncation_strategy", "do_not_truncate") != "do_not_truncate"
        limit = options.get("max_length") if cut else None
        rows = [self._encode_one(one, options.get("add_special_tokens", True), limit) for one in batch]
        return self._collate(rows[0] if isinstance(text, str) else rows, options)

    def _encode_one(self, text: str, add_special_tokens: bool, limit: int | None) -> list[int]:
        if not is_marked(text):
            plain: list[int] = super().__call__(
                text, add_special_tokens=add_special_tokens, truncation=limit is not None, max_length=limit
            )["input_ids"]
            return plain
        before, after = self._specials() if add_special_tokens else ([], [])
        return join(shorten([Piece(before), *self._pieces(text), Piece(after)], limit, []))

    def _pieces(self, text: str, goes_on: bool = False) -> list[Piece]:
        """A marked text as pieces; one that goes on stands after others."""
        pieces: list[Piece] = []
        for language, part in split(text):
            if language is None:
                pieces.append(self._plain(part, goes_on or bool(pieces)))
            elif self._borrows(language):
                for words, borrowed in cut_borrowed(part):
                    after = goes_on or bool(pieces)
                    pieces.append(self._plain(words, after) if borrowed else self._run(words, language))
            else:
                pieces.append(self._run(part, language))
                pieces += [self._plain(part, True)] if language.startswith(THOUGHT) else []
        return pieces

    def _plain(self, text: str, goes_on: bool) -> Piece:
        """A text in the base's own vocabulary, at the beginning or after other pieces."""
        anchor = self._anchor if goes_on else None
        if anchor is None:
            return Piece(super().__call__(text, add_special_tokens=False)["input_ids"])
        return Piece(super().__call__(anchor[1] + text, add_special_tokens=False)["input_ids"][1:])

    @cached_property
    def _anchor(self) -> tuple[int, str] | None:
        """A special token, behind which text is encoded as inside of a text, where its beginning is another matter.

        That is so in vocabularies of SentencePiece, which begin a text with a space that nobody wrote.
        """
        encode = super().__call__
        for token, added in self.added_tokens_decoder.items():
            ids = encode(f"{added.content}a", add_special_tokens=False)["input_ids"]
            if added.special and not (added.lstrip or added.rstrip) and ids[0] == token:
                differs = ids[1:] != encode("a", add_special_tokens=False)["input_ids"]
                return (token, added.content) if differs else None
        return None

    def _borrows(self, marked: str) -> bool:
        """Whether what is so marked is read by a language that leaves Latin words to the base."""
        return not marked.startswith((WRITTEN, THOUGHT)) and self.ranges[self._tag(marked)].borrows

    def _run(self, text: str, marked: str) -> Piece:
        """A run of a language, or what opens one that is yet to be written, or what begins a thought."""
        language = self._tag(marked.lstrip(WRITTEN + THOUGHT))
        owned, written = self.ranges[language], marked.startswith((WRITTEN, THOUGHT))
        if written and not owned.voice:
            raise NewtongueError(f"The adapter for {language!r} has no voice to write with. Attach one that has.")
        if marked.startswith(THOUGHT):
            own = [owned.closes]
        else:
            # Not verbose: the tokenizer knows of one window, where its encoder reads in several.
            ids = owned.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
            own = [*([] if written and text else [owned.opens]), *ids, *([owned.closes] if text else [])]
        first = owned.begin if written else owned.start
        return Piece([one + first for one in own], language, written)

    def _thinks(self, piece: Piece) -> bool:
        """Whether a piece begins a thought: what else closes a run, outside of any."""
        return piece.written and self._own(piece) == [self.ranges[str(piece.language)].closes]

    def _ends(self, piece: Piece) -> bool:
        """Whether the base ends what it says in a piece: a thought that nothing written follows is the answer."""
        return any(token.special and one in piece.ids for one, token in self.added_tokens_decoder.items())

    def _tag(self, language: str) -> str:
        return next((tag for tag in self.ranges if tag.lower() == language.lower()), language)

    def _specials(self) -> tuple[list[int], list[int]]:
        """What the base's tokenizer puts before and after a text."""
        bare: list[int] = super().__call__("a", add_special_tokens=False)["input_ids"]
        full: list[int] = super().__call__("a", add_special_tokens=True)["input_ids"]
        start = next(at for at in range(len(full)) if full[at : at + len(bare)] == bare)
        return full[:start], full[start + len(bare) :]

    def _collate(self, rows: Any, options: dict[str, Any]) -> BatchEncoding:
        single = bool(rows) and isinstance(rows[0], int)
        encoded = BatchEncoding({"input_ids": rows})
        encoded["attention_mask"] = [1] * len(rows) if single else [[1] * len(row) for row in rows]
        padding = options.get("padding_strategy", "do_not_pad")
        if padding != "do_not_pad":
            wanted = {name: options.get(name) for name in ("max_length", "pad_to_multiple_of", "padding_side")}
            encoded = self.pad(encoded, padding=padding, **cast(Any, wanted))
        if options.get("return_attention_mask") is False:
            del encoded["attention_mask"]
        return BatchEncoding(encoded.data, tensor_type=options.get("return_tensors"), prepend_batch_axis=single)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the base's own class, since this one is made at run time."""
        return _unpickled, (type(self).__mro__[2],), self.__dict__

    def _cut(self, ids: list[int]) -> list[Piece]:
        """Cut a row into pieces of one vocabulary each; neighbouring runs of a language stay two."""
        pieces: list[Piece] = []
        for one in ids:
            language = self.ranges.language_of(one)
            written = language is not None and one < self.ranges[language].start
            pieces.append(Piece([one], language, written))
            if len(pieces) > 1 and self._go_on(*pieces[-2:]):
                pieces[-2].ids += pieces.pop().ids
        return pieces

    def _go_on(self, one: Piece, next_one: Piece) -> bool:
        """Whether two neighbours are of one piece."""
        if (one.language, one.written) != (next_one.language, next_one.written):
            return False
        if one.language is None:
            return True
        owned = self.ranges[one.language]
        first = owned.begin if one.written else owned.start
        return one.ids[-1] != first + owned.closes and next_one.ids[0] != first + owned.opens


def _with_padding(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """The tokenizer, which pads with what ends a text where it has no padding of its own, as phi-2's has none."""
    if tokenizer.pad_token is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


@cache
def _speaking(own: Any) -> type[LanguagesTokenizer]:
    """The subclass of a base's tokenizer class that speaks languages, under the same name."""
    return type(own.__name__, (LanguagesTokenizer, own), {"__module__": own.__module__})


def _unpickled(own: Any) -> LanguagesTokenizer:
    return object.__new__(_speaking(own))
