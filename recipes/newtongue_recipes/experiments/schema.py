"""What an experiment's settings may say. Nothing here waits for torch."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from newtongue_recipes.recipe.schema import FROZEN, Name
from newtongue_recipes.settings import Count, Dropout, Map, Rate, Represent, Seed, Share, Tune, Whole

Kind = Literal["atlas", "transfer", "data"]


class Group(BaseModel):
    """Methods to be run on amounts of data, each on each."""

    model_config = FROZEN

    methods: list[Name] = Field(min_length=1)
    """Names, as `newtongue experiment --methods` takes them."""
    text: list[Whole | None] = [None]
    """Rows of raw text; null takes all there are. Most first: a search is done at the first amount named."""
    pairs: list[Whole | None] = [None]
    """Sentence pairs and dictionary entries; null takes all there are. Most first, as for `text`."""
    equal: list[Literal["steps", "seconds", "tuning"]] = ["steps"]
    """What a baseline gets as much of as ours took: optimizer steps, seconds on this machine, or the steps of stage 3
    alone, for what learns long may forget."""


class Changes(BaseModel):
    """Changes to a baseline's budget; what is not named stays as ours has it."""

    model_config = FROZEN

    batch: Count | None = None
    """Rows a step."""
    rate: Rate | None = None
    """Peak learning rate."""
    rank: Count | None = None
    """Rank of the LoRA."""
    alpha: Count | None = None
    """The LoRA's change is scaled by this over its rank."""
    reading: Share | None = None
    """Share of the steps spent on translations and raw text, the rest on questions; as ours has them if not given."""

    def given(self) -> dict[str, Any]:
        """Those that are named."""
        return self.model_dump(exclude_none=True)


class Search(BaseModel):
    """A search over what a baseline's result hangs on; the best on development questions is run and scored."""

    model_config = FROZEN

    methods: list[Name]
    """Baselines to be searched for, once a language, at the first amount of data that is run."""
    changes: list[Changes] = Field(min_length=1)
    """Changes to the budget, one set a try."""
    steps: Count = 200
    """Steps of a try."""


class English(BaseModel):
    """The English-only base that is trained where no pretrained one is at hand."""

    model_config = FROZEN

    steps: Count = 8_000
    """Optimizer steps."""
    batch: Count = 64
    """Rows a step."""
    rate: Rate = 1.5e-3
    """Peak learning rate."""
    width: Count = 256
    """Size of a state."""
    layers: Count = 4
    """Layers."""
    heads: Count = 8
    """Attention heads; they divide the width."""
    rows: Count = 4096
    """Rows of the embedding."""
    answers: Share = 0.3
    """Share of the rows that answer a question; five of the others repeat what they read for two that go on with it."""
    noise: Dropout = 0.15
    """Share of a question's words that are left out in half of its rows, so that more than one wording is answered."""
    strange: Dropout = 0.0
    """After how many of the words left, in these rows, a word of another question stands."""
    shuffled: Dropout = 0.0
    """In how many of these rows the words come in any order."""
    start_from: Name | None = None
    """Folder of a base made here to go on from, of the same shape; null starts from fresh weights."""
    save_steps: Whole = 500
    """Steps between checkpoints."""
    seed: Seed = 0
    """Of data order and fresh weights."""


class Corpus(BaseModel):
    """How much real text is learned from, and what is kept back."""

    model_config = FROZEN

    text_characters: Count = 100
    """Longest line of raw text."""
    pair_words: Count = 12
    """Longest English side of a sentence pair."""
    aligned_words: Whole = 2
    """Pairs with an English side of so many words stand in for a dictionary."""
    question_pairs: Whole = 1
    """How many times each translated question that is not held out comes among the sentence pairs."""
    lower: bool = False
    """Write the language's questions in lower case, for every method, as their English is written."""
    english_pairs: Whole = 0
    """Of these pairs, how many come again with the English on both sides, so that names are read as they stand."""
    trivia: Whole = 0
    """How many English questions of other sources come so as well: they are full of names."""
    answer_words: Whole = 0
    """Ask only for answers of at most so many English words; 0 asks for all."""
    tune_pairs: Whole = 2_000
    """Sentences to be said in English among the questions of stage 3."""
    written: Whole = 0
    """How many times what stands in for a dictionary, and each word mined from the pairs, comes among them to be said
    in the language, read in it and in English."""
    held_out: Count = 300
    """Questions kept back from everything but the base, and scored."""
    development: Count = 100
    """Questions kept back likewise, for searches."""


class Settings(BaseModel):
    """One experiment."""

    model_config = FROZEN

    experiment: Kind
    """Which one."""
    languages: list[Name]
    """BCP 47 tags."""
    seeds: list[Seed] = [0]
    """Of everything but the base."""
    runs: list[Group]
    """What is run."""
    represent: Represent
    """Stage 1 of ours, and the encoder that bridges and new vocabularies use."""
    map: Map
    """Stage 2 of ours."""
    tune: Tune
    """Stage 3 of ours."""
    encoder: Name | None = None
    """Published multilingual encoder, for the method ours-encoder."""
    budgets: dict[str, Changes] = {}
    """By baseline: changes to the budget that ours gives."""
    search: Search | None = None
    """Search for better ones."""
    asked: Count = 500
    """Questions scored, answered in English and as many in the language."""
    scored: Literal["exam", "development"] = "exam"
    """Which questions those are: the exam's, or, to choose settings by, the ones kept back for searches."""
    corpus: Corpus = Corpus()
    """Of the experiments on real text."""
    base: English = English()
    """Base of the experiments on real text."""

    def made_from(self) -> dict[str, Any]:
        """What results hang on: everything but which runs are wanted."""
        values: dict[str, Any] = self.model_dump(mode="json")
        return {name: value for name, value in values.items() if name not in ("runs", "languages", "seeds", "search")}


FOLDER = Path(__file__).parents[1] / "configs" / "experiments"
