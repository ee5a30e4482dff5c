"""The log of a chat as HTML; everything that was typed or answered is escaped."""

from collections.abc import Sequence
from html import escape

from newtongue.languages import language_name
from newtongue_recipes.chat.conversation import Turn

from .exchanges import Answer, Exchange, Span

WELCOME = "Ask something in any of the languages above."


def render(exchanges: Sequence[Exchange], languages: Sequence[str]) -> str:
    """The log, oldest first.

    Args:
        exchanges: what was said.
        languages: the attached ones, in the order of their colours.
    """
    if not exchanges:
        return f'<div class="nt-log"><p class="nt-welcome">{WELCOME}</p></div>'
    said = "".join(_exchange(one, languages) for one in exchanges)
    return f'<div class="nt-log" role="log" aria-live="polite">{said}</div>'


def figures(turn: Turn) -> list[str]:
    """A turn's figures, in words for the page."""
    read = " and ".join(map(language_name, turn.languages))
    tuned_for = turn.tuned_for if turn.tuned_for not in turn.languages else None
    saved = f", {turn.raw_positions} as raw text" if turn.languages else ""
    seconds = f"{turn.seconds:.1f} s" if turn.seconds >= 1 else f"{turn.seconds * 1000:.0f} ms"
    return [
        f"read as {read}" if read else "read by the base",
        *([f"LoRA of {language_name(tuned_for)}"] if tuned_for else []),
        f"{turn.positions} positions{saved}",
        f"{turn.tokens} {'token' if turn.tokens == 1 else 'tokens'} in {seconds}",
        *(["stopped"] if turn.stopped else []),
    ]


def _exchange(one: Exchange, languages: Sequence[str]) -> str:
    asked = "".join(_span(span, languages) for span in one.question)
    parts = [f'<div class="nt-question" dir="auto">{asked}</div>']
    if one.error:
        parts.append(f'<div class="nt-error" role="alert">{escape(one.error)}</div>')
    parts += [f'<div class="nt-note">{escape(note)}</div>' for note in one.notes]
    if one.answers:
        parts.append(f'<div class="nt-answers">{"".join(map(_answer, one.answers))}</div>')
    return f'<section class="nt-exchange">{"".join(parts)}</section>'


def _span(span: Span, languages: Sequence[str]) -> str:
    language, text = span
    if language is None:
        return escape(text)
    colour = languages.index(language) % 4 if language in languages else 0
    title = f"read as {language_name(language)}"
    return f'<span class="nt-span nt-{colour}" lang="{escape(language)}" title="{escape(title)}">{escape(text)}</span>'


def _answer(one: Answer) -> str:
    by = f'<div class="nt-by">{escape(one.by)}</div>' if one.by else ""
    if one.turn is None:
        below = '<div class="nt-figures nt-running">writing …</div>'
    else:
        below = f'<div class="nt-figures">{"".join(f"<span>{escape(said)}</span>" for said in figures(one.turn))}</div>'
    text = escape(one.text) if one.text or one.turn is None else '<span class="nt-silent">(no answer)</span>'
    return f'<div class="nt-answer">{by}<div class="nt-text" dir="auto">{text}</div>{below}</div>'
