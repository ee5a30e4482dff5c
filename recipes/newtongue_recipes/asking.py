"""Asking one question of an adapter, with the base it names."""

from pathlib import Path

from newtongue import ModalityAdapter, NewtongueError
from newtongue_evaluation.answers import answer
from newtongue_recipes.loading import load_base


def ask_one(
    adapter: str, question: str, *, base: str | None = None, four_bit: bool = True, max_new_tokens: int = 128
) -> str:
    """Load adapter and base, and give the answer to `question`, asked in the adapter's language.

    Raises:
        NewtongueError: the adapter cannot be loaded, or its base is not where it was; the question is empty.
    """
    language = ModalityAdapter.from_pretrained(adapter)
    named = base or base_of(adapter, language.config.base.id)
    model = language.attach(load_base(named, four_bit=four_bit), ignore_base_name=base is not None)
    asked = [{"role": "user", "content": question, "language": language.language}]
    return answer(model, model.tokenizer, [asked], max_new_tokens=max_new_tokens)[0]


def base_of(adapter: str, recorded: str) -> str:
    """Where the base is: as recorded, or under its name beside the adapter's folder if that moved."""
    beside = Path(adapter).resolve().parent / Path(recorded).name
    if not Path(recorded).is_dir() and beside.is_dir():
        return str(beside)
    if not recorded:
        raise NewtongueError(f"{adapter} does not say which base it belongs to. Name it with --base.")
    return recorded
