"""The tokenizer of an attached model: the base's own, which also speaks the attached languages.

It is a copy of the base's tokenizer, of the same class and with every method it had. What is said to be in a
language (`language="tr"`, a message or part of a message with a `"language"`) becomes ids of that language's
range; all else is encoded as before.
"""

from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from itertools import chain
from typing import Any, cast

from jinja2 import TemplateError
from transformers import BatchEncoding, PreTrainedTokenizerBase

from newtongue.errors import NewtongueError
from newtongue.languages import AUTO
from newtongue.ranges import Ranges
from newtongue.spans import mark_messages, mark_spans
from newtongue.spans.markup import Message, begin, has_marks, is_marked, mark_all, mark_message, reopen

from .decoding import Decoding
from .encoding import Encoding
from .ids import check_rows, rowless
from .loading import with_padding
from .pieces import Piece, join, shorten

Languages = str | list[str | None] | None


def join_tokenizer(tokenizer: PreTrainedTokenizerBase, ranges: Ranges) -> "LanguagesTokenizer":
    """A copy of a base's tokenizer that speaks the languages of `ranges`, now and as they change."""
    joined = with_padding(deepcopy(tokenizer))
    if not isinstance(joined, LanguagesTokenizer):
        joined.__class__ = _speaking(cast(Any, type(joined)))
    joined.__dict__.update(ranges=ranges, unread=rowless(tokenizer, ranges.base_rows))
    return cast(LanguagesTokenizer, joined)


class LanguagesTokenizer(Encoding, Decoding):
    """What a base's tokenizer can do once a language is attached. Not made directly: see `join_tokenizer`."""

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

    def tokenize(self, text: str, *args: Any, language: str | None = None, **options: Any) -> list[str]:
        """The tokens of a text, parts of which may be marked; `language` and errors as for `__call__`."""
        if language is not None:
            text = self._mark_all(text, language)
        if not is_marked(text):
            plain: list[str] = super().tokenize(text, *args, **options)
            return plain
        asked = {
            "add_special_tokens": False,
            **dict(zip(("pair", "add_special_tokens"), args, strict=False)),
            **options,
        }
        tokens: list[str] = self.convert_ids_to_tokens(self.encode(text, asked.pop("pair", None), **asked))
        return tokens

    def _add_tokens(self, *args: Any, **options: Any) -> int:
        """Where all adding of tokens passes through; not beyond the base's rows, which are as they are."""
        tried = deepcopy(self)
        super(LanguagesTokenizer, tried)._add_tokens(*args, **options)
        check_rows(tried, self.ranges.base_rows)
        added: int = super()._add_tokens(*args, **options)
        self.unread = rowless(self, self.ranges.base_rows)
        return added

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
        if options.get("continue_final_message"):
            marked = [[*one[:-1], {**one[-1], "content": reopen(one[-1]["content"])}] for one in marked]
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

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the base's own class, since this one is made at run time."""
        return _unpickled, (type(self).__bases__[1],), self.__dict__


@cache
def _speaking(own: Any) -> type[LanguagesTokenizer]:
    """The subclass of a base's tokenizer class that speaks languages, under the same name."""
    return type(own.__name__, (LanguagesTokenizer, own), {"__module__": own.__module__})


def _unpickled(own: Any) -> LanguagesTokenizer:
    return object.__new__(_speaking(own))
