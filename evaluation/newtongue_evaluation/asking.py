"""One adapter asked the questions of a task, beside all that needs no training of its own."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from newtongue import AttachedModel

from .answers import Messages
from .baselines import Learned, Question
from .baselines.chance import most_frequent
from .baselines.forms import plain
from .baselines.soft_tokens import disturbed, shuffled, zeroed
from .baselines.swapped import ask_swapped
from .measures.cost import peak_memory
from .results import Cost, Role, Row

OURS = "adapter"
CONTROLS: dict[str, tuple[str, Role]] = {
    "translate-test": ("translate-test, gold English", "bound"),
    "bare": ("bare base on raw text", "control"),
    "swapped": ("adapter, another question's soft tokens", "control"),
    "zeroed": ("adapter, soft tokens zeroed", "control"),
    "shuffled": ("adapter, soft tokens shuffled", "control"),
    "chance": ("chance, the most frequent answer", "control"),
}
"""What is asked beside an adapter, by the name on the command line: its title in tables and its part there."""

METHODS: dict[str, tuple[str, Role]] = {"ours": (OURS, "ours"), **CONTROLS}
"""The adapter and these: all that can be asked of one."""

Answered = tuple[str, Role, tuple[Row, ...], Cost]
Asking = Callable[..., tuple[Row, ...]]  # As `Learned.ask`.


def ask_all(
    model: AttachedModel,
    language: str,
    questions: Sequence[Question],
    methods: Sequence[str] = tuple(METHODS),
    *,
    thoughts: Mapping[str, str] | None = None,
    max_new_tokens: int = 32,
    batch: int = 64,
    progress: Callable[[int], None] = lambda _done: None,
) -> Iterator[Answered]:
    """The rows of the adapter and its controls, one method after the other: title, role, rows, cost of reading them.

    Args:
        model: with the language attached.
        questions: of one task, with answers in one language.
        methods: of `METHODS`; those that the questions lack something for are left out, as `lacking` says.
        thoughts: English gold answers by the questions' keys, for an adapter that thinks first.
        max_new_tokens, batch, progress: as for `answer`.
    """
    options = {"max_new_tokens": max_new_tokens, "batch": batch, "progress": progress}

    def ask(
        form: Callable[[Question], Messages], by: Asking = Learned.ask, change: Any = None, writes: bool = True
    ) -> Any:
        learned = Learned(model, model.tokenizer, form, writes=writes, thoughts=thoughts or {})
        with disturbed(model.adapter(language), change) if change else nullcontext():
            return _timed(by, learned, questions, options)

    for name in methods:
        if lacking(name, questions):
            continue
        title, role = METHODS[name]
        if name == "ours":
            rows, cost = ask(lambda one: one.messages)
            cost = replace(cost, positions=_positions(model, questions, language))
        elif name == "translate-test":
            rows, cost = ask(lambda one: [{"role": "user", "content": one.english}], writes=False)
        elif name == "bare":
            rows, cost = ask(lambda one: plain(one.messages), writes=False)
            cost = replace(cost, positions=_positions(model, questions, None))
        elif name == "swapped":
            rows, cost = ask(lambda one: one.messages, ask_swapped)
        elif name in ("zeroed", "shuffled"):
            rows, cost = ask(lambda one: one.messages, change=zeroed if name == "zeroed" else shuffled)
        else:
            rows, cost = most_frequent(questions), Cost()
        yield title, role, rows, cost


def lacking(control: str, questions: Sequence[Question]) -> str:
    """What questions lack for a control, in words; empty where it can be asked."""
    if control == "translate-test" and (count := sum(not one.english for one in questions)):
        return f"{count:,} of {len(questions):,} questions are without 'english'"
    if control == "swapped":
        subjects: dict[str, set[str]] = {}
        for one in questions:
            subjects.setdefault(one.group, set()).add(one.subject)
        alone = [group for group, found in subjects.items() if len(found) < 2]
        if alone:
            return f"all questions{f' of the group {alone[0]!r}' if alone[0] else ''} are about one subject"
    return ""


def _timed(
    ask: Asking, learned: Learned, questions: Sequence[Question], options: dict[str, Any]
) -> tuple[tuple[Row, ...], Cost]:
    started = time.perf_counter()
    rows = ask(learned, questions, **options)
    spent = round(time.perf_counter() - started, 2)
    characters = sum(len(one.text) for one in questions)
    return rows, Cost(characters=characters, answer_seconds=spent, peak_memory=peak_memory(learned.model.device))


def _positions(model: AttachedModel, questions: Sequence[Question], language: str | None) -> int:
    texts = [one.text for one in questions]
    ids = model.tokenizer(texts, language=language, add_special_tokens=False)["input_ids"]
    return sum(map(len, ids))
