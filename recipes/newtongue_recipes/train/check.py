"""What would end a run hours after it began, looked for before it begins."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from transformers import AutoConfig

from newtongue import Encoder, ModalityAdapter, NewtongueError
from newtongue.ranges import Ranges
from newtongue.tokenizer.ids import check_rows, count_ids
from newtongue.tokenizer.loading import load_tokenizer
from newtongue.tokenizer.speaking import join_tokenizer
from newtongue_evaluation.answers import Messages
from newtongue_recipes.data import Gathered
from newtongue_recipes.recipe import Base, Recipe
from newtongue_recipes.recipe.doubts import doubts
from newtongue_recipes.settings import Map, Tune
from newtongue_recipes.stages.fitting import fitting, fitting_pairs, longest_pair, pair_row, told_of_pairs
from newtongue_recipes.stages.map import Pair
from newtongue_recipes.stages.represent import check_mask
from newtongue_recipes.stages.tune import check_same_lora

Start = Encoder | ModalityAdapter | None
WEIGHTS = ("*.safetensors", "*.bin")
UNBOUNDED = 2**31
GUESSED = "in the base's tokens, of which there are often more than there will be of the language's own, "


def base_tokenizer(base: Base) -> Any:
    """The base's tokenizer.

    Raises:
        NewtongueError: there is none, or no weights beside it, or the base has no rows for some of its ids.
    """
    try:
        tokenizer = load_tokenizer(base.name, revision=base.revision)
    except (OSError, ValueError) as error:
        raise NewtongueError(
            f"The base {base.name!r} has no tokenizer that can be loaded: {error} In base.name, give a folder or a Hub "
            "id that holds a causal language model and its tokenizer; offline, a folder or one loaded before."
        ) from error
    folder = Path(base.name)
    if folder.is_dir() and not any(next(folder.glob(kind), None) for kind in WEIGHTS):
        raise NewtongueError(f"The base {base.name!r} holds no weights, no *.safetensors. Get it again.")
    try:
        config = AutoConfig.from_pretrained(base.name, revision=base.revision)
    except (OSError, ValueError):  # The plan says what is wrong with it.
        return tokenizer
    check_rows(tokenizer, config.get_text_config().vocab_size)
    return tokenizer


def start_of(recipe: Recipe) -> Start:
    """What the first stage starts from, loaded to see that it can be; None where all is trained from scratch.

    Raises:
        NewtongueError: it cannot be read, or is not for this recipe.
    """
    if recipe.adapter is not None:
        adapter = ModalityAdapter.from_pretrained(recipe.adapter)
        if adapter.language.lower() != recipe.language.lower():
            raise NewtongueError(
                f"The adapter {recipe.adapter!r} reads {adapter.language!r} and the recipe teaches "
                f"{recipe.language!r}. Set 'language' to the former, or name another adapter."
            )
        if recipe.tune is not None:
            check_same_lora(adapter, recipe.tune)
        return adapter
    continued = recipe.represent.start_from if recipe.represent else None
    name = continued or recipe.encoder
    if name is None:
        return None
    encoder = Encoder.from_pretrained(name)
    most = encoder.capacity + 2  # With what opens and closes a text.
    if continued and recipe.represent and recipe.represent.positions > most:
        raise NewtongueError(
            f"represent.positions={recipe.represent.positions} is more than the {most} that {name!r} reads at once. "
            "Set it to no more."
        )
    if continued:
        check_mask(encoder.tokenizer, continued)
    return encoder


def notes(recipe: Recipe, tokenizer: Any, start: Start, data: dict[str, Gathered]) -> list[str]:
    """What a reader should know before it begins.

    Raises:
        NewtongueError: a part of a stage has no rows that it can learn from.
    """
    for stage, one in data.items():
        if not one.rows:
            raise NewtongueError(
                f"No rows are left for {stage}: all {len(one.held_out)} of {one.kind} are held out. Give more, or set "
                f"data.held_out (now {recipe.data.held_out:g}) to less."
            )
    said = doubts(recipe)
    speaking, guessed = _speaking(recipe, tokenizer, start), start is None
    if recipe.tune:
        said += _conversations(data["tune"].rows, recipe, speaking, guessed=guessed)
    if recipe.tune and recipe.watch.samples and not data["tune"].held_out:
        said.append(
            f"Note: no question is held out, so none is answered while stage 3 trains (watch.samples="
            f"{recipe.watch.samples}) and none is left for an exam. Raise data.held_out (now "
            f"{recipe.data.held_out:g}), or set watch.samples to 0."
        )
    if recipe.map:
        said += _pairs(data["map"].rows, recipe, speaking, guessed=guessed)
    if recipe.map and recipe.map.words and not recipe.map.mined and not aligned(data["map"]):
        raise NewtongueError(
            "Stage 2 is to begin with words and no pair is aligned. Name a dictionary under data.pairs, with 1 in its "
            "column 'aligned'; have one mined, map.mined=1; or leave the part out, map.words=null."
        )
    if (recipe.map or recipe.tune) and not tokenizer.chat_template:
        said.append(
            f"Note: the base {recipe.base.name} has no chat template, so a question and its answer stand a line each. "
            "For another layout, name a folder in base.name, with the base in it and a chat_template.jinja beside it."
        )
    return said


def _speaking(recipe: Recipe, tokenizer: Any, start: Start) -> Any:
    """The base's tokenizer with the language, for which the base's own tokens stand until stage 1 has made others."""
    encoder = start.encoder if isinstance(start, ModalityAdapter) else start
    ranges = Ranges(count_ids(tokenizer))
    own, opens, closes = (encoder.tokenizer, encoder.opens, encoder.closes) if encoder else (tokenizer, 0, 0)
    borrows = start.config.borrows if isinstance(start, ModalityAdapter) else bool(recipe.map and recipe.map.borrows)
    voice = bool(recipe.tune and recipe.tune.answer == "own")
    ranges.add(recipe.language, own, opens, closes, voice=voice, borrows=borrows)
    return join_tokenizer(tokenizer, ranges)


def _conversations(conversations: Sequence[Messages], recipe: Recipe, speaking: Any, *, guessed: bool) -> list[str]:
    """What stage 3 will not learn of its conversations, a line each.

    Raises:
        NewtongueError: it can learn from none of them.
    """
    settings = cast(Tune, recipe.tune)
    fit = fitting(speaking, conversations, settings, recipe.language)
    some = bool(fit.rows)
    if not some and guessed:  # Too long in the base's tokens, they may fit in the language's own.
        free = replace(settings, max_length=UNBOUNDED) if settings.answer == "own" else settings
        some = bool(fitting(speaking, conversations, free, recipe.language, least=0.0).rows)
    if not some:
        raise NewtongueError(
            f"Stage 3 can learn from none of its {len(conversations):,} conversations. {fit.refused[0]} Look at "
            f"data.questions and tune.max_length (now {settings.max_length:,})."
        )
    return [f"Warning: {GUESSED if guessed else ''}{line}" for line in fit.told()]


def _pairs(pairs: Sequence[Pair], recipe: Recipe, speaking: Any, *, guessed: bool) -> list[str]:
    """What stage 2 will not learn of its pairs, for they are too long.

    Raises:
        NewtongueError: none will fit.
    """
    settings = cast(Map, recipe.map)
    try:
        most = longest_pair(settings, AutoConfig.from_pretrained(recipe.base.name, revision=recipe.base.revision))
    except (OSError, ValueError):  # The plan says what is wrong with it.
        return []
    # A token has a byte at least, and around a pair stands the same everywhere: most need not be encoded.
    around = len(pair_row(speaking, Pair(".", "."), settings.say, recipe.language)["input_ids"])
    long = [one for one in pairs if len(f"{one.english}{one.other}".encode()) > most - around]
    lost = len(long) - len(fitting_pairs(speaking, long, settings.say, recipe.language, most))
    if lost == len(pairs) and not guessed:
        raise NewtongueError(
            f"Stage 2 can learn from none of its {lost:,} pairs: all have more than {most:,} positions. Raise "
            f"map.max_length (now {settings.max_length:,}), or split the texts."
        )
    return [f"Warning: {GUESSED if guessed else ''}{line}" for line in told_of_pairs(lost, len(pairs), most)]


def aligned(pairs: Gathered) -> int:
    """How many pairs match word for word."""
    return sum(pair.aligned for pair in pairs.rows)
