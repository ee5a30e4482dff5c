"""The terminal around a conversation: lines in, answers out, commands that begin with a slash."""

import contextlib
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.console import Console

from newtongue import LanguageError, NewtongueError
from newtongue.languages import AUTO, language_name
from newtongue_recipes.chat.conversation import Conversation, Turn

HELP = """/lang TAG     read what follows in this language; /lang base (or en): in the base's own;
              /lang auto: each part in the language it is written in
/langs        the languages attached
/system TEXT  instructions for the whole chat, read in the language set now; without a text, none
/reset        forget what was said
/help         this
/quit         leave, as Ctrl-D does; Ctrl-C stops an answer"""
BASE = ("base", "en")  # What stands for the base's own language where no adapter has the tag.


class Chat:
    """A chat: `run` it over lines.

    Args:
        conversation: with the model.
        language: what messages are read in at first; None for the base's own.
        answers: where answers go, and they alone.
        notes: where all else goes.
    """

    def __init__(self, conversation: Conversation, language: str | None, *, answers: Console, notes: Console) -> None:
        self.conversation = conversation
        self.answers = answers
        self.notes = notes
        self.language = language
        self._commands: dict[str, Callable[[str], None]] = {
            "/lang": self._lang,
            "/langs": lambda _: self._langs(),
            "/system": self._system,
            "/reset": lambda _: self._reset(),
            "/help": lambda _: self._note(HELP),
        }

    @property
    def prompt(self) -> str:
        """What stands before a line being typed."""
        return f"{self.language or BASE[0]}> "

    def greet(self) -> None:
        """Say what is attached and how messages are read."""
        model = self.conversation.model
        self._note(f"Attached to {model.name_or_path or 'the base'}: {', '.join(map(_named, model.languages))}.")
        self._note(f"Messages are read {self._read_as()}; /help lists the commands.")

    def run(self, lines: Iterable[str]) -> None:
        """Answer lines and obey commands until the lines end or one says `/quit`."""
        for line in lines:
            word, _, rest = line.strip().partition(" ")
            if word == "/quit":
                return
            with self._errors_shown():
                if word.startswith("/"):
                    self._commands.get(word, lambda _, word=word: self._unknown(word))(rest.strip())
                elif word:
                    self._ask(line.strip())

    def _ask(self, text: str) -> None:
        dropped = self.conversation.say(text, self.language)
        if dropped:
            self._note(f"The conversation had grown too long: its {dropped} oldest turns are forgotten.")
        turn = self.conversation.answer(self._show)
        self.answers.out()
        self._note(describe(turn))

    def _show(self, piece: str) -> None:
        safe = "".join(letter for letter in piece if unicodedata.category(letter) != "Cc" or letter in "\n\t")
        self.answers.out(safe, end="", highlight=False)

    def _lang(self, tag: str) -> None:
        if tag:
            self.language = pick_language(tag, self.conversation.model.languages)
        self._note(f"Messages are read {self._read_as()}.")

    def _langs(self) -> None:
        for tag in self.conversation.model.languages:
            self._note(f"{'*' if tag == self.language else ' '} {_named(tag)}")
        self._note(f"{' ' if self.language else '*'} base: the base's own tokenizer, no adapter")

    def _system(self, text: str) -> None:
        self.conversation.instruct(text, self.language)
        self._note(f"The system text is read {self._read_as()}." if text else "No system text.")

    def _reset(self) -> None:
        self.conversation.reset()
        self._note("Forgotten." + (" The system text stays." if self.conversation.system else ""))

    def _unknown(self, word: str) -> None:
        self._note(f"There is no command {word}.\n{HELP}")

    def _read_as(self) -> str:
        if self.language == AUTO:
            return "in the language each part is written in"
        return f"as {_named(self.language)}" if self.language else "by the base itself"

    def _note(self, text: str) -> None:
        self.notes.print(text, style="dim", markup=False, highlight=False, emoji=False, soft_wrap=True)

    @contextlib.contextmanager
    def _errors_shown(self) -> Iterator[None]:
        """Neither a message that cannot be answered nor a Ctrl-C just after an answer is a reason to leave."""
        try:
            yield
        except KeyboardInterrupt:
            self.notes.print()
        except NewtongueError as error:
            self.notes.print(f"Error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)


def pick_language(tag: str, attached: Sequence[str]) -> str | None:
    """The attached language that `tag` names, whatever its case; `auto` for itself; None for the base's own.

    Raises:
        LanguageError: it names neither.
    """
    by_tag: dict[str, str | None] = {AUTO: AUTO, **dict.fromkeys(BASE), **{one.lower(): one for one in attached}}
    if tag.lower() not in by_tag:
        raise LanguageError(
            f"No adapter is attached for language {tag!r}. Choose one of {', '.join(attached)}, or base for none, "
            "or auto."
        )
    return by_tag[tag.lower()]


def describe(turn: Turn) -> str:
    """A turn's figures on one line."""
    read = f"read as {' and '.join(turn.languages)}" if turn.languages else "read by the base"
    if turn.tuned_for and turn.tuned_for not in turn.languages:
        read += f", answered with the LoRA of {turn.tuned_for}, read before"
    took = f"{turn.positions} positions"
    if turn.languages:
        took += f" ({turn.raw_positions} as raw text)"
    rate = turn.tokens / turn.seconds if turn.seconds else 0.0
    wrote = f"{turn.tokens} tokens in {turn.seconds:.1f} s ({rate:.1f}/s)"
    return " · ".join([read, took, wrote, *(["stopped"] if turn.stopped else [])])


def typed_lines(prompt: Callable[[], str], notes: Console) -> Iterator[str]:
    """Lines from standard input: edited, with a history, where someone types; as they come where they are piped."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        if hasattr(sys.stdin, "reconfigure"):
            sys.stdin.reconfigure(encoding="utf-8", errors="replace")
        yield from sys.stdin
        return
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 (gives `input` its editing)
    while True:
        try:
            yield input(prompt())
        except KeyboardInterrupt:
            notes.print("\nCtrl-D or /quit leaves.", style="dim", highlight=False)
        except EOFError:
            notes.print()
            return


def _named(tag: str) -> str:
    return f"{language_name(tag)} ({tag})"
