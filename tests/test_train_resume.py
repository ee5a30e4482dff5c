"""A run that was stopped goes on where it was, bit for bit; a stage whose inputs changed is run anew, and no other."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file

import newtongue.adapter
from newtongue import NewtongueError
from newtongue.saving.whole import write_whole
from newtongue_recipes.recipe import load_recipe
from newtongue_recipes.stages.checkpoints import last_checkpoint
from newtongue_recipes.train import run as running
from newtongue_recipes.train import train
from newtongue_recipes.train.ledger import Inputs, Ledger, digest, switched_on
from training import all_parts, make_world, small

STEPS = 6
LONG = {"data.held_out": 0.2, "watch.every": 3, "watch.samples": 1, "tune.lora_dropout": 0.1}
STAGES = ("represent", "map", "tune")


class Killed(BaseException):
    """Nothing catches this, as nothing catches a kill."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path_factory.getbasetemp() / "datasets")


def recipe_of(world: Path, last: str = "tune", **more: object) -> object:
    """Rows by their length in most parts, in any order in one; accumulated gradients in another; dropout in all."""
    changes = {**LONG, **{f"{stage}": "null" for stage in STAGES[STAGES.index(last) + 1 :]}, **more}
    extra = {"map.toward": "{}", "map.through": "{gradient_accumulation_steps: 2}", "tune.training": "{bf16: true}"}
    for part in ("represent.training", "map.words", "map.toward", "map.through", "tune.training"):
        if "null" not in (changes.get(part), changes.get(part.partition(".")[0])):
            changes.setdefault(f"{part}.save_steps", 2)
            changes.setdefault(f"{part}.extra", extra.get(part, "{train_sampling_strategy: group_by_length}"))
    overrides = small("demo-turkish", world, STEPS, **all_parts(STEPS))
    return load_recipe("demo-turkish", [*overrides, *(f"{key}={value}" for key, value in changes.items())])


@pytest.fixture(scope="module")
def whole(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing stopped."""
    output = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path_factory.getbasetemp() / "datasets")
        train(recipe_of(world), output)
    return output


def before(stage: str, whole: Path, output: Path) -> None:
    """A run as it is when `stage` begins."""
    finished = STAGES[: STAGES.index(stage)]
    (output / "stages").mkdir(parents=True)
    shutil.copy(whole / "run.json", output)
    for one in finished:
        shutil.copy(whole / "stages" / f"{one}.json", output / "stages")
        shutil.copytree(whole / one, output / one, ignore=shutil.ignore_patterns("checkpoint-*"))


def results(output: Path, stage: str) -> dict[str, torch.Tensor]:
    folder = output / stage if stage == "represent" else output / stage / "adapter"
    files = [path for path in sorted(folder.rglob("*.safetensors")) if "checkpoint" not in str(path)]
    return {f"{path.name}:{name}": value for path in files for name, value in load_file(path).items()}


def different(one: Path, other: Path, stage: str) -> list[str]:
    """Names of the weights in which what a stage made differs."""
    first, second = results(one, stage), results(other, stage)
    assert first.keys() == second.keys()
    return [name for name in first if not torch.equal(first[name], second[name])]


@contextmanager
def cut(part: str, step: int, where: str) -> Iterator[None]:
    """Stop a part of a stage: in a step, or while the checkpoint after it, or the result, is being written."""
    trainer, at = transformers.Trainer, transformers.trainer_callback.TrainerState.save_to_json
    stepped, fill = trainer.training_step, newtongue.adapter.write_parts

    def here(one) -> bool:
        return Path(one.args.output_dir).name == part and one.state.global_step >= step

    def in_step(self, *args, **options):
        if here(self):
            raise Killed
        return stepped(self, *args, **options)

    def in_state(self, path):
        at(self, path)
        if self.global_step >= step and Path(path).parent.parent.name == part:
            text = Path(path).read_text()
            Path(path).write_text(text[: len(text) // 2])
            raise Killed

    def in_adapter(adapter, dtype, folder):
        fill(adapter, dtype, folder)
        checkpoint = folder.parent
        if checkpoint.parent.name == part and int(checkpoint.name.rpartition("-")[2]) >= step:
            (folder / "mapper.safetensors").write_bytes(b"half")
            raise Killed

    def in_result(adapter, dtype, folder):
        fill(adapter, dtype, folder)
        if folder.parent.name == part:
            (folder / "mapper.safetensors").write_bytes(b"half")
            raise Killed

    def in_optimizer(self, output_dir):
        if here(self):
            (Path(output_dir) / "optimizer.pt").write_bytes(b"half")
            raise Killed
        optimizer(self, output_dir)

    def in_encoder(self, folder, *args, **options):
        if Path(folder).name == part:
            Path(folder, "model.safetensors").write_bytes(b"half")
            raise Killed
        return saved(self, folder, *args, **options)

    saved, optimizer = transformers.PreTrainedModel.save_pretrained, trainer._save_optimizer_and_scheduler
    places = {
        "step": (trainer, "training_step", in_step),
        "state": (transformers.trainer_callback.TrainerState, "save_to_json", in_state),
        "adapter": (newtongue.adapter, "write_parts", in_adapter),
        "result": (newtongue.adapter, "write_parts", in_result),
        "optimizer": (trainer, "_save_optimizer_and_scheduler", in_optimizer),
        "encoder": (transformers.PreTrainedModel, "save_pretrained", in_encoder),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*places[where])
        yield


CUTS = {
    "represent, before any checkpoint": ("represent", "represent", 1, "step"),
    "represent, in a step": ("represent", "represent", 3, "step"),
    "represent, half a checkpoint": ("represent", "represent", 4, "optimizer"),
    "represent, half a state": ("represent", "represent", 4, "state"),
    "represent, half a result": ("represent", "represent", 6, "encoder"),
    "words, in a step": ("map", "words", 3, "step"),
    "toward, before any checkpoint": ("map", "toward", 0, "step"),
    "toward, in a step": ("map", "toward", 5, "step"),
    "through, in a step": ("map", "through", 3, "step"),
    "through, half an adapter": ("map", "through", 4, "adapter"),
    "map, half a result": ("map", "map", 6, "result"),
    "tune, in a step": ("tune", "tune", 3, "step"),
    "tune, half a state": ("tune", "tune", 4, "state"),
    "tune, half a result": ("tune", "tune", 6, "result"),
}


@pytest.mark.parametrize("stage,part,step,where", CUTS.values(), ids=CUTS)
def test_a_stopped_stage_ends_where_an_unstopped_one_does(
    stage: str, part: str, step: int, where: str, world: Path, whole: Path, tmp_path: Path
) -> None:
    before(stage, whole, tmp_path)
    recipe = recipe_of(world, stage)
    with cut(part, step, where), pytest.raises(Killed):
        train(recipe, tmp_path, resume=True)
    assert not json.loads((tmp_path / "stages" / f"{stage}.json").read_text())["finished"]
    train(recipe, tmp_path, resume=True)
    assert not different(tmp_path, whole, stage)
    if stage == "tune":
        assert (tmp_path / "samples.jsonl").read_text() == (whole / "samples.jsonl").read_text()
    known = [json.loads((one / "stages" / f"{stage}.json").read_text()) for one in (tmp_path, whole)]
    assert known[0]["curves"] == known[1]["curves"]
    assert known[0]["seconds"] is None  # Those since the resume are not those of the stage.
    assert known[1]["seconds"] > 0
    assert not list(tmp_path.rglob(f"{stage}/.adapter.*"))


@pytest.mark.parametrize("step,said", [(1, "run anew, for it had saved no checkpoint"), (3, "going on from its last")])
def test_a_stage_that_goes_on_says_from_where(
    step: int, said: str, world: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before("tune", whole, tmp_path)
    recipe = recipe_of(world, "tune")
    with cut("tune", step, "step"), pytest.raises(Killed):
        train(recipe, tmp_path, resume=True)
    capsys.readouterr()
    train(recipe, tmp_path, resume=True)
    assert f"Stage tune: {said}" in capsys.readouterr().out


def test_a_run_stopped_before_it_began_begins(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(draft: Path, target: Path) -> None:
        raise Killed

    recipe = recipe_of(world, "represent")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Path, "replace", stopped)
        train(recipe, tmp_path / "run")
    assert (tmp_path / "run").is_dir()
    train(recipe, tmp_path / "run")


def test_two_processes_that_write_one_file_at_once_both_succeed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.json"

    def meanwhile(file: int) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", lambda file: None)
            patch.setattr("os.getpid", lambda: 0)
            write_whole(path, "the other's")

    monkeypatch.setattr("os.fsync", meanwhile)
    write_whole(path, "one's")
    assert path.read_text() == "one's"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_stays_what_it_was_without_a_draft_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "run.json"
    path.write_text("before")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "after")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ['{"steps": 6000}', "[]"])
def test_a_file_others_wrote_says_nothing_of_a_stage(text: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(text)
    ledger = Ledger(tmp_path)
    assert ledger.read("recipe") is None
    assert ledger.changed("recipe", {"steps": 1}) == []


@pytest.mark.parametrize(
    "before,now,changed",
    [
        ({"steps": 1}, {"steps": 1, "joined": False, "map": {"through": None, "mined": 0}}, []),
        ({"steps": 1, "gone": 0.0}, {"steps": 1}, []),
        ({"steps": 1}, {"steps": 1, "joined": True}, ["joined: nothing → True"]),
        ({"rate": 0.5, "say": "Repeat:"}, {"rate": 0, "say": ""}, ["rate: 0.5 → 0", "say: Repeat: → "]),
    ],
)
def test_a_setting_that_is_new_and_off_changes_nothing(
    before: Inputs, now: Inputs, changed: list[str], tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path)
    ledger.write("stage", before, finished=True)
    assert ledger.changed("stage", now) == changed
    assert (digest(switched_on(before)) == digest(switched_on(now))) == (not changed)


@pytest.mark.parametrize("last", ["forget", "write", "set_aside"])
def test_stopped_between_two_runs_of_a_stage_neither_is_lost(
    last: str, world: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage to be run anew, stopped while the old one is put aside."""

    def stopped(*args: object, **options: object) -> None:
        raise Killed

    before("map", whole, tmp_path)
    changed = recipe_of(world, "represent", **{"represent.mask": 0.4})
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(*((running, "set_aside") if last == "set_aside" else (running.Ledger, last)), stopped)
        train(changed, tmp_path, resume=True)
    train(recipe_of(world, "represent"), tmp_path, resume=True)
    assert not different(tmp_path, whole, "represent")
    old = tmp_path / "represent.before-1"
    assert last == "forget" or old.exists()


# Finished stages, and changed ones.


@pytest.fixture
def finished(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def stages_run(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, str], str]:
    """What was said of each stage, and all that was said."""
    said = " ".join(capsys.readouterr().out.split("\n"))
    found = {}
    for stage in STAGES:
        marks = {"skipped": f"Stage {stage}: finished before, not run again.", "anew": f"Stage {stage}: run anew"}
        found[stage] = next((name for name, mark in marks.items() if mark in said), "run")
    return found, said


def test_a_finished_run_is_not_run_again(
    world: Path, finished: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(recipe_of(world), finished, resume=True)
    assert stages_run(capsys)[0] == dict.fromkeys(STAGES, "skipped")
    assert not different(finished, whole, "tune")
    assert not list(finished.glob("*.before-*"))


CHANGES = {
    "stage 3's settings": ({"tune.rank": 3}, ("skipped", "skipped", "anew"), "tune.rank: 2 → 3"),
    "stage 2's settings": ({"map.dropout": 0.2}, ("skipped", "anew", "anew"), "map.dropout: 0.05 → 0.2"),
    "how the base is loaded": ({"base.four_bit": "false"}, ("skipped", "anew", "anew"), "base.four_bit: True → False"),
    "the share held out": ({"data.held_out": 0.6}, ("skipped", "skipped", "anew"), "data.hash"),
    "the seed": ({"seed": 1}, ("anew", "anew", "anew"), "represent.training.seed: 0 → 1"),
    "how often it is saved": ({"tune.training.save_steps": 3}, ("skipped",) * 3, ""),
    "what saves memory": ({"base.gradient_checkpointing": "true"}, ("skipped",) * 3, ""),
    "how it is watched": ({"watch.every": 1}, ("skipped",) * 3, ""),
}


@pytest.mark.parametrize("change,expected,said", CHANGES.values(), ids=CHANGES)
def test_what_changed_is_run_anew_and_says_so(
    change: dict[str, object],
    expected: tuple[str, ...],
    said: str,
    world: Path,
    finished: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        running, "perform", lambda stage, _job, _data, folder, **_: _leave(folder / running.RESULTS[stage])
    )
    monkeypatch.setattr(running, "_finish", lambda _job, _data: None)
    train(recipe_of(world, **change), finished, resume=True)
    found, told = stages_run(capsys)
    assert tuple(found.values()) == expected
    assert said in told
    assert {path.name for path in finished.glob("*.before-*")} == {
        f"{stage}.before-1" for stage, what in zip(STAGES, expected, strict=True) if what == "anew"
    }


def _leave(place: Path) -> None:
    place.parent.mkdir(parents=True)
    place.write_text("{}")


def test_another_data_file_is_noticed(
    world: Path, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.txt"
    text.write_text((world / "text.txt").read_text(encoding="utf-8") + "Yeni bir satır.\n", encoding="utf-8")
    before("map", whole, tmp_path / "run")
    train(recipe_of(world, "represent", **{"data.text.0.path": text}), tmp_path / "run", resume=True)
    found, told = stages_run(capsys)
    assert found["represent"] == "anew"
    assert "data.rows: 72 → 73" in told
    assert different(tmp_path / "run", whole, "represent")
    assert (tmp_path / "run" / "represent.before-1" / "model.safetensors").exists()


def test_another_encoder_of_the_same_name_is_noticed(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(world / "bert", tmp_path / "bert")
    changes = {"represent": "null", "encoder": tmp_path / "bert", "tune": "null", "map.through": "null"}
    train(recipe_of(world, "map", **changes), tmp_path / "run")
    model = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / "bert")
    with torch.no_grad():
        model.bert.embeddings.word_embeddings.weight += 1
    model.save_pretrained(tmp_path / "bert")
    train(recipe_of(world, "map", **changes), tmp_path / "run", resume=True)
    found, told = stages_run(capsys)
    assert found["map"] == "anew"
    assert "start_from" in told


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OSError(28, "No space left on device"), id="a file"),
        pytest.param(
            RuntimeError("[enforce fail at inline_container.cc:664] . PytorchStreamWriter failed"), id="torch"
        ),
        pytest.param(RuntimeError("I/O error: No space left on device (os error 28)"), id="safetensors"),
    ],
)
def test_a_disk_that_fills_up_leaves_the_last_checkpoint_whole(
    error: Exception, world: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = torch.save

    def full(value: object, path: object, *args: object, **options: object) -> None:
        if "checkpoint-4" in str(path):
            Path(str(path)).write_bytes(b"half")
            raise error
        save(value, path, *args, **options)

    before("map", whole, tmp_path)
    recipe = recipe_of(world, "map", **{"map.words": "null", "map.through": "null"})
    with monkeypatch.context() as patch, pytest.raises(NewtongueError, match=r"disk .* is full.*make room.*--resume"):
        patch.setattr(torch, "save", full)
        train(recipe, tmp_path, resume=True)
    assert last_checkpoint(tmp_path / "map" / "toward") == str(tmp_path / "map" / "toward" / "checkpoint-2")
    train(recipe, tmp_path, resume=True)
