"""One run of an experiment: train the method, or find it trained, and ask it."""

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path

from transformers import TrainerCallback

from newtongue import NewtongueError
from newtongue.saving.whole import write_whole
from newtongue_evaluation.baselines import BASELINES, Budget, Learned, Lessons, Question
from newtongue_evaluation.baselines.chance import most_frequent
from newtongue_evaluation.baselines.search import search
from newtongue_evaluation.baselines.soft_tokens import disturbed
from newtongue_evaluation.results import Row
from newtongue_recipes.stages.curriculum import Curriculum
from newtongue_recipes.train.ledger import digest

from . import ours
from .methods import METHODS, Baseline, Ours
from .pace import within
from .plan import Run
from .schema import Settings
from .world import World

Asked = Callable[[Sequence[Question]], tuple[Row, ...]]


@dataclass(frozen=True)
class Workshop:
    """Where the runs of one world are made, and with what."""

    world: World
    settings: Settings
    run: Run
    work: Path
    callbacks: Sequence[TrainerCallback] = ()

    @property
    def whole(self) -> Curriculum:
        """Our three stages, with the run's seed."""
        return Curriculum(self.settings.represent, self.settings.map, self.settings.tune).seeded(self.run.seed)

    @property
    def folder(self) -> Path:
        """Of this language, seed and amount of data."""
        amounts = [f"{kind}{amount:.0f}" for kind, amount in self.run.data.items()]
        return self.work / "-".join([self.run.language, f"seed{self.run.seed}", *amounts])

    def perform(self) -> tuple[Learned, Asked]:
        """What was learned, and how it is asked."""
        method = METHODS[self.run.method]
        if isinstance(method, Ours):
            return self._ours(method)
        if isinstance(method, Baseline):
            learned = self._baseline(method)
            return learned, lambda questions: learned.ask(questions, max_new_tokens=self.world.longest)
        return Learned(None, None, lambda one: one.messages), most_frequent

    def _ours(self, method: Ours) -> tuple[Learned, Asked]:
        learned = ours.learned(self.world, self._adapter(method.trained or self.run.method), method.put)

        def ask(questions: Sequence[Question]) -> tuple[Row, ...]:
            adapter = learned.model.adapter(self.run.language)
            with disturbed(adapter, method.disturbs) if method.disturbs else nullcontext():
                return method.asks(learned, questions, self.world.longest)

        return learned, ask

    def _adapter(self, name: str) -> ours.Made:
        """What one of our methods has trained; stages that are as in the whole are shared with it."""
        method = METHODS[name]
        assert isinstance(method, Ours)
        whole, read = method.change(self.whole), self._published() if method.published else None
        apart = method.published or (whole.represent, whole.map) != (self.whole.represent, self.whole.map)
        folder = self.folder / (name if apart else "") / "mapped"
        mapped = ours.mapped(self.world, whole.map, read or self._encoder(whole), folder, self.callbacks)
        if not method.tuned:
            return mapped
        folder = self.folder / name
        return ours.tuned(self.world, whole.tune, mapped, folder, method.put, self.callbacks, method.disturbs)

    def _published(self) -> ours.Made:
        if self.settings.encoder is None:
            raise NewtongueError("ours-encoder needs a published encoder. Name one: encoder=FOLDER_OR_ID.")
        return ours.Made(Path(self.settings.encoder), 0, 0.0)

    def _encoder(self, whole: Curriculum) -> ours.Made:
        run = replace(self.run, pairs=None)  # An encoder reads no pairs.
        name = "encoder" if whole.represent == self.whole.represent else "encoder-unread"
        return ours.encoder(self.world, whole.represent, replace(self, run=run).folder / name, self.callbacks)

    def _baseline(self, method: Baseline) -> Learned:
        name, lessons = self.run.method, self.world.lessons
        read = None
        if method.reads:
            read = self._encoder(self.whole)
            lessons = replace(lessons, encoder=read.folder)
        budget = self.budget()
        if method.trains:
            budget = self._searched(lessons, budget)
            if self.run.equal == "tuning":
                budget = budget.scaled(self.whole.tune.training.steps / budget.steps)
            elif self.run.equal == "seconds":
                seconds = self._adapter("ours").seconds - (read.seconds if read else 0)
                budget = within(BASELINES[name], lessons, budget, seconds, self.folder / name / "pace")
        learned = BASELINES[name](lessons, budget, self.folder / name, self.callbacks)
        steps, seconds = (read.steps, read.seconds) if read else (0, 0.0)
        return replace(learned, steps=learned.steps + steps, seconds=learned.seconds + seconds, settings=asdict(budget))

    def budget(self) -> Budget:
        """As many steps as ours takes on the same: those of stages 1 and 2 to read, those of stage 3 to answer.

        A method that uses our encoder has had stage 1's; one without pairs has nothing to read. Of no more steps than
        stage 3 has, half are for reading, where nothing else is said.
        """
        whole, name = self.whole, self.run.method
        mapping = sum(part.steps for part in whole.map.parts.values())
        reading = mapping if self.world.pairs else 0
        method = METHODS[name]
        read = isinstance(method, Baseline) and method.reads
        spare = 0 if read else whole.represent.training.steps
        answering = whole.tune.training.steps + (0 if reading else spare)
        tuned = whole.tune
        given = Budget(
            reading + (spare if reading else 0),
            answering,
            tuned.training.batch,
            tuned.training.rate,
            tuned.rank,
            tuned.alpha,
            tuned.max_length,
            self.run.seed,
            {key: value for key, value in tuned.training.options.items() if key != "disable_tqdm"},
        )
        if self.run.equal == "tuning":
            given = given.changed(reading=0.5)
        changes = self.settings.budgets.get(name)
        return given.changed(**changes.given()) if changes else given

    def _searched(self, lessons: Lessons, budget: Budget) -> Budget:
        """The budget with what a search found best, once a language, at its first run."""
        wanted, name = self.settings.search, self.run.method
        if wanted is None or name not in wanted.methods:
            return budget
        tries = digest(wanted.model_dump(include={"steps", "changes"}))
        path = self.work / "search" / f"{self.run.language}-{name}-{tries}.json"
        if not path.exists():
            short = budget.scaled(wanted.steps / budget.steps)
            tried = [one.given() for one in wanted.changes]
            folder = path.with_suffix("")
            nats = search(BASELINES[name], lessons, short, tried, self.world.development, folder, self.callbacks)
            best = tried[nats.index(min(nats))]
            told = [one if isfinite(one) else None for one in nats]  # JSON has no infinity.
            found = {"best": best, "nats": dict(zip(map(json.dumps, tried), told, strict=True))}
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(found, indent=2) + "\n")
        return budget.changed(**json.loads(path.read_text())["best"])
