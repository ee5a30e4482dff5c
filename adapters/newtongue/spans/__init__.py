"""Which attached language each span of a text is written in: what `language="auto"` does.

1. Code between backticks, addresses, and lines that look like code go to the base.
2. The rest is cut into units: sentences, quotations, and stretches of another script inside a sentence.
3. A unit goes to the attached language whose script and words it has; to the base if that is English, a language
   that is not attached, or no language at all (numbers).
4. A unit too short to tell goes with the surer unit before it, else with the one after it, else with the language of
   the message before, else to the base.

A language that the identifier does not know and that shares its script with others is never found: say it by name.
"""

from collections.abc import Sequence

from newtongue.languages import AUTO

from .cutting import Unit, cut
from .identify import UNSURE, identify
from .markup import Message, is_marked, join_marked, mark, split, text_of

Span = tuple[str | None, str]


def find_spans(text: str, attached: Sequence[str], fallback: str | None = None) -> list[Span]:
    """Cut a text into `(language or None for the base, part)`; the parts make up the text.

    Args:
        text: without marks.
        attached: BCP 47 tags to choose from; of two that cannot be told apart the first.
        fallback: what text too short to tell is taken for.
    """
    units = cut(text)
    said = iter(_settle([identify(unit.of(text), attached) for unit in units if not unit.code], fallback))
    return _join(text, units, [None if unit.code else next(said) for unit in units])


def mark_spans(text: str, attached: Sequence[str], fallback: str | None = None) -> str:
    """The text with its spans marked for the attached languages they are in, but for what is marked already."""
    if is_marked(text):
        own = ((said, part if said else mark_spans(part, attached, fallback)) for said, part in split(text))
        return join_marked(own)
    return "".join(
        part if language is None else mark(part, language) for language, part in find_spans(text, attached, fallback)
    )


def mark_messages(messages: Sequence[Message], attached: Sequence[str]) -> list[Message]:
    """Messages whose `"language"` is `auto`, whole or in parts, with their spans marked instead."""
    found: list[Message] = []
    last: str | None = None
    for message in messages:
        content, spoken = message.get("content"), message.get("language")
        parts = content if isinstance(content, list) else [{"text": content, "language": spoken}]
        if any(AUTO in (spoken, part.get("language")) for part in parts):
            marked = content and "".join(_marked(part, spoken, attached, last) for part in parts)
            message = {key: value for key, value in message.items() if key != "language"} | {"content": marked}
        if message.get("role") != "assistant":
            last = _last_language(message) or last
        found.append(message)
    return found


def _marked(part: Message, spoken: str | None, attached: Sequence[str], last: str | None) -> str:
    text, own = text_of(part), part.get("language") or spoken
    if own == AUTO and not is_marked(text):
        return mark_spans(text, attached, last)
    return text if own in (None, AUTO) else mark(text, own)


def _last_language(message: Message) -> str | None:
    content = message.get("content")
    parts = split(content) if isinstance(content, str) else []
    return (parts[-1][0] if parts else None) or message.get("language")


def _settle(found: Sequence[str | None], fallback: str | None) -> list[str | None]:
    """Give each unsure unit the language of a neighbour."""
    sure = [language for language in found if language != UNSURE]
    last = sure[0] if sure else fallback
    settled: list[str | None] = []
    for language in found:
        last = last if language == UNSURE else language
        settled.append(last)
    return settled


def _join(text: str, units: Sequence[Unit], languages: Sequence[str | None]) -> list[Span]:
    """Neighbouring parts of one language as one span; spaces around it stay outside."""
    letters: list[str | None] = [None] * len(text)
    for unit, language in zip(units, languages, strict=True):
        for start, stop in unit.parts:
            letters[start:stop] = [language] * (stop - start)
    _bridge(text, letters)
    spans: list[Span] = []
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or letters[at] != letters[start]:
            spans.append((letters[start], text[start:at]))
            start = at
    return spans


def _bridge(text: str, letters: list[str | None]) -> None:
    """What is no letter between two units of one language goes with them."""
    at = 0
    while at < len(text):
        stop = at
        while stop < len(text) and not text[stop].isalnum():
            stop += 1
        before, after = letters[at - 1] if at else None, letters[stop] if stop < len(text) else None
        if stop > at:
            if before == after:
                letters[at:stop] = [before] * (stop - at)
            else:
                for place in range(at, stop):
                    letters[place] = None if text[place].isspace() else letters[place]
        at = stop + 1
