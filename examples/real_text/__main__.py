"""All three stages on real Turkish or Japanese text, with a base and an encoder small enough for two cores.

    python examples/real_text --data DIR --language tr --output DIR [--base DIR]

DIR of `--data`, or of NEWTONGUE_DATA, holds `qa/{en,XX}.jsonl.gz`, `parallel/en-XX.tsv.gz`, `mono/XX.txt.gz` and
`eval/tatoeba.XX-en.tsv`. The base, an English-only Phi, is trained once and used again where its folder exists. What
is found out is written to `OUTPUT/report.json` and `OUTPUT/report.md`; the adapter is `OUTPUT/adapter`. Stopped, the
same command goes on from the last checkpoint. The held-out questions are written too, so that

    newtongue evaluate OUTPUT/adapter --base DIR --data OUTPUT/mkqa.XX.jsonl --data DIR --output JUDGED

asks them beside controls, and looks at the adapter.
"""

import json
import os
import random
import shutil
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import measures
import torch
import typer
from settings import Settings, add_options, from_options, keep
from transformers import PreTrainedModel, TrainerCallback, set_seed

from newtongue import Encoder, ModalityAdapter
from newtongue.tokenizer import load_tokenizer
from newtongue_evaluation.baselines import Budget, Lessons, Question
from newtongue_evaluation.baselines.raw_lora import raw_lora
from newtongue_evaluation.environment import environment
from newtongue_evaluation.report import table
from newtongue_evaluation.tasks.questions import write_questions
from newtongue_recipes.demo.lessons import NAMES, SAY, repeat
from newtongue_recipes.experiments import corpus
from newtongue_recipes.experiments.english import make_base
from newtongue_recipes.loading import load_base
from newtongue_recipes.stages import Map, Represent, Tune, map_language, represent, tune
from newtongue_recipes.stages.checkpoints import last_checkpoint
from newtongue_recipes.stages.map import Pair

POSITIONS = 256  # longest row of the base
SHOWN = 10  # held-out questions in the report


class Clock(TrainerCallback):
    """Seconds by part, kept in a file, so that a run that was stopped and went on counts all it took."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
        self.last = time.monotonic()

    def tick(self, part: str) -> None:
        """What passed since the last tick was spent on `part`."""
        now = time.monotonic()
        self.seconds[part] = round(self.seconds.get(part, 0.0) + now - self.last, 1)
        self.last = now
        self.path.write_text(json.dumps(self.seconds, indent=2) + "\n")

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A part, named as its folder, is so much further; the end of a training is logged too."""
        self.tick(Path(args.output_dir).name)


@dataclass(frozen=True)
class Run:
    """One language's run."""

    data: Path
    language: str
    output: Path
    base: Path
    settings: Settings
    clock: Clock

    def load(self) -> PreTrainedModel:
        """A fresh frozen 4-bit base."""
        return load_base(self.base, trainable=True, dtype=torch.bfloat16, attention="eager")

    def stage_represent(self, held: list[corpus.Question]) -> Path:
        """The language's encoder."""
        settings, folder = self.settings, self.output / "represent"
        if (folder / "config.json").exists():
            return folder
        texts = corpus.mono(self.data, self.language, settings.mono_lines, settings.mono_length, held, settings.seed)
        shape = Represent(
            settings.training(settings.mlm_steps, settings.mlm_batch, settings.mlm_rate, bf16=True),
            vocabulary=settings.vocabulary,
            width=settings.width,
            layers=settings.layers,
            heads=settings.heads,
            positions=128,
        )
        return represent(texts, shape, folder, resume=True, callbacks=[self.clock])

    def stage_map(self, encoder: Path, pairs: list[Pair]) -> dict[str, ModalityAdapter]:
        """The adapter before its mapper learned anything, and after each part of the stage."""
        settings, folder = self.settings, self.output / "map"
        steps = {"words": settings.words_steps, "toward": settings.toward_steps, "through": settings.through_steps}
        parts = {
            name: settings.training(count, settings.map_batch, settings.map_rate)
            for name, count in steps.items()
            if count
        }
        reader = Encoder.from_pretrained(encoder, attn_implementation="eager")
        base = self.load()
        set_seed(settings.seed)
        fresh = ModalityAdapter.create(base, reader, language=self.language)
        if not (folder / "adapter").exists():
            reader = Encoder.from_pretrained(encoder, attn_implementation="eager")
            map_language(
                base,
                reader,
                pairs,
                Map(**parts, say=SAY),
                folder,
                language=self.language,
                resume=True,
                callbacks=[self.clock],
            )
        after = {name: Path(last_checkpoint(folder / name) or folder) / self.language for name in parts}
        return {"represent": fresh} | {f"map {name}": load_adapter(path) for name, path in after.items()}

    def stage_tune(self, adapter: ModalityAdapter, conversations: list[corpus.Messages]) -> ModalityAdapter:
        """The finished adapter."""
        settings, folder = self.settings, self.output / "tune"
        if not (folder / "adapter").exists():
            shape = Tune(
                settings.training(settings.tune_steps, settings.tune_batch, settings.tune_rate),
                rank=settings.rank,
                alpha=2 * settings.rank,
                encoder_rate=settings.encoder_rate,
                max_length=POSITIONS,
            )
            tune(self.load(), adapter, conversations, shape, folder, resume=True, callbacks=[self.clock])
        return load_adapter(folder / "adapter")

    def control(self, conversations: list[corpus.Messages]) -> PreTrainedModel | None:
        """LoRA on raw text: the same rows, steps, rate and rank."""
        settings = self.settings
        if not settings.raw_lora:
            return None
        lessons = Lessons(self.language, self.load, load_tokenizer(self.base), conversations)
        budget = Budget(
            0,
            settings.tune_steps,
            settings.tune_batch,
            settings.tune_rate,
            settings.rank,
            2 * settings.rank,
            POSITIONS,
            settings.seed,
        )
        learned: PreTrainedModel = raw_lora(lessons, budget, self.output / "raw_lora", [self.clock]).model
        return learned


def load_adapter(folder: Path) -> ModalityAdapter:
    """A saved adapter, with the attention that is faster on short rows."""
    adapter = ModalityAdapter.from_pretrained(folder)
    adapter.encoder.model.set_attn_implementation("eager")
    return adapter


def teach(run: Run) -> dict[str, Any]:
    """All stages and all measures of one language."""
    settings, language = run.settings, run.language
    seen, held = corpus.hold_out(corpus.questions(run.data, language), settings.held_out)
    pairs = corpus.pairs(
        run.data, language, settings.pairs, settings.pair_words, settings.aligned_words, held, settings.seed
    )
    write_questions(run.output / f"mkqa.{language}.jsonl", [one for row in held for one in _exam(row, language)])
    conversations = [corpus.ask(one, language, answered_in) for one in seen for answered_in in ("en", language)]
    conversations += [repeat(pair.english, pair.other, language) for pair in pairs[: settings.tune_pairs]]
    random.Random(settings.seed).shuffle(conversations)

    typer.echo(f"Represent: masked {NAMES[language]} text.")
    encoder = run.stage_represent(held)
    typer.echo(f"Map: {len(pairs):,} sentence pairs, {sum(pair.aligned for pair in pairs):,} of them aligned.")
    adapters = run.stage_map(encoder, pairs)
    typer.echo(f"Tune: {len(conversations):,} conversations, about {len(seen):,} questions.")
    tuned = run.stage_tune(load_adapter(run.output / "map" / "adapter"), conversations)
    shutil.copytree(run.output / "tune" / "adapter", run.output / "adapter", dirs_exist_ok=True)
    typer.echo("Measure: retrieval after each stage, answers of the adapter and of the baselines.")
    found = _retrieval(run, {**adapters, "tune": tuned})
    run.clock.tick("retrieval")
    return {"retrieval": found, **_answers(run, tuned, conversations, held)}


def _exam(one: corpus.Question, language: str) -> list[Question]:
    """A held-out question as it is judged: answered in English, and in the language."""
    gold = {"en": one.english_answer, language: one.other_answer}
    return [
        Question(f"{one.key}/{spoken}", corpus.ask(one, language, spoken)[:-1], one.english, (said,), spoken)
        for spoken, said in gold.items()
    ]


def _retrieval(run: Run, adapters: dict[str, ModalityAdapter]) -> dict[str, Any]:
    others, english = corpus.bitext(run.data, run.language)
    base, found = run.load(), {}
    for name, adapter in adapters.items():
        model = adapter.eval().attach(base)
        found[name] = measures.retrieval(model, run.language, others, english)
        model.detach(run.language)
    return {"n": len(others), "after": found}


def _answers(
    run: Run, adapter: ModalityAdapter, conversations: list[corpus.Messages], held: list[corpus.Question]
) -> dict[str, Any]:
    language, tokenizer = run.language, load_tokenizer(run.base)
    bits = {}
    bare = run.load()
    bits["bare base, asked in English"] = measures.bits_asked_in_english(bare, tokenizer, held)
    bits["bare base, raw text"] = measures.bits_of_answers(bare, tokenizer, held, language, raw=True)
    model = adapter.attach(bare)
    bits["adapter"] = measures.bits_of_answers(model, model.tokenizer, held, language)
    bits["adapter, another question"] = measures.bits_with_swapped_questions(model, model.tokenizer, held, language)
    run.clock.tick("answers")
    raw = run.control(conversations)
    if raw is not None:
        bits["LoRA on raw text"] = measures.bits_of_answers(raw, tokenizer, held, language, raw=True)
    shown = measures.examples(model, held[:SHOWN], language, raw, tokenizer)
    run.clock.tick("answers")
    return {"bits_per_byte": {"n": len(held), "of": bits}, "examples": shown}


def _markdown(report: dict[str, Any]) -> str:
    """The report as people read it."""
    name = NAMES[report["language"]]
    retrieved, bits, shown = report["retrieval"], report["bits_per_byte"], report["examples"]
    after = [[stage, *(f"{value:.3f}" for value in one.values())] for stage, one in retrieved["after"].items()]
    spent = [[who, one.get("in_english"), one.get("in_language")] for who, one in bits["of"].items()]
    columns = ["question", "gold", "in_english", "gold_in_language", "in_language"]
    asked = [[one[column].replace("|", "/").replace("\n", " ") for column in columns] for one in shown]
    return "\n\n".join(
        [
            f"Retrieval at 1: {name} sentence → its English translation, among {retrieved['n']:,}",
            table(["after", "embeddings", "middle layer"], after),
            f"Bits per byte of the gold answers to {bits['n']:,} held-out questions",
            table(["", "answer in English", f"answer in {name}"], spent),
            "Held-out questions",
            table(["question", "gold", "given", f"gold in {name}", f"given in {name}"], asked),
            "Seconds",
            table(["part", "seconds"], [[part, f"{value:.0f}"] for part, value in report["seconds"].items()]),
        ]
    )


def _options() -> Namespace:
    parser = ArgumentParser("real_text", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    given = os.environ.get("NEWTONGUE_DATA")
    parser.add_argument("--data", type=Path, default=given, required=given is None, help="or NEWTONGUE_DATA")
    parser.add_argument("--language", choices=list(corpus.TATOEBA), required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="folder of the base, made if it is not there (OUTPUT/base)")
    parser.add_argument("--only-base", action="store_true", help="make the base and stop")
    add_options(parser)
    return parser.parse_args()


def main() -> None:
    """The command line."""
    options = _options()
    settings = from_options(options)
    keep(options.output / "settings.json", {"language": options.language, **settings.of_language()})
    base = options.base or options.output / "base"
    typer.echo("Base: a small English-only Phi.")
    base.mkdir(parents=True, exist_ok=True)
    of_base = Clock(base / "seconds.json")
    make_base(options.data, base, settings.of_base(), [of_base])
    if options.only_base:
        return
    clock = Clock(options.output / "seconds.json")
    run = Run(options.data, options.language, options.output, base, settings, clock)
    found = teach(run)
    report = {
        "language": run.language,
        **found,
        "seconds": {**of_base.seconds, **clock.seconds},
        "seed": settings.seed,
        "settings": asdict(settings),
        **environment(),
    }
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    (run.output / "report.json").write_text(text, encoding="utf-8")
    (run.output / "report.md").write_text(_markdown(report) + "\n", encoding="utf-8")
    typer.echo(_markdown(report))


if __name__ == "__main__":
    main()
