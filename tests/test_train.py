"""`newtongue train`: every shipped recipe in small, what is told, what is refused before work is lost."""

import json
import re
import shutil
from collections import namedtuple
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
import transformers
from rich.console import Console
from rich.markdown import Markdown
from transformers import AutoConfig, AutoModel, TrainerCallback

import tiny
from newtongue import ModalityAdapter, NewtongueError
from newtongue.saving.precision import dtype_of
from newtongue.tokenizer.loading import load_tokenizer
from newtongue_evaluation.tasks.find import find_files
from newtongue_evaluation.tasks.questions import read_questions
from newtongue_recipes.data import Source
from newtongue_recipes.data.shapes import shape
from newtongue_recipes.loading import base_of, load_base
from newtongue_recipes.recipe import load_recipe, shipped
from newtongue_recipes.settings import Training, Tune
from newtongue_recipes.stages import tune
from newtongue_recipes.stages.tune import TuneTrainer
from newtongue_recipes.train import train
from newtongue_recipes.train.exam import exam_of, write_exam
from newtongue_recipes.train.folder import alone
from newtongue_recipes.train.plan import make_plan
from running import newtongue
from training import differ, make_world, small, tuned, weights


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path_factory.getbasetemp() / "datasets")


def recipe_of(world: Path, name: str = "phi-2-turkish-bert", **more: object) -> object:
    return load_recipe(name, small(name, world, **more))


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_recipe_trains_an_adapter(
    name: str, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, recipe = tmp_path / "run", load_recipe(name)
    assert newtongue(monkeypatch, "train", name, *small(name, world), "--output", str(output)) == 0
    adapter = ModalityAdapter.from_pretrained(output / "adapter")
    assert adapter.language == recipe.language
    assert any(float(value.abs().max()) > 0 for key, value in adapter.lora_weights().items() if "lora_B" in key)
    pictures = {stage for stage in ("represent", "map", "tune") if getattr(recipe, stage)}
    assert {path.stem for path in output.glob("*.png")} == pictures
    assert load_recipe(output / "recipe.yaml") == load_recipe(name, small(name, world))
    assert dtype_of(output / "adapter") == torch.float16
    said = adapter.config.notes
    assert said["training"][-1].items() >= {"stage": "tune", "steps": "2", "seed": 0}.items()
    assert {row["source"] for row in said["data"]} <= {"text.txt", "pairs.tsv", "questions.jsonl"}
    assert str(world) not in (output / "adapter" / "README.md").read_text(encoding="utf-8")
    read = [source["positions"] for source in json.loads((output / "data" / "data.json").read_text())["sources"]]
    assert all(read) and len(said["positions"]) == len(read)


def test_a_run_without_a_network_of_its_own_ends_with_what_its_last_stage_made(world: Path, tmp_path: Path) -> None:
    encoder = train(recipe_of(world, "phi-2-turkish", map="null", tune="null"), tmp_path / "encoder")
    assert AutoModel.from_pretrained(encoder).config.hidden_size == 16
    mapped = train(recipe_of(world, tune="null"), tmp_path / "mapped")
    assert ModalityAdapter.from_pretrained(mapped).lora is None
    tuned = train(recipe_of(world, map="null", encoder="null", adapter=mapped), tmp_path / "tuned")
    assert ModalityAdapter.from_pretrained(tuned).lora is not None


def test_stage_1_continues_a_published_encoder(world: Path, tmp_path: Path) -> None:
    recipe = recipe_of(world, "phi-2-turkish", map="null", tune="null", **{"represent.start_from": world / "bert"})
    assert AutoModel.from_pretrained(train(recipe, tmp_path / "run")).config.model_type == "bert"


# What is told.


def test_a_dry_run_tells_the_plan_and_writes_nothing(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "phi-2-turkish"
    changes = [*small(name, world), "--output", str(tmp_path / "run"), "--dry-run"]
    assert newtongue(monkeypatch, "train", name, *changes) == 0
    assert not list(tmp_path.iterdir())
    told = capsys.readouterr().out
    for word in ("represent", "toward", "through", "tune", "encoder", "mapper", "LoRA", "Frozen", "Disk", "Memory"):
        assert word in told


def test_a_dry_run_leaves_a_run_as_it_was(world: Path, tmp_path: Path) -> None:
    train(recipe_of(world, tune="null"), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    train(recipe_of(world), tmp_path, dry_run=True)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("width", [80, 120])
def test_the_plan_fits_the_screen(width: int, world: Path) -> None:
    rows = {"represent": 1_234_567, "words": 123, "toward": 1_234_567, "through": 1_234_567, "tune": 345_678}
    recipe = load_recipe("demo-turkish", [f"base.name={world / 'base'}", "map.through.steps=1000"])
    plan = make_plan(recipe, rows, None)
    console = Console(width=width, record=True, file=(world / "screen").open("w"))
    console.print(Markdown(plan.as_markdown()))
    lines = console.export_text().splitlines()
    assert all(len(line) <= width for line in lines)
    assert any("through" in line and "1,234,567" in line and "1,000" in line for line in lines)


@pytest.mark.parametrize("answer", ["base", "own"])
def test_the_plan_counts_what_is_trained(answer: str, world: Path, tmp_path: Path) -> None:
    recipe = recipe_of(world, "phi-2-turkish", **{"tune.answer": answer})
    rows = dict.fromkeys(("represent", "words", "toward", "through", "tune"), 24)
    plan = make_plan(recipe, rows, None)
    adapter = ModalityAdapter.from_pretrained(train(recipe, tmp_path / "run"))
    sizes = {part: sum(one.numel() for one in getattr(adapter, part).parameters()) for part in ("encoder", "mapper")}
    assert plan.trained["mapper"] == sizes["mapper"]
    assert plan.trained["LoRA"] == sum(one.numel() for one in adapter.lora_weights().values())
    assert plan.trained["encoder"] >= sizes["encoder"]  # The text may hold fewer ids than were asked for.
    if answer == "own":  # Two numbers for each id.
        spare = recipe.represent.vocabulary - adapter.encoder.vocabulary
        assert plan.trained["voice"] == sum(one.numel() for one in adapter.voice.parameters()) + 2 * spare
    assert ("voice" in plan.trained) == (adapter.voice is not None) == (answer == "own")
    assert plan.frozen == sum(one.numel() for one in load_base(world / "base", four_bit=False).parameters())


@pytest.mark.parametrize("imitates", [True, False])
def test_a_cpu_that_imitates_bfloat16_trains_without_and_the_plan_says_so(
    imitates: bool, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newtongue_recipes.settings.imitates_bfloat16", lambda: imitates)
    recipe = recipe_of(
        world, "phi-2-turkish", **{"map.toward.extra": "{bf16: true, weight_decay: 0.1}", "tune.training.extra": "{}"}
    )
    arguments = recipe.map.toward.arguments(world / "toward")
    assert (arguments.bf16, arguments.weight_decay) == (not imitates, 0.1)
    rows = dict.fromkeys(("represent", "words", "toward", "through", "tune"), 24)
    told = [line for line in make_plan(recipe, rows, None).as_markdown().splitlines() if "bf16" in line]
    assert len(told) == imitates
    assert all("toward" in line and "tune" not in line for line in told)


def test_the_plan_counts_tied_weights_once(world: Path, tmp_path: Path) -> None:
    tied = tiny.save_base(tmp_path / "tied", "phi3")
    rows = dict.fromkeys(("represent", "words", "toward", "through", "tune"), 24)
    plan = make_plan(recipe_of(world, "phi-2-turkish", **{"base.name": tied}), rows, None)
    assert plan.frozen == sum(one.numel() for one in load_base(tied, four_bit=False).parameters())


def test_the_plan_counts_passes_over_what_is_read(world: Path) -> None:
    rows = {"represent": 100, "words": 0, "toward": 100, "through": 100, "tune": 100}
    changes = ["map.mined=3", "tune.twins=0.25", *(f"{part}.batch=10" for part in ("map.toward", "tune.training"))]
    changes += [f"{part}.steps=20" for part in ("map.toward", "tune.training")]
    plan = make_plan(load_recipe("demo-turkish", [f"base.name={world / 'base'}", *changes]), rows, None)
    passes = {part.name: part.passes for part in plan.parts}
    assert (passes["words"], passes["toward"], passes["tune"]) == (None, 2.0, 1.5)
    [words] = [line for line in plan.as_markdown().splitlines() if line.startswith("| words")]
    assert words.count("–") == 2  # What is mined is not counted before it is.


def test_what_is_not_a_terminal_sees_lines_and_no_bars(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    name = "phi-2-turkish"
    changes = small(name, world, steps=12, **{"data.held_out": 0.2, "watch.every": 6, "watch.samples": 2})
    assert newtongue(monkeypatch, "train", name, *changes, "--output", str(tmp_path / "run")) == 0
    told = capfd.readouterr()
    assert told.err == ""
    assert "%|" not in told.out
    assert "through: step 12 of 12, loss" in told.out
    assert "positions a second" in told.out
    assert "s a step, about" in told.out
    lines = [json.loads(line) for line in (tmp_path / "run" / "samples.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [6, 6, 12, 12]
    assert all(line["gold"] and line["asked"] for line in lines)


def test_a_terminal_shows_a_bar_a_part_and_lines_above_it(
    world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe = recipe_of(world, steps=12, **{"data.held_out": 0.2, "watch.every": 6, "watch.samples": 1})
    train(recipe, tmp_path / "run", console=Console(force_terminal=True, width=100))
    told = capfd.readouterr()
    for part in ("toward", "through", "tune"):
        last = [line for line in told.err.split("\r") if line.startswith(f"{part}: 100%")][-1]
        assert "12/12" in last
        assert "positions/s" in last
        assert f"{part}: " in told.out
    assert "grad_norm" not in told.out + told.err
    assert "shards" not in told.err
    assert "step 6: " in told.out


def test_a_tracker_hears_of_pace_and_soft_tokens(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[dict[str, object]] = []

    class Tracker(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **kwargs):
            heard.append(dict(logs))

    monkeypatch.setitem(transformers.integrations.INTEGRATION_TO_CALLBACK, "tensorboard", Tracker)
    train(recipe_of(world, tune="null", **{"watch.report_to": "tensorboard"}), tmp_path / "run")
    lines = [line for line in heard if "loss" in line]
    assert lines
    assert all({"positions_per_second", "soft_size", "soft_likeness"} <= set(line) for line in lines)


def test_help_teaches(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert newtongue(monkeypatch, "train", "--help") == 0
    told = capsys.readouterr().out
    for word in ("--resume", "--dry-run", "--output", "accelerate launch", "tune.rank=64"):
        assert word in told


def turns(*said: str, **answer: str) -> dict[str, object]:
    """A conversation of users and assistants in turn."""
    roles = ("user", "assistant") * len(said)
    messages = [{"role": role, "content": one} for role, one in zip(roles, said, strict=False)]
    return {"messages": [*messages[:-1], {**messages[-1], **answer}]}


EXAM = [
    (turns("Su nedir?", "Water is a clear liquid that falls as rain."), ("Su nedir?", "en")),
    (turns("Taş nedir?", "Taş, doğada bulunan sert ve katı bir maddedir."), ("Taş nedir?", "tr")),
    (turns("Kim?", "Ada", language="tur"), ("Kim?", "tr")),
    (turns("Kim?", "Eda", language="tr"), None),  # Another answer to the same.
    (turns("Kim o?", "Ada", language="eng"), ("Kim o?", "en")),
    (turns("Nerede?", "Bu şehir Türkiye'nin kuzeyinde bulunur.", "Ne?", "x"), ("Nerede?", "tr")),
    ({"question": "Nedir?", "answer": "Q", "context": "Su."}, ("Su.\nNedir?", "tr")),  # As most are.
    (
        {"messages": [{"role": "user", "content": "Why?", "language": "en"}, {"role": "assistant", "content": "So."}]},
        None,
    ),
]


def test_the_exam_of_a_run_is_one_that_evaluate_reads(tmp_path: Path) -> None:
    source, path = Source(path="a.jsonl"), exam_of(tmp_path, "tr")
    write_exam([shape(row, source, "questions", "tr").row for row, _ in EXAM], "tr", tmp_path)
    assert find_files([tmp_path / "data"], "tr") == [path]
    found = [(one.messages[0]["content"][0]["text"], one.answered_in) for one in read_questions(path, "tr")]
    assert found == [expected for _, expected in EXAM if expected]
    assert [one.gold for one in read_questions(path, "tr") if len(one.gold) > 1] == [("Ada", "Eda")]
    write_exam([], "tr", tmp_path)
    assert not path.exists()


@pytest.mark.parametrize("share", [0.2, 0])
def test_what_is_held_out_becomes_an_exam_and_its_lack_is_told(
    share: float, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "my run"
    made = train(recipe_of(world, **{"data.held_out": share}), output)
    told, path = capsys.readouterr().out, exam_of(output, "tr")
    command = f"newtongue evaluate '{made}' --data '{path}' --output '{output / 'judged'}'"  # To be typed as it is.
    assert (command in told) == path.is_file() == bool(share)
    assert ("no question is held out" in told) == (not share)


# What is refused, before any work is lost.


def without_template(world: Path, here: Path) -> dict[str, object]:
    shutil.copytree(world / "base", here / "plain")
    (here / "plain" / "chat_template.jinja").unlink()
    return {"base.name": here / "plain"}


def without_tokenizer(world: Path, here: Path) -> dict[str, object]:
    shutil.copytree(world / "bert", here / "mute", ignore=shutil.ignore_patterns("tokenizer*"))
    return {"encoder": here / "mute"}


def without_weights(world: Path, here: Path) -> dict[str, object]:
    shutil.copytree(world / "base", here / "hollow", ignore=shutil.ignore_patterns("*.safetensors"))
    return {"base.name": here / "hollow"}


def without_words(world: Path, here: Path) -> dict[str, object]:
    (here / "pairs.tsv").write_text("english\tother\nI see.\tGörüyorum.\n", encoding="utf-8")
    return {"data.pairs": f"[{{path: {here / 'pairs.tsv'}}}]", "map.words": "{steps: 2}", "map.mined": 0}


def another_base(world: Path, here: Path) -> dict[str, object]:
    base = tiny.tiny_base(hidden_size=16)
    ModalityAdapter.create(base, tiny.tiny_encoder(), language="tr").save_pretrained(here / "other")
    return {"adapter": here / "other", "encoder": "null", "map": "null"}


def among_data(world: Path, here: Path) -> dict[str, object]:
    shutil.copyfile(world / "pairs.tsv", here / "pairs.tsv")
    return {"data.pairs": f"[{{path: {here}}}]"}


def without_system(world: Path, here: Path) -> dict[str, object]:
    shutil.copytree(world / "base", here / "strict")
    template = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('No system here') }}{% endif %}"
    (here / "strict" / "chat_template.jinja").write_text(template + "{{ m.content }}{% endfor %}")
    said = ("system", "Be brief."), ("user", "Su nedir?"), ("assistant", "Water.")
    row = {"messages": [{"role": role, "content": content} for role, content in said]}
    return {"base.name": here / "strict", **questions(here, row)}


def questions(here: Path, row: dict[str, object]) -> dict[str, object]:
    (here / "questions.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return {"data.questions": f"[{{path: {here / 'questions.jsonl'}}}]", "data.held_out": 0}


LONG = {"question": "Su nedir?", "answer": "A very long answer indeed. " * 40}
ENGLISH = {"messages": [{"role": "user", "content": "Why?", "language": "en"}, {"role": "assistant", "content": "So."}]}

WRONG = {
    "no such base": (lambda world, here: {"base.name": here / "nothing"}, "The base .*nothing.* has no tokenizer"),
    "a base without weights": (without_weights, "holds no weights"),
    "an encoder without a tokenizer": (without_tokenizer, "mute cannot be read as an encoder with its tokenizer"),
    "no such encoder": (lambda world, here: {"encoder": here / "nothing"}, "nothing cannot be read as an encoder"),
    "words and no aligned pair": (without_words, "no pair is aligned.*map.words=null"),
    "all questions held out": (
        lambda world, here: {"data.held_out": 0.999999},
        r"No rows are left for tune: all \d+ of questions are held out.*data.held_out \(now",
    ),
    "answers that are all too long": (
        lambda world, here: questions(here, LONG),
        r"learn from none of its 1 conversations.*too few.*tune.max_length \(now",
    ),
    "no question in the language": (
        lambda world, here: questions(here, ENGLISH),
        "learn from none of its 1 conversations.*in the language",
    ),
    "a template that refuses the system": (without_system, "learn from none of its 1.*No system here"),
    "rows longer than the base reads": (
        lambda world, here: {"tune.max_length": 1_000_000},
        r"tune.max_length=1000000 is more than the \d+ positions",
    ),
    "rows longer than the encoder reads": (
        lambda world, here: {
            "encoder": "null",
            "represent": f"{{training: {{steps: 2}}, start_from: {world / 'bert'}, positions: 9999}}",
            "data.text": f"[{{path: {world / 'text.txt'}}}]",
        },
        r"represent.positions=9999 is more than the \d+",
    ),
    "a rank larger than the base is wide": (
        lambda world, here: {"tune.rank": 4096},
        r"A LoRA of rank 4096 can do no more than one of \d+",
    ),
    "LoRA on layers that are not there": (
        lambda world, here: {"tune.target_modules": "[qkv]"},
        "tune.target_modules=.*does not fit the base",
    ),
    "no such optimizer": (
        lambda world, here: {"map.through.extra.optim": "adamww"},
        r"map\.through\.extra\.optim: adamww is not a valid",
    ),
    "no such schedule": (
        lambda world, here: {"tune.training.extra.lr_scheduler_type": "cosin"},
        r"tune\.training\.extra\.lr_scheduler_type: cosin is not a valid",
    ),
    "two precisions": (
        lambda world, here: {"tune.training.extra": "{fp16: true, bf16: true, weight_decay: 0.1}"},
        r"tune\.training\.extra\.fp16, tune\.training\.extra\.bf16: At most one",
    ),
    "an option of an option": (
        lambda world, here: {"map.through.extra": "{accelerator_config: {split: 1}}"},
        r"map\.through\.extra\.accelerator_config: .*'split'",
    ),
    "kernels without their package": (
        lambda world, here: {"map.through.extra.use_liger_kernel": "true"},
        r"map\.through\.extra\.use_liger_kernel: liger-kernel is not installed.*pip install",
    ),
    "no such attention": (
        lambda world, here: {"base.attention": "spda"},
        "base.attention='spda' cannot be used.*Install its package, or give sdpa or eager",
    ),
    "an attention without its package": (
        lambda world, here: {"base.attention": "flash_attention_2"},
        "base.attention='flash_attention_2' cannot be used.*installed",
    ),
    "no such tracker": (
        lambda world, here: {"watch.report_to": "tensorbord"},
        "watch.report_to: tensorbord is not supported.*tensorboard",
    ),
    "a tracker without its package": (
        lambda world, here: {"watch.report_to": "azure_ml"},
        "watch.report_to: .*azureml.*install",
    ),
    "an adapter of another base": (another_base, "made for a base with width 16 and this one has"),
    "a run among its data": (among_data, "run lies in .*, all files of which are read as data"),
    "no such data": (lambda world, here: {"data.pairs.0.path": here / "no.tsv"}, "There is no .*no.tsv"),
}


@pytest.mark.parametrize("change,said", WRONG.values(), ids=WRONG)
def test_what_would_fail_later_is_refused_at_once(
    change, said: str, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output, name = tmp_path / "run", "phi-2-turkish-bert"
    changes = small(name, world, **change(world, tmp_path))
    assert newtongue(monkeypatch, "train", name, *changes, "--output", str(output)) == 2
    assert not output.exists()
    with pytest.raises(NewtongueError, match=f"(?s){said}"):
        train(load_recipe(name, changes), output)
    assert "Traceback" not in capsys.readouterr().err


def test_a_lora_other_than_the_adapter_s_own_is_refused_at_once(world: Path, tmp_path: Path) -> None:
    made = train(recipe_of(world), tmp_path / "made")

    def further(**more: object) -> Path | None:
        recipe = recipe_of(world, map="null", encoder="null", adapter=made, **more)
        return train(recipe, tmp_path / "further")

    with pytest.raises(NewtongueError, match=r"Set tune\.rank=2 \(now 64\); or start from"):
        further(**{"tune.rank": 64})
    assert not (tmp_path / "further").exists()
    assert ModalityAdapter.from_pretrained(further()).lora.r == 2


def test_a_base_in_a_relative_folder_is_found_from_another_directory(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world)
    made = train(recipe_of(world, **{"base.name": "base"}), tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    assert base_of(str(made), ModalityAdapter.from_pretrained(made).config.base) == str(world / "base")


def test_two_trainings_do_not_share_a_folder(world: Path, tmp_path: Path) -> None:
    output = tmp_path / "runs" / "tr"
    with alone(output), pytest.raises(NewtongueError, match="is being trained into by another process"):
        train(recipe_of(world), output)
    assert not output.exists()
    with alone(output):  # It was set free.
        pass


def a_file(output: Path) -> None:
    output.write_text("notes")


def something_else(output: Path) -> None:
    output.mkdir()
    (output / "thesis.tex").write_text("mine")


def a_draft_of_something_else(output: Path) -> None:
    output.mkdir()
    (output / "thesis.draft").write_text("mine")


def another_run(output: Path) -> None:
    output.mkdir()
    (output / "run.json").write_text('{"language": "ja", "base": "microsoft/phi-2"}')


def half_a_run(output: Path) -> None:
    output.mkdir()
    (output / "run.json").write_text('{"language": "ja", "ba')


IN_USE = {
    "a file": (a_file, "is a file. Give --output the name of a folder"),
    "something else": (something_else, "is not empty and holds no run"),
    "a draft of something else": (a_draft_of_something_else, "is not empty and holds no run"),
    "another recipe's run": (another_run, "another recipe's run: 'ja' into 'microsoft/phi-2', not 'tr' into"),
    "an unreadable run": (half_a_run, "cannot be read"),
}


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("occupy,said", IN_USE.values(), ids=IN_USE)
def test_an_output_in_use_is_left_alone(occupy, said: str, resume: bool, world: Path, tmp_path: Path) -> None:
    occupy(tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(NewtongueError, match=said):
        train(recipe_of(world), tmp_path / "run", resume=resume)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_is_gone_on_with_only_when_asked(world: Path, tmp_path: Path) -> None:
    train(recipe_of(world, tune="null"), tmp_path)
    with pytest.raises(NewtongueError, match=r"holds a run already\. Go on with it by --resume"):
        train(recipe_of(world, tune="null"), tmp_path)


def test_a_disk_without_room_is_told_before(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 1000))
    with pytest.raises(NewtongueError, match=r"free and the run will write about .*Make room"):
        train(recipe_of(world), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_base_without_a_chat_template_is_told_before(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(recipe_of(world, **without_template(world, tmp_path)), tmp_path / "run", dry_run=True)
    assert "has no chat template" in capsys.readouterr().out


OUT_OF_MEMORY = {
    "GPU": (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), "gradient_checkpointing"),
    "machine": (MemoryError(), "data.tokens', with which all stages run anew"),
    "CPU tensors": (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), "data.tokens"),
}


@pytest.mark.parametrize("error,setting", OUT_OF_MEMORY.values(), ids=OUT_OF_MEMORY)
def test_the_end_of_memory_names_three_settings(
    error: Exception, setting: str, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spent(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(TuneTrainer, "training_step", spent)
    with pytest.raises(NewtongueError, match=f"Three settings.*'batch'.*{setting}.*--resume"):
        train(recipe_of(world), tmp_path / "run")


@pytest.mark.parametrize(
    "save_steps,said",
    [(0, "--resume begins it anew: .*'save_steps'"), (2, "--resume goes on from its last checkpoint")],
)
def test_ctrl_c_says_how_to_go_on(
    save_steps: int,
    said: str,
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = TuneTrainer.training_step

    def stopped(trainer: TuneTrainer, *args: object, **options: object) -> torch.Tensor:
        if trainer.state.global_step == 2:
            raise KeyboardInterrupt
        return whole(trainer, *args, **options)

    monkeypatch.setattr(TuneTrainer, "training_step", stopped)
    name = "phi-2-turkish-bert"
    changes = small(name, world, 4, **{"tune.training.save_steps": save_steps})
    assert newtongue(monkeypatch, "train", name, *changes, "--output", str(tmp_path / "run")) == 130
    assert re.search(f"Stage tune: stopped. The same command with {said}", capsys.readouterr().out)


def test_what_a_trainer_refuses_is_an_error_that_names_its_options(world: Path, tmp_path: Path) -> None:
    with pytest.raises(NewtongueError, match=r"`eos_token` \('<none>'\) is not found.*tune\.training\.extra"):
        train(recipe_of(world, **{"tune.training.extra.eos_token": "<none>"}), tmp_path / "run")


def test_a_bug_stays_a_bug(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*args: object, **options: object) -> None:
        raise RuntimeError("The size of tensor a (3) must match the size of tensor b (4)")

    monkeypatch.setattr(TuneTrainer, "training_step", wrong)
    with pytest.raises(RuntimeError, match="must match"):
        train(recipe_of(world), tmp_path / "run")


# What is no adapter is never called finished.

ASTRAY = {
    "represent": (
        {"represent.training.rate": 1e30},
        r"represent, step 1?\d: .*represent\.training\.rate is 1e\+30: lower",
    ),
    "toward": ({"map.toward.rate": 1e30}, r"toward, step 1?\d: .*map\.toward\.rate is 1e\+30: lower"),
    "tune": ({"tune.training.rate": 1e30}, r"tune, step 1?\d: .*tune\.training\.rate is 1e\+30: lower"),
    "the last step": (
        {"tune.training.rate": 1e9, "tune.training.steps": 2},
        r"tune, step 2: weights.*rate is 1e\+09: lower",
    ),
    "too few rows": (
        {"represent.training.batch": 10_000, "represent.training.extra": "{dataloader_drop_last: true}"},
        r"represent has taken 0 steps of 12.*represent\.training\.batch is 10,000",
    ),
}


@pytest.mark.parametrize("change,said", ASTRAY.values(), ids=ASTRAY)
def test_a_stage_that_went_astray_is_never_finished(
    change: dict[str, object], said: str, world: Path, tmp_path: Path
) -> None:
    recipe = load_recipe("demo-turkish", small("demo-turkish", world, steps=12, **change))
    with pytest.raises(NewtongueError, match=said):
        train(recipe, tmp_path / "run")
    stage = next(one for one in ("represent", "map", "tune") if any(key.startswith(one) for key in change))
    assert json.loads((tmp_path / "run" / "stages" / f"{stage}.json").read_text())["finished"] is False
    assert not (tmp_path / "run" / "adapter").exists()


def test_a_batch_without_labels_costs_nothing(world: Path, tmp_path: Path) -> None:
    twins = {"tune.twins": 0.9, "tune.training.batch": 1, "tune.training.steps": 20}
    train(load_recipe("demo-turkish", small("demo-turkish", world, **twins)), tmp_path / "run")
    [curve] = json.loads((tmp_path / "run" / "stages" / "tune.json").read_text())["curves"].values()
    assert len(curve) == 20


# How stage 3 trains.


def test_samples_leave_the_training_as_it_was(world: Path, tmp_path: Path) -> None:
    shown = {"data.held_out": 0.2, "watch.every": 1, "tune.lora_dropout": 0.1}
    train(recipe_of(world, steps=4, **shown), tmp_path / "with")
    train(recipe_of(world, steps=4, **shown, **{"watch.samples": 0}), tmp_path / "without")
    assert (tmp_path / "with" / "samples.jsonl").exists()
    assert not (tmp_path / "without" / "samples.jsonl").exists()
    assert not differ(tuned(tmp_path / "with"), tuned(tmp_path / "without"))


@pytest.mark.parametrize("on", [False, True])
def test_gradient_checkpointing_is_on_where_the_recipe_asks(
    on: bool, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from newtongue_recipes.stages import checkpoints

    seen: dict[str, bool] = {}
    step = checkpoints.AdapterTrainer.training_step

    def watched(self, model, *args, **options):
        seen[Path(self.args.output_dir).name] = checkpoints.attached(self.model).is_activation_checkpointing
        return step(self, model, *args, **options)

    monkeypatch.setattr(checkpoints.AdapterTrainer, "training_step", watched)
    train(recipe_of(world, **{"base.gradient_checkpointing": str(on).lower()}), tmp_path / "run")
    assert seen == {"toward": False, "through": on, "tune": on}


def test_gradient_checkpointing_changes_no_weight(world: Path, tmp_path: Path) -> None:
    made = []
    for on in ("false", "true"):
        changes = {"base.gradient_checkpointing": on, "tune.lora_dropout": 0.1, "base.four_bit": "false"}
        train(recipe_of(world, steps=3, **changes), tmp_path / on)
        made.append(weights(tuned(tmp_path / on)))
    for name, value in made[0].items():
        torch.testing.assert_close(value, made[1][name], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    "optim,kind", [("adamw_torch", "AdamW"), ("sgd", "SGD"), ("adafactor", "Adafactor"), ("adamw_bnb_8bit", "AdamW")]
)
def test_the_optimizer_of_the_recipe_is_used_and_encoder_and_mapper_learn_slower(
    optim: str, kind: str, world: Path, tmp_path: Path
) -> None:
    found = {}

    class Look(TrainerCallback):
        def on_train_begin(self, args, state, control, optimizer=None, model=None, **kwargs):
            names = {id(parameter): name for name, parameter in model.named_parameters()}
            inner = optimizer.optimizer
            found["kind"] = type(inner).__name__
            found["rates"] = {
                (".lora_" in names[id(one)], group["initial_lr"])
                for group in inner.param_groups
                for one in group["params"]
            }
            found["count"] = sum(len(group["params"]) for group in inner.param_groups)
            found["trained"] = sum(one.requires_grad for one in model.parameters())
            control.should_training_stop = True

    training = Training(steps=1, batch=2, rate=1e-3, extra={"optim": optim, "disable_tqdm": True})
    base = load_base(world / "base", trainable=True)
    adapter = ModalityAdapter.create(base, tiny.tiny_encoder(), language="tr")
    chat = [{"role": "user", "content": "Su?", "language": "tr"}, {"role": "assistant", "content": "Water"}]
    try:
        tune(base, adapter, [chat] * 2, Tune(training, rank=2, max_length=64), tmp_path, callbacks=[Look()])
    except (RuntimeError, NotImplementedError):
        assert "bnb" in optim  # Its kernels may be a GPU's alone; which optimizer was made is known by then.
    assert found["kind"] == kind
    assert {lora: round(rate, 9) for lora, rate in found["rates"]} == {True: 1e-3, False: 2e-4}
    assert found["count"] == found["trained"]


LEFT_OUT = "1 of 25 conversations are left out of stage 3"
LOST = {
    "too long an answer": (LONG, LEFT_OUT),
    "nothing in the language": (ENGLISH, LEFT_OUT),
    "too long a question": ({"question": "Su nedir? " * 40, "answer": "Water."}, LEFT_OUT),
    "a question cut short": ({"question": "Su nedir? " * 20, "answer": "Water."}, "1 of 25 questions are shortened"),
}


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("row,said", LOST.values(), ids=LOST)
def test_what_stage_3_does_not_learn_is_told_by_the_run_and_before_it(
    row: dict[str, object],
    said: str,
    dry_run: bool,
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = [*(world / "questions.jsonl").read_text(encoding="utf-8").splitlines(), json.dumps(row)]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    recipe = recipe_of(world, **{"data.questions": f"[{{path: {tmp_path / 'questions.jsonl'}}}]", "data.held_out": 0})
    if not dry_run:  # What is told before is the dry run's.
        monkeypatch.setattr("newtongue_recipes.train.run.notes", lambda *given: [])
    train(recipe, tmp_path / "run", dry_run=dry_run)
    assert said in " ".join(capsys.readouterr().out.split())


def test_pairs_that_are_too_long_are_told_before(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pairs.tsv").write_text(f"english\tother\nI see.\tGördüm.\n{'I see. ' * 90}\tGördüm.\n")
    train(recipe_of(world, **{"data.pairs": f"[{{path: {tmp_path / 'pairs.tsv'}}}]"}), tmp_path / "run", dry_run=True)
    assert "1 of 2 pairs are left out of stage 2: they have more than 256 positions" in capsys.readouterr().out


@pytest.mark.parametrize("longest,lost", [(40, 0), (14, 3)])
def test_what_stands_around_a_pair_counts(
    world: Path, tmp_path: Path, longest: int, lost: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pairs.tsv").write_text("english\tother\nwater\tsu\nbread\tekmek\nsoup\tçorba\n")
    changes = {"data.pairs": f"[{{path: {tmp_path / 'pairs.tsv'}}}]", "map.max_length": longest}
    with pytest.raises(NewtongueError, match=f"none of its {lost} pairs") if lost else nullcontext():
        train(recipe_of(world, **changes), tmp_path / "run", dry_run=True)
    assert "left out of stage 2" not in capsys.readouterr().out


def test_a_base_without_rows_for_its_tokens_is_refused_before(world: Path, tmp_path: Path) -> None:
    base = shutil.copytree(world / "base", tmp_path / "base")
    tokenizer = load_tokenizer(base)
    rows = AutoConfig.from_pretrained(base).vocab_size
    tokenizer.add_tokens([f"<word{number}>" for number in range(len(tokenizer), rows + 1)])
    tokenizer.save_pretrained(base)
    with pytest.raises(NewtongueError, match=f"with id {rows}, and the base's embedding has {rows} rows"):
        train(recipe_of(world, **{"base.name": base}), tmp_path / "run", dry_run=True)


def test_before_there_are_tokens_of_its_own_none_is_refused_that_may_yet_fit(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = questions(tmp_path, {"question": "Su nedir? " * 40, "answer": "Water."})
    train(recipe_of(world, "phi-2-turkish", **long), tmp_path / "run", dry_run=True)
    assert "in the base's tokens" in capsys.readouterr().out
    with pytest.raises(NewtongueError, match="learn from none of its 1 conversations"):
        train(recipe_of(world, "phi-2-turkish", **questions(tmp_path, LONG)), tmp_path / "run", dry_run=True)
