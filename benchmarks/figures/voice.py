"""What a voice adds to a step of Q&A tuning, through the recipes' trainer."""

from collections.abc import Iterator
from tempfile import TemporaryDirectory

from trl import SFTTrainer

from benchmarks.ids import in_base, in_run, vocabulary
from benchmarks.memory import peak
from benchmarks.rows import Row, Skip
from benchmarks.setting import LANGUAGES, Setting
from benchmarks.shapes import Shape, make_adapter, make_base
from benchmarks.texts import questions
from benchmarks.timing import side_by_side
from benchmarks.trainers import ROUNDS, trainer
from newtongue.tokenizer.loading import load_tokenizer
from newtongue_recipes.demo.nano import FOLDER as PHI_NANO
from newtongue_recipes.stages.tune import TuneTrainer

AGAINST = "no voice, answers in the base's tokens"


def measure(setting: Setting) -> Iterator[Row]:
    """The same questions read the same way; answers written, and with a voice but in the base's tokens all the same."""
    for shape in setting.shapes:
        for language, name in LANGUAGES.items():
            case = f"{shape.name}, {name}"
            try:
                yield from _steps(setting, shape, language, case)
            except Skip as why:
                yield Row("a tuning step with a voice, time", case, AGAINST, skipped=str(why))


def _steps(setting: Setting, shape: Shape, language: str, case: str) -> Iterator[Row]:
    rows = questions(language, setting.data, setting.batch * setting.steps)
    own = vocabulary(language, setting)
    spelled = [in_base(answer, shape, setting) for _, answer in rows]
    with TemporaryDirectory() as scratch:

        def taught(voice: bool, write: bool) -> SFTTrainer:
            base = make_base(shape, setting.device)
            adapter = make_adapter(base, shape, language, tokenizer=own)
            model = (adapter.with_voice(base) if voice else adapter).attach(
                base, tokenizer=load_tokenizer(PHI_NANO), trainable=True
            )
            owned = model.newtongue.ranges[language]
            asked = [in_run(question, adapter.encoder, owned.start) for question, _ in rows]
            written = [in_run(answer, adapter.encoder, owned.begin)[1:] for _, answer in rows]
            answers = written if write else spelled
            return trainer(TuneTrainer, model, model.tokenizer, asked, answers, setting, scratch)

        trainers = {
            AGAINST: taught(False, False),
            "answers written": taught(True, True),
            "answers spelled": taught(True, False),
        }
        jobs = {name: one.train for name, one in trainers.items()}
        # First, for a trainer keeps its optimizer, whose averages count.
        peaks = {name: peak(one.train, one.model, setting.device) for name, one in trainers.items()}
        times = side_by_side(jobs, min(ROUNDS, setting.repeats), device=setting.device, warm_up=1)
        for name in ("answers written", "answers spelled"):
            low, middle, high = times[name].over(times[AGAINST])
            yield Row("a tuning step with a voice, time", f"{case}, {name}", AGAINST, middle, low, high, at_most=1.10)
            share = peaks[name] / peaks[AGAINST]
            yield Row("a tuning step with a voice, peak memory", f"{case}, {name}", AGAINST, share, at_most=1.10)
