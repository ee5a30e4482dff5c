"""The methods of the experiments by name: ours, what is left of it, its controls, and the baselines."""

from dataclasses import dataclass

from newtongue import NewtongueError
from newtongue_evaluation.results import Role
from newtongue_recipes.recipe.nearest import nearest


@dataclass(frozen=True)
class Method:
    """How a method is called in tables, and what part it plays there."""

    title: str
    role: Role


METHODS: dict[str, Method] = {
    "ours": Method("adapter", "ours"),
    "ours-encoder": Method("adapter, published encoder", "ours"),
    "ours-beside": Method("adapter, raw text beside soft tokens in stage 3", "ours"),
    "ours-aloud": Method("adapter that thinks in English first, and spells", "ours"),
    "ours-voice": Method("adapter that writes", "ours"),
    "ours-thought": Method("adapter that writes, thinking in English first", "ours"),
    "ours-unread": Method("stage 3 on raw text alone, soft tokens zeroed", "control"),
    "ours-no-represent": Method("adapter without stage 1", "control"),
    "ours-no-words": Method("adapter without words", "control"),
    "ours-no-toward": Method("adapter without the embeddings' objective", "control"),
    "ours-no-through": Method("adapter without the base's objective", "control"),
    "ours-no-map": Method("adapter without stage 2", "control"),
    "ours-no-tune": Method("adapter without stage 3", "control"),
    "ours-no-transport": Method("adapter without transport", "control"),
    "ours-no-mse": Method("adapter without MSE", "control"),
    "ours-no-contrast": Method("adapter without contrast", "control"),
    "ours-no-lexical": Method("adapter, transport in place of the tokens' likelihood", "control"),
    "ours-no-settle": Method("adapter whose soft tokens do not settle", "control"),
    "ours-no-settled": Method("adapter whose soft tokens settle only once stage 2 has ended", "control"),
    "ours-no-mined": Method("adapter without a mined dictionary", "control"),
    "ours-no-masked": Method("adapter without masking in stage 2", "control"),
    "ours-no-borrows": Method("adapter that borrows no words", "control"),
    "ours-no-twins": Method("adapter without twins", "control"),
    "ours-no-anchor": Method("adapter without anchor", "control"),
    "ours-frozen-encoder": Method("adapter, encoder frozen in stage 2", "control"),
    "ours-zeroed": Method("adapter, soft tokens zeroed", "control"),
    "ours-shuffled": Method("adapter, soft tokens shuffled", "control"),
    "ours-swapped": Method("adapter, another question's soft tokens", "control"),
    "bare": Method("bare base on raw text", "control"),
    "chance": Method("chance, the most frequent answer", "control"),
    "raw-lora": Method("LoRA on raw text", "baseline"),
    "raw-lora-translations": Method("LoRA on raw text, with translations", "baseline"),
    "vocabulary-mean": Method("new vocabulary, mean", "baseline"),
    "vocabulary-wechsel": Method("new vocabulary, WECHSEL", "baseline"),
    "vocabulary-focus": Method("new vocabulary, FOCUS", "baseline"),
    "langbridge": Method("bridge as LangBridge", "baseline"),
    "mindmerger": Method("bridge as MindMerger", "baseline"),
    "translate-test": Method("translate-test, gold English", "bound"),
}

UNTRAINED = ("bare", "translate-test")
CONTROLS = ("ours-zeroed", "ours-shuffled", "ours-swapped")
READ = ("langbridge", "mindmerger", "vocabulary-mean", "vocabulary-wechsel", "vocabulary-focus")  # With an encoder.


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
