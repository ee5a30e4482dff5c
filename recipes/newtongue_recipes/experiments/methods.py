"""The methods of the experiments by name: ours, what is left of it, its controls, and the baselines.

All that makes one method another stands in its row here; `perform` does what the rows say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from newtongue import NewtongueError
from newtongue_evaluation.answers import Messages
from newtongue_evaluation.baselines import Learned, Question
from newtongue_evaluation.baselines.forms import aloud, beside, heard, thoughtless
from newtongue_evaluation.baselines.soft_tokens import SoftTokens, shuffled, zeroed
from newtongue_evaluation.baselines.swapped import ask_swapped
from newtongue_evaluation.results import Role, Row
from newtongue_recipes.recipe.nearest import nearest
from newtongue_recipes.stages.curriculum import Curriculum

Change = Callable[[Curriculum], Curriculum]
Form = Callable[[Messages], Messages]  # How a conversation is put.
Asking = Callable[[Learned, Sequence[Question], int], tuple[Row, ...]]  # With the longest answer, in tokens.


def _plainly(learned: Learned, questions: Sequence[Question], longest: int) -> tuple[Row, ...]:
    return learned.ask(questions, max_new_tokens=longest)


def _swapped(learned: Learned, questions: Sequence[Question], longest: int) -> tuple[Row, ...]:
    return ask_swapped(learned, questions, max_new_tokens=longest)


def _aloud(learned: Learned, questions: Sequence[Question], longest: int) -> tuple[Row, ...]:
    return heard(learned.ask(questions, max_new_tokens=2 * longest))  # A thought and an answer.


@dataclass(frozen=True)
class Method:
    """How a method is called in tables, and what part it plays there."""

    title: str
    role: Role


@dataclass(frozen=True)
class Ours(Method):
    """Our own method, or what is left of it.

    Attributes:
        change: what it does otherwise in the three stages.
        put: how what it learns and is asked is put.
        disturbs: what becomes of its soft tokens, in stage 3 and when it is asked.
        asks: how it is asked.
        trained: the method whose adapter it asks; its own where empty.
        published: its encoder is a published one.
        tuned: it has a stage 3.
    """

    change: Change = lambda whole: whole
    put: Form = lambda messages: messages
    disturbs: SoftTokens | None = None
    asks: Asking = _plainly
    trained: str = ""
    published: bool = False
    tuned: bool = True


@dataclass(frozen=True)
class Baseline(Method):
    """What is in the registry of baselines.

    Attributes:
        reads: it has our encoder.
        trains: it learns something, and has a budget for it.
    """

    reads: bool = False
    trains: bool = True


def _map(**changes: Any) -> Change:
    return lambda whole: replace(whole, map=replace(whole.map, **changes))


def _tune(**changes: Any) -> Change:
    return lambda whole: replace(whole, tune=replace(whole.tune, **changes))


def _unread(whole: Curriculum) -> Curriculum:
    """Stage 1 cut to one step: an encoder with its own vocabulary and fresh weights."""
    return replace(whole, represent=replace(whole.represent, training=replace(whole.represent.training, steps=1)))


METHODS: dict[str, Method] = {
    "ours": Ours("adapter", "ours"),
    "ours-encoder": Ours("adapter, published encoder", "ours", published=True),
    "ours-beside": Ours("adapter, raw text beside soft tokens in stage 3", "ours", put=beside),
    "ours-aloud": Ours("adapter that thinks in English first, and spells", "ours", put=aloud, asks=_aloud),
    "ours-voice": Ours("adapter that writes", "ours", _tune(answer="own"), put=thoughtless),
    "ours-thought": Ours("adapter that writes, thinking in English first", "ours", _tune(answer="own")),
    "ours-unread": Ours("stage 3 on raw text alone, soft tokens zeroed", "control", put=beside, disturbs=zeroed),
    "ours-no-represent": Ours("adapter without stage 1", "control", _unread),
    "ours-no-words": Ours("adapter without words", "control", _map(words=None)),
    "ours-no-toward": Ours(
        "adapter without the embeddings' objective", "control", _map(words=None, toward=None, anchor=0.0)
    ),
    "ours-no-through": Ours("adapter without the base's objective", "control", _map(through=None)),
    "ours-no-map": Ours("adapter without stage 2", "control", _map(words=None, toward=None, through=None)),
    "ours-no-tune": Ours("adapter without stage 3", "control", tuned=False),
    "ours-no-transport": Ours("adapter without transport", "control", _map(transport=0.0)),
    "ours-no-mse": Ours("adapter without MSE", "control", _map(words=None, mse=0.0)),
    "ours-no-contrast": Ours("adapter without contrast", "control", _map(contrast=0.0)),
    "ours-no-lexical": Ours(
        "adapter, transport in place of the tokens' likelihood", "control", _map(lexical=0.0, transport=1.0)
    ),
    "ours-no-settle": Ours("adapter whose soft tokens do not settle", "control", _map(sharpness=0.0)),
    "ours-no-settled": Ours(
        "adapter whose soft tokens settle only once stage 2 has ended", "control", _map(settled=0.0)
    ),
    "ours-no-mined": Ours("adapter without a mined dictionary", "control", _map(mined=0)),
    "ours-no-masked": Ours("adapter without masking in stage 2", "control", _map(masked=0.0)),
    "ours-no-borrows": Ours("adapter that borrows no words", "control", _map(borrows=False)),
    "ours-no-twins": Ours("adapter without twins", "control", _tune(twins=0.0)),
    "ours-no-anchor": Ours("adapter without anchor", "control", _map(anchor=0.0)),
    "ours-frozen-encoder": Ours("adapter, encoder frozen in stage 2", "control", _map(train_encoder=False)),
    "ours-zeroed": Ours("adapter, soft tokens zeroed", "control", disturbs=zeroed, trained="ours"),
    "ours-shuffled": Ours("adapter, soft tokens shuffled", "control", disturbs=shuffled, trained="ours"),
    "ours-swapped": Ours("adapter, another question's soft tokens", "control", asks=_swapped, trained="ours"),
    "bare": Baseline("bare base on raw text", "control", trains=False),
    "chance": Method("chance, the most frequent answer", "control"),
    "raw-lora": Baseline("LoRA on raw text", "baseline"),
    "raw-lora-translations": Baseline("LoRA on raw text, with translations", "baseline"),
    "vocabulary-mean": Baseline("new vocabulary, mean", "baseline", reads=True),
    "vocabulary-wechsel": Baseline("new vocabulary, WECHSEL", "baseline", reads=True),
    "vocabulary-focus": Baseline("new vocabulary, FOCUS", "baseline", reads=True),
    "langbridge": Baseline("bridge as LangBridge", "baseline", reads=True),
    "mindmerger": Baseline("bridge as MindMerger", "baseline", reads=True),
    "translate-test": Baseline("translate-test, gold English", "bound", trains=False),
}


def has_budget(name: str) -> bool:
    """Whether a method can be given more or less to train with, in steps or seconds."""
    method = METHODS[name]
    return isinstance(method, Baseline) and method.trains


def check_methods(names: list[str]) -> list[str]:
    """The names, if all are methods.

    Raises:
        NewtongueError: one is not; the message names the nearest.
    """
    for name in names:
        if name not in METHODS:
            near = nearest(name, METHODS)
            meant = f"Did you mean {near}? " if near else ""
            raise NewtongueError(f"{name!r} is no method. {meant}There are: {', '.join(METHODS)}.")
    return names
