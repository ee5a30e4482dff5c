"""What a recipe may say: every key with its type, default and meaning. Nothing here waits for torch."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from newtongue.languages import check_language
from newtongue_recipes.data.schema import Data
from newtongue_recipes.settings import CLOSED, Count, FolderOrId, Map, Represent, Seed, Tune, Whole

from .conflicts import conflicts, trainings

FROZEN = ConfigDict(**CLOSED, frozen=True)
Name = Annotated[str, Field(min_length=1)]


class Base(BaseModel):
    """The model that learns the language; its own weights stay as they are."""

    model_config = FROZEN

    name: FolderOrId
    """Folder or Hub id of a causal language model."""
    revision: str | None = None
    """Branch, tag or commit on the Hub; null takes the newest."""
    four_bit: bool = True
    """Load it in NF4 with double quantisation."""
    dtype: Literal["bfloat16", "float16", "float32"] | None = None
    """Type it computes in; null takes bfloat16 on a GPU and float32 on a CPU."""
    attention: str | None = None
    """Transformers' name of the attention to use: sdpa, eager, flash_attention_2; null leaves it to transformers."""
    gradient_checkpointing: bool = True
    """Keep less for the backward pass and compute it again: slower, in much less memory."""


class Watch(BaseModel):
    """What is shown of a training while it runs."""

    model_config = FROZEN

    report_to: Name = "none"
    """Where the trainers log to: none, tensorboard, wandb, mlflow."""
    samples: Whole = 4
    """Held-out questions answered at intervals during stage 3; 0 asks none."""
    every: Count = 500
    """Steps between them."""


class Recipe(BaseModel):
    """Everything one adapter is made from. A stage that is null is left out."""

    model_config = FROZEN

    language: Annotated[str, AfterValidator(check_language)]
    """BCP 47 tag of the language to teach, such as tr or ja."""
    seed: Seed = 0
    """Of data order, dropout, masking and fresh weights; in every stage that names none of its own."""
    base: Base
    """The model that learns the language."""
    data: Data
    """What it learns from."""
    represent: Represent | None = None
    """Stage 1, an encoder that reads the language; null leaves it out."""
    encoder: FolderOrId | None = None
    """Folder or Hub id of the encoder stage 2 starts from, where stage 1 is left out."""
    map: Map | None = None
    """Stage 2, the mapper into the base's embeddings; null leaves it out."""
    adapter: FolderOrId | None = None
    """Folder or Hub id of the adapter stage 3 starts from, where stage 2 is left out."""
    tune: Tune | None = None
    """Stage 3, questions and answers with LoRA; null leaves it out."""
    watch: Watch = Field(default_factory=Watch)
    """What is shown of a training while it runs."""

    @model_validator(mode="wrap")
    @classmethod
    def _whole(cls, given: Any, check: ModelWrapValidatorHandler[Self]) -> Self:
        """Check each key, and what they say together, and raise the errors of both at once."""
        if not isinstance(given, Mapping):
            return check(given)
        together = [
            InitErrorDetails(type=PydanticCustomError("together", "{said}", {"said": said}), loc=place, input=None)
            for place, said in conflicts(given)
        ]
        try:
            recipe = check(_seeded(given))
        except ValidationError as error:
            raise ValidationError.from_exception_data(cls.__name__, [*_details(error), *together]) from None
        if together:
            raise ValidationError.from_exception_data(cls.__name__, together)
        return recipe


def _seeded(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same with the recipe's seed wherever a stage names none; one that is no seed is one error, not five."""
    seeded, seed = dict(given), given.get("seed")
    for (stage, part), training in trainings(given):
        if type(seed) is int and 0 <= seed < 2**32 and isinstance(training, Mapping):
            seeded[stage] = {**seeded[stage], part: {"seed": seed, **training}}
    return seeded


def _details(error: ValidationError) -> list[InitErrorDetails]:
    return [
        InitErrorDetails(type=one["type"], loc=one["loc"], input=one["input"], ctx=one.get("ctx", {}))
        for one in error.errors(include_url=False)
    ]
