"""The main job: teach phi-nano Turkish and Japanese on this machine, then find out whether it worked."""

import multiprocessing
import queue as queues
import shutil
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress, TaskID, TextColumn

from newtongue import ModalityAdapter, NewtongueError
from newtongue_evaluation.environment import cores, environment
from newtongue_evaluation.report import draw_accuracy, draw_losses
from newtongue_recipes.bars import Bars
from newtongue_recipes.demo.exam import Exam, examine, questions
from newtongue_recipes.demo.lessons import NAMES
from newtongue_recipes.demo.nano import FOLDER as NANO
from newtongue_recipes.demo.raw import raw_text_control
from newtongue_recipes.demo.summary import card_results, write_report
from newtongue_recipes.demo.teach import demo_curriculum, teach
from newtongue_recipes.folders import make_folder
from newtongue_recipes.recorded import recorded_command
from newtongue_recipes.stages.curriculum import Curriculum
from newtongue_recipes.train.quiet import mute

Curves = dict[str, dict[str, list[tuple[int, float]]]]

WRITTEN = {"base", "stages", "losses.png", "accuracy.png", "report.json", "report.md"}
WRITTEN |= {name for one in NAMES for name in (one, f"{one}.error.txt")}
DRAFTS = tuple(f".{one}." for one in NAMES)  # How the names of adapters begin whose writing was cut short.


def run_demo(
    output: Path,
    *,
    seed: int = 0,
    languages: Sequence[str] = tuple(NAMES),
    raw_lora: bool = True,
    overwrite: bool = False,
    curriculum: Curriculum | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Run the main job and write its report, pictures, adapters and base into `output`.

    The languages are taught side by side, each in a process of its own with its share of the cores; at these
    sizes two processes of one thread do nearly twice the work of one process of two.

    Returns:
        What `report.json` holds.

    Raises:
        NewtongueError: `output` is not empty and `overwrite` is False, or teaching a language failed.
    """
    console, curriculum = console or Console(), curriculum or demo_curriculum()
    started = time.monotonic()
    _make_room(output, overwrite)
    shutil.copytree(NANO, output / "base", ignore=shutil.ignore_patterns("recipe.json"))
    with Bars(console, TextColumn("{task.fields[note]}")) as progress:
        seconds, curves = _teach_all(output, curriculum, seed, languages, progress)
        mute(cores())
        exam_started = time.monotonic()
        asking = progress.add_task("asking questions in three languages", total=questions(languages), note="")
        exam = examine(
            output / "base", [output / one for one in languages], lambda done: progress.advance(asking, done)
        )
        seconds["exam"] = {"all": time.monotonic() - exam_started}
        found = {
            "command": recorded_command(),
            "seed": seed,
            **environment(),
            "seconds": round(time.monotonic() - started, 1),
            "steps": curriculum.steps(),
        }
        draw_losses(curves, output / "losses.png")
        report = _write(found, exam, seconds, output)
        if raw_lora:  # Comes last, so that nothing is lost if it is stopped.
            control_started = time.monotonic()
            _control(output, curriculum, seed, languages, exam, progress)
            seconds["raw_lora control"] = {"all": time.monotonic() - control_started}
            report = _write(found, exam, seconds, output)
    shutil.rmtree(output / "stages")
    return report


def _write(found: dict[str, Any], exam: Exam, seconds: dict[str, dict[str, float]], output: Path) -> dict[str, Any]:
    by_stage = {name: {key: round(value, 1) for key, value in part.items()} for name, part in seconds.items()}
    report = {**found, "seconds_by_stage": by_stage, **exam.as_dict()}
    draw_accuracy(_methods(exam), max(score.chance for score in exam.heldout.values()), output / "accuracy.png")
    write_report(report, output)
    for language, score in exam.heldout.items():
        adapter = ModalityAdapter.from_pretrained(output / language)
        adapter.describe(results=card_results(score, language, report["command"]))
        adapter.save_pretrained(output / language, overwrite=True)
    return report


def _make_room(output: Path, overwrite: bool) -> None:
    if not NANO.is_dir():
        raise NewtongueError(
            f"{NANO} is missing: the package was built without phi-nano. Make it with "
            "`python -m newtongue_recipes.demo.nano`."
        )
    if output.exists() and not output.is_dir():
        raise NewtongueError(f"{output} is a file. Give --output the name of a folder.")
    if output.exists() and any(output.iterdir()):
        if not overwrite:
            raise NewtongueError(f"{output} is not empty. Choose another --output, or pass --overwrite.")
        names = {path.name for path in output.iterdir()}
        others = sorted(name for name in names - WRITTEN if not name.startswith(DRAFTS))
        if others or "base" not in names:
            found = f"what no demo writes ({', '.join(others[:3])})" if others else "no base, and so no demo"
            raise NewtongueError(f"{output} holds {found}; it is not cleared. Choose another --output, or clear it.")
        shutil.rmtree(output)
    make_folder(output)


def _teach_all(
    output: Path, curriculum: Curriculum, seed: int, languages: Sequence[str], progress: Progress
) -> tuple[dict[str, dict[str, float]], Curves]:
    """Run `teach` for every language at once; returns seconds by language and stage, and the losses."""
    context = multiprocessing.get_context("spawn")
    events: Any = context.Queue()
    threads = max(1, cores() // len(languages))
    steps = curriculum.steps()
    bars = {
        (language, stage): progress.add_task(f"{NAMES[language]}: {stage}", total=total, note="")
        for language in languages
        for stage, total in steps.items()
    }
    curves: Curves = {stage: {language: [] for language in languages} for stage in steps}
    workers = {
        language: context.Process(
            target=teach,
            args=(language, output / "base", output, curriculum, seed, threads, events),
            daemon=True,
        )
        for language in languages
    }
    for worker in workers.values():
        worker.start()
    seconds: dict[str, dict[str, float]] = {}
    try:
        while len(seconds) < len(languages):
            try:
                kind, language, *event = events.get(timeout=5)
            except queues.Empty:
                _check_alive(workers, seconds)
                continue
            if kind == "step":
                progress.update(bars[language, event[0]], completed=event[1])
            elif kind == "loss":
                curves[event[0]][language].append((event[1], event[2]))
                progress.update(bars[language, event[0]], note=f"loss {event[2]:.3f}")
            elif kind == "done":
                seconds[language] = event[0]
            else:
                (output / f"{language}.error.txt").write_text(event[0])
                last = event[0].strip().splitlines()[-1]
                raise NewtongueError(f"Teaching {NAMES[language]} failed: {last}. See {output / language}.error.txt.")
    finally:
        for worker in workers.values():
            if len(seconds) < len(languages):
                worker.terminate()
            worker.join()
    return seconds, curves


def _check_alive(workers: dict[str, Any], finished: dict[str, Any]) -> None:
    for language, worker in workers.items():
        if language not in finished and worker.exitcode is not None:
            raise NewtongueError(
                f"The process teaching {NAMES[language]} ended with code {worker.exitcode}, perhaps for want of "
                "memory. Close other programs and run the demo again."
            )


def _control(
    output: Path, curriculum: Curriculum, seed: int, languages: Sequence[str], exam: Exam, progress: Progress
) -> None:
    for language in languages:
        steps = curriculum.tune.training.steps
        bar = progress.add_task(f"control, LoRA on raw {NAMES[language]}", total=steps, note="")
        score = exam.heldout[language]
        score.raw_lora, score.raw_lora_in_language = raw_text_control(
            language,
            output / "base",
            output / "stages" / "raw",
            curriculum,
            seed,
            partial(_moved, progress, bar),
        )


def _moved(progress: Progress, bar: TaskID, step: int) -> None:
    progress.update(bar, completed=step)


def _methods(exam: Exam) -> dict[str, dict[str, float]]:
    scores = {NAMES[language]: score for language, score in exam.heldout.items()}
    methods = {
        "newtongue, answered in English": {name: score.in_english for name, score in scores.items()},
        "newtongue, answered in the language": {name: score.in_language for name, score in scores.items()},
        "control: another subject's question": {name: score.shuffled for name, score in scores.items()},
    }
    raw = {name: score.raw_lora for name, score in scores.items() if score.raw_lora is not None}
    if raw:
        methods["control: LoRA on raw text"] = raw
    return methods
