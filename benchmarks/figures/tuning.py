"""Q&A tuning: examples a second through the stock trainer, read through the port and as raw text."""

from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from benchmarks.ids import in_base, in_language, vocabulary
from benchmarks.rows import Row, Skip
from benchmarks.setting import LANGUAGES, Setting
from benchmarks.shapes import Shape, make_adapter, make_base
from benchmarks.steps import plain_lora
from benchmarks.texts import questions
from benchmarks.timing import side_by_side
from newtongue.tokenizer import load_tokenizer
from newtongue_recipes.demo.nano import FOLDER as PHI_NANO
from newtongue_recipes.settings import Training
from newtongue_recipes.stages.tune import TuneTrainer

REACH = {"tr": 1.6, "ja": 2.2}
STEPS = 2  # Of a trainer's run.
ROUNDS = 3  # At most, for each is a run or two.


def measure(setting: Setting) -> Iterator[Row]:
    """The same questions and answers with the same settings of TRL; answers are in the base's tokens in both."""
    for shape in setting.shapes:
        for language, name in LANGUAGES.items():
            case, against = f"{shape.name}, {name}", "LoRA on raw text"
            try:
                low, middle, high = _compare(setting, shape, language)
            except Skip as why:
                yield Row("Q&A tuning, examples a second", case, against, skipped=str(why))
                continue
            reach = REACH[language] if setting.data else None
            yield Row("Q&A tuning, examples a second", case, against, middle, low, high, at_least=reach)


def _compare(setting: Setting, shape: Shape, language: str) -> tuple[float, float, float]:
    rows = questions(language, setting.data, setting.batch * STEPS)
    answers = [in_base(answer, shape, setting) for _, answer in rows]
    raw = [in_base(question, shape, setting) for question, _ in rows]
    base = make_base(shape, setting.device)
    adapter = make_adapter(base, shape, language, tokenizer=vocabulary(language, shape, setting))
    tokenizer = load_tokenizer(PHI_NANO)
    model = adapter.attach(base, tokenizer=load_tokenizer(PHI_NANO), trainable=True)
    start = model.newtongue.ranges[language].start
    read = [in_language(question, adapter.encoder, start) for question, _ in rows]
    with TemporaryDirectory() as scratch:

        def trainer(kind: type[SFTTrainer], model: Any, asked: list[list[int]], tokenizer: Any) -> SFTTrainer:
            return kind(
                model=model,
                args=Training(STEPS, batch=setting.batch).arguments(
                    scratch, SFTConfig, max_length=None, bf16=False, packing=False, disable_tqdm=True,
                    activation_checkpointing=setting.device == "cuda", use_cpu=setting.device == "cpu",
                    logging_strategy="no",
                ),
                train_dataset=_dataset(asked, answers),
                processing_class=tokenizer,
            )  # fmt: skip

        ours = trainer(TuneTrainer, model, read, model.tokenizer)
        theirs = trainer(SFTTrainer, plain_lora(shape, setting.device), raw, tokenizer)
        jobs = {"ours": ours.train, "theirs": theirs.train}
        times = side_by_side(jobs, min(ROUNDS, setting.repeats), device=setting.device, warm_up=1)
    return times["theirs"].over(times["ours"])


def _dataset(asked: list[list[int]], answers: list[list[int]]) -> Dataset:
    return Dataset.from_list(
        [
            {"input_ids": [*question, *answer], "labels": [-100] * len(question) + answer}
            for question, answer in zip(asked, answers, strict=True)
        ]
    )
