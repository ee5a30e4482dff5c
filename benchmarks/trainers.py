"""Stock trainers on rows of questions and answers, to be timed for a few steps."""

from typing import Any

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from newtongue_recipes.settings import Training
from newtongue_recipes.stages.exact import hush

from .setting import Setting

ROUNDS = 3  # At most, for each is a run or two.


def trainer(
    kind: type[SFTTrainer],
    model: Any,
    tokenizer: Any,
    asked: list[list[int]],
    answers: list[list[int]],
    setting: Setting,
    scratch: str,
    accumulated: int = 1,
) -> SFTTrainer:
    """A trainer with the settings that the recipes give TRL; of each row, the answer has labels.

    Args:
        accumulated: batches a step.
    """
    made = kind(
        model=model,
        args=Training(setting.steps, batch=setting.batch).arguments(
            scratch, SFTConfig, max_length=None, bf16=False, packing=False, disable_tqdm=True,
            activation_checkpointing=setting.device == "cuda", use_cpu=setting.device == "cpu",
            logging_strategy="no", gradient_accumulation_steps=accumulated,
        ),
        train_dataset=Dataset.from_list(
            [
                {"input_ids": [*question, *answer], "labels": [-100] * len(question) + answer}
                for question, answer in zip(asked, answers, strict=True)
            ]
        ),
        processing_class=tokenizer,
    )  # fmt: skip
    hush(made)
    return made
