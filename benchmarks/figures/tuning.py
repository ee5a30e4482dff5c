"""Q&A tuning: examples a second through the stock trainer, read through the port and as raw text."""

from collections.abc import Iterator
from tempfile import TemporaryDirectory

from trl import SFTTrainer

from benchmarks.ids import in_base, in_language, vocabulary
from benchmarks.rows import Row, Skip
from benchmarks.setting import LANGUAGES, Setting
from benchmarks.shapes import Shape, make_adapter, make_base
from benchmarks.steps import plain_lora
from benchmarks.texts import questions
from benchmarks.timing import side_by_side
from benchmarks.trainers import ROUNDS, trainer
from newtongue.tokenizer.loading import load_tokenizer
from newtongue_recipes.demo.nano import FOLDER as PHI_NANO
from newtongue_recipes.stages.tune import TuneTrainer

REACH = {"tr": 1.6, "ja": 2.2}


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
    rows = questions(language, setting.data, setting.batch * setting.steps)
    answers = [in_base(answer, shape, setting) for _, answer in rows]
    raw = [in_base(question, shape, setting) for question, _ in rows]
    base = make_base(shape, setting.device)
    adapter = make_adapter(base, shape, language, tokenizer=vocabulary(language, setting))
    tokenizer = load_tokenizer(PHI_NANO)
    model = adapter.attach(base, tokenizer=load_tokenizer(PHI_NANO), trainable=True)
    read = in_language([question for question, _ in rows], shape, setting, model, language)
    with TemporaryDirectory() as scratch:
        theirs = plain_lora(shape, setting.device)
        jobs = {
            "ours": trainer(TuneTrainer, model, model.tokenizer, read, answers, setting, scratch).train,
            "theirs": trainer(SFTTrainer, theirs, tokenizer, raw, answers, setting, scratch).train,
        }
        times = side_by_side(jobs, min(ROUNDS, setting.repeats), device=setting.device, warm_up=1)
    return times["theirs"].over(times["ours"])
