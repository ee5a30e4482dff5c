"""An adapter asked the questions of its tasks beside its controls, and looked at."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from newtongue import AttachedModel, ModalityAdapter
from newtongue.base import BaseInfo
from newtongue.tokenizer.loading import load_tokenizer
from newtongue_evaluation.answers import answer
from newtongue_evaluation.asking import CONTROLS, METHODS, ask_all, lacking
from newtongue_evaluation.baselines.method import thoughts
from newtongue_evaluation.environment import environment
from newtongue_evaluation.measures.alignment import by_layer
from newtongue_evaluation.measures.cost import folder_bytes, training_seconds
from newtongue_evaluation.measures.retention import logit_digests, share_identical
from newtongue_evaluation.measures.states import sentence_states
from newtongue_evaluation.portrait import Portrait, draw, weigh
from newtongue_evaluation.results import Cost, Result, Role, Row, write_result
from newtongue_evaluation.retrieving import retrieve
from newtongue_evaluation.tasks.bitext import Bitext
from newtongue_recipes.attaching import load_adapters
from newtongue_recipes.bars import Bars
from newtongue_recipes.folders import make_folder
from newtongue_recipes.loading import load_base_of, positions_of
from newtongue_recipes.recorded import recorded_command
from newtongue_recipes.train.ledger import Inputs, digest

from .controls import check_controls
from .exams import Asked, exams
from .folder import begin
from .longest import Room
from .vocabularies import named, place_of, read_vocabularies

ENGLISH = 200  # English questions asked before and after, and English texts whose logits are compared.
LOOKED_AT = 400  # Texts that positions are counted over and soft tokens are taken from.


@dataclass
class Evaluation:
    """What is evaluated, and how.

    Attributes:
        adapter: a folder or a Hub id.
        base: the base, where it is not the one that the adapter names.
        four_bit: as for `load_base_of`.
        data: files and folders of questions and pairs; `find_files` says which.
        tasks: "atlas", and names of files; all there are where empty.
        controls: of `newtongue_evaluation.asking.CONTROLS`; where none is named, all that can be had.
        tokenizers: folders or Hub ids of vocabularies to count positions in.
        say: what the user says before a sentence that is looked at, such as "Repeat:".
        limit: most questions, and pairs, of a task.
    """

    adapter: str
    base: str | None = None
    four_bit: bool | None = None
    data: Sequence[Path] = ()
    tasks: Sequence[str] = ()
    controls: Sequence[str] = ()
    tokenizers: Sequence[str] = ()
    say: str = ""
    limit: int | None = None
    max_new_tokens: int = 32
    batch: int = 64
    console: Console = field(default_factory=Console)

    def run(self, output: Path) -> None:
        """Ask, look, and write results and portrait into `output`.

        Raises:
            NewtongueError: the adapter, its base, a vocabulary or a file cannot be read, `output` cannot be written to,
                there is nothing to ask, no task has what a named control needs, or something is longer than the base
                reads.
        """
        make_folder(output)  # Before what takes a while.
        vocabularies = read_vocabularies(self.tokenizers)
        adapter = load_adapters([self.adapter], self.console)[0]
        asked, pairs = exams(adapter.language, self.data, self.tasks, self.limit)
        for line in check_controls(self.controls, asked, pairs):
            self.console.print(line, highlight=False, markup=False)
        base = load_base_of(self.adapter, adapter, self.base, four_bit=self.four_bit)
        tokenizer = load_tokenizer(str(base.name_or_path), revision=getattr(base.config, "_commit_hash", None))
        limit = positions_of(base.config)
        if limit is not None:
            controls = self.controls or tuple(CONTROLS)
            Room(limit, adapter, tokenizer, controls, self.max_new_tokens, self.say).check(asked, pairs)
        info = BaseInfo.of(base)
        answered = begin(output, self._inputs(adapter, info, asked, pairs))
        if answered:
            self.console.print(f"Going on: {len(answered)} results are there.", highlight=False)
        with Bars(self.console) as progress:
            portrait = Portrait(adapter.language, Path(info.id).name, self.adapter, four_bit=info.four_bit)
            english = _english(asked, pairs)
            bar = progress.add_task("the bare base, in English", total=None)
            questions = [[{"role": "user", "content": one}] for one in _english(asked, [])]
            before = logit_digests(base, tokenizer, english)
            said = answer(base, tokenizer, questions, max_new_tokens=self.max_new_tokens, batch=self.batch)
            model = adapter.attach(base, tokenizer=tokenizer, ignore_base_name=self.base is not None)
            if english:
                portrait.identical = share_identical(before, logit_digests(model, model.tokenizer, english))
                portrait.positions = len(before)
            again = answer(model, model.tokenizer, questions, max_new_tokens=self.max_new_tokens, batch=self.batch)
            if questions:
                portrait.same_answers = sum(map(str.__eq__, said, again)) / len(said)
                portrait.asked = len(said)
            progress.update(bar, total=1, completed=1)
            cost = _cost(adapter, self.adapter)
            for one in asked:
                thought = thoughts(row for part in asked if part.task == one.task for row in part.questions)
                known = {method for task, other, method in answered if (task, other) == (one.task, one.answered_in)}
                self._ask(one, thought, model, adapter.language, cost, output, progress, known)
            for bitext in pairs:
                self._retrieve(bitext, model, portrait, cost, output, progress)
            own = [text for bitext in pairs for text in bitext.own] or [
                row.text for one in asked for row in one.questions
            ]
            if english:
                draw(portrait, model, own[:LOOKED_AT], english)
            others = named(vocabularies, portrait.base, place_of(str(base.name_or_path)))
            weigh(portrait, model, own[:LOOKED_AT], others, limit)
        portrait.bytes, portrait.parameters, portrait.seconds = (
            cost.bytes,
            cost.trained_parameters,
            cost.training_seconds,
        )
        portrait.write(output)

    def _inputs(
        self, adapter: ModalityAdapter, base: BaseInfo, asked: Sequence[Asked], pairs: Sequence[Bitext]
    ) -> Inputs:
        """What results hang on: with all of it the same, those that are there are these."""
        return {
            "adapter": adapter.config.files,
            "base": asdict(base),
            "asked": {f"{one.task} in {one.answered_in}": digest(list(map(asdict, one.questions))) for one in asked},
            "pairs": {one.name: digest(asdict(one)) for one in pairs},
            "controls": list(self.controls),
            "say": self.say,
            "max_new_tokens": self.max_new_tokens,
        }

    def _ask(
        self,
        one: Asked,
        thought: dict[str, str],
        model: AttachedModel,
        language: str,
        cost: Cost,
        output: Path,
        progress: Progress,
        known: set[str],
    ) -> None:
        bar = progress.add_task(f"{one.task}, answered in {one.answered_in}", total=None)
        wanted = ["ours", *(self.controls or CONTROLS)]
        methods = [name for name in wanted if METHODS[name][0] not in known and not lacking(name, one.questions)]
        count = len(one.questions) * (len(methods) - ("chance" in methods))
        progress.update(bar, total=count)
        for title, role, rows, spent in ask_all(
            model,
            language,
            one.questions,
            methods,
            thoughts=thought,
            max_new_tokens=self.max_new_tokens,
            batch=self.batch,
            progress=lambda done: progress.advance(bar, done),
        ):
            whole = _joined(cost, spent) if role == "ours" else spent
            self._write(title, role, one.task, language, one.answered_in, rows, whole, output)
        progress.update(bar, completed=count)

    def _retrieve(
        self, bitext: Bitext, model: AttachedModel, portrait: Portrait, cost: Cost, output: Path, progress: Progress
    ) -> None:
        bar = progress.add_task(f"{bitext.name}, retrieval", total=3 * len(bitext.own))

        def states(texts: list[str], language: str | None) -> Any:
            return sentence_states(
                model,
                texts,
                language=language,
                say=self.say,
                batch=self.batch,
                progress=lambda done: progress.advance(bar, done),
            )

        english = states(bitext.english, None)
        for title, role, heard in (
            ("adapter", "ours", portrait.language),
            ("bare base on raw text", "control", None),
        ):
            found = states(bitext.own, heard)
            rows = retrieve(found, english, bitext)
            self._write(title, role, bitext.name, portrait.language, "", rows, cost if heard else Cost(), output)
            portrait.layers.setdefault(bitext.name, {})[title] = by_layer(found, english)

    def _write(
        self,
        title: str,
        role: Any,
        task: str,
        language: str,
        answered_in: str,
        rows: tuple[Row, ...],
        cost: Cost,
        output: Path,
    ) -> None:
        kind: Role = role
        result = Result(
            title,
            task,
            language,
            rows,
            kind,
            answered_in,
            cost=cost,
            command=recorded_command(),
            environment=environment(),
        )
        write_result(result, output)


def _english(asked: Sequence[Asked], pairs: Sequence[Bitext]) -> list[str]:
    texts = [one.english for part in asked for one in part.questions if one.english]
    texts += [one for bitext in pairs for one in bitext.english]
    return list(dict.fromkeys(texts))[:ENGLISH]


def _cost(adapter: ModalityAdapter, name: str) -> Cost:
    weights = sum(one.numel() for one in adapter.parameters())
    weights += sum(one.numel() for one in (adapter.lora_weights() or {}).values())
    size = folder_bytes(name) if Path(name).is_dir() else None
    return Cost(training_seconds=training_seconds(adapter.config.notes), trained_parameters=weights, bytes=size)


def _joined(training: Cost, reading: Cost) -> Cost:
    values = {name: value for name, value in vars(training).items() if value is not None}
    return Cost(**{**vars(reading), **values})
