"""What was said on the page: questions with their spans, answers with their figures."""

from dataclasses import dataclass, field

from newtongue.spans.markup import split
from newtongue_recipes.chat.conversation import Turn
from newtongue_recipes.chat.messages import Message, languages_of

Span = tuple[str | None, str]


@dataclass
class Answer:
    """One model's answer, while it comes and after.

    Attributes:
        by: who answers; empty where there is only one.
        turn: its figures; None as long as it is not whole.
    """

    by: str
    text: str = ""
    turn: Turn | None = None


@dataclass
class Exchange:
    """A question and its answers, side by side.

    Attributes:
        question: its spans, each with the attached language it was read in or None for the base.
        notes: what else there is to say about it.
        error: why it was not answered.
    """

    question: list[Span]
    answers: list[Answer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str = ""


def spans_of(message: Message) -> list[Span]:
    """The spans of a message of a conversation."""
    if message["language"]:
        return [(languages_of(message)[0], message["content"])]
    return list(split(message["content"]))
