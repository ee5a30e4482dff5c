"""What is wrong with a recipe is said in its reader's words, all of it at once, and never as a traceback."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newtongue import NewtongueError
from newtongue_recipes.recipe import Recipe, load_recipe
from newtongue_recipes.recipe.keys import RECIPE
from newtongue_recipes.recipe.options import trainer_options

SMALL = """
language: tr
base: {name: microsoft/phi-2}
data:
  questions: [{path: questions.jsonl}]
adapter: runs/map/adapter
tune: {training: {steps: 10}}
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(name: str | Path, *overrides: str) -> str:
    with pytest.raises(NewtongueError) as error:
        load_recipe(name, overrides)
    return str(error.value)


@pytest.mark.parametrize(
    "override,parts",
    [
        pytest.param("sede=3", ["sede", "'seed'"], id="unknown key"),
        pytest.param("tuen.training.steps=3", ["tuen (tuen.training.steps=3)", "'tune'"], id="unknown key above"),
        pytest.param("tune.rnk=8", ["tune.rnk", "'rank'"], id="unknown key of a stage"),
        pytest.param("tune.batch=8", ["tune.batch", "tune.training.batch"], id="key at the wrong place"),
        pytest.param("data.questions.0.rowz=8", ["data.questions.0.rowz", "'rows'"], id="unknown key in a list"),
        pytest.param("tune.qqq=8", ["tune.qqq", "rank, alpha"], id="nothing near: all that are known"),
        pytest.param("language=turkish lang", ["language", "'turkish lang'", "BCP 47"], id="no language tag"),
        pytest.param("base.name=null", ["base.name", "null", "Give str"], id="missing value"),
        pytest.param("base=null", ["base", "Give keys"], id="missing keys"),
        pytest.param("base.dtype=bf16", ["base.dtype", "'bf16'", "'bfloat16'"], id="not one of the words"),
        pytest.param("tune.training.steps=0", ["tune.training.steps", "0", "greater than 0"], id="no steps"),
        pytest.param("tune.training.steps=true", ["tune.training.steps", "true", "integer"], id="true is no number"),
        pytest.param("tune.training.rate=fast", ["tune.training.rate", "'fast'", "number"], id="no number"),
        pytest.param("tune.training.rate=.nan", ["tune.training.rate", "number"], id="not a number"),
        pytest.param("tune.lora_dropout=1", ["tune.lora_dropout", "1", "less than 1"], id="all dropped"),
        pytest.param("tune.target_modules=[1]", ["tune.target_modules", "list of str"], id="neither of two types"),
        pytest.param("tune=7", ["tune", "7", "keys with values"], id="a number for a stage"),
        pytest.param("data.questions=[]", ["data.questions", "is empty", "'tune'"], id="a stage without data"),
        pytest.param("tune.twins=0.5", ["data.pairs", "tune.twins is not 0"], id="twins without translations"),
        pytest.param("data.questions.0.hub=a/b", ["exactly one", "path", "hub"], id="a source in two places"),
        pytest.param("adapter=null", ["adapter", "no adapter to start from"], id="nothing to tune"),
        pytest.param("tune=null", ["no stage is given"], id="no stage"),
        pytest.param("encoder=x", ["encoder", "only stage 2"], id="an encoder nobody reads"),
        pytest.param("map={toward: {steps: 1}}", ["encoder", "no encoder to start from"], id="nothing to map"),
        pytest.param("map={}", ["map", "trains nothing"], id="a stage that trains nothing"),
        pytest.param("represent={training: {steps: 1}, heads: 7}", ["width 512", "7 heads"], id="heads of a width"),
        pytest.param("represent={training: {steps: 1}, whole_words: true, kept: 0.5}", ["whole_words"], id="none kept"),
        pytest.param("represent={training: {steps: 1}, mask: 1}", ["represent.mask", "less than 1"], id="all masked"),
        pytest.param("tune.training.extra.optimm=x", ["extra.optimm", "SFTConfig", "'optim'"], id="unknown option"),
        pytest.param("tune.training.extra.max_steps=9", ["extra.max_steps", "'steps'"], id="option with a key"),
        pytest.param("tune.training.extra.bf16=yes", ["extra.bf16", "'yes'", "true or false"], id="word for a bool"),
        pytest.param("tune.training.extra.weight_decay=a", ["weight_decay", "'a'", "number"], id="word for a number"),
        pytest.param("tune.training.extra.num_train_epochs=3", ["num_train_epochs", "'steps'"], id="epochs"),
        pytest.param("tune.training.extra.eval_strategy=steps", ["eval_strategy", "watch.samples"], id="evaluation"),
        pytest.param("tune.training.extra.load_best_model_at_end=true", ["load_best", "the last"], id="the best model"),
        pytest.param("tune.training.extra.gradient_accumulation_steps=0", ["0 is less than 1"], id="no accumulation"),
        pytest.param("tune.training.extra.save_only_model=true", ["save_only_model", "--resume"], id="no resuming"),
        pytest.param("tune.training.extra.ignore_data_skip=true", ["ignore_data_skip", "--resume"], id="rows anew"),
        pytest.param(
            "tune.training.extra.push_to_hub=true", ["push_to_hub", "`newtongue push`"], id="checkpoints shared"
        ),
        pytest.param("tune.training.extra.assistant_only_loss=true", ["assistant_only_loss", "answers"], id="answers"),
        pytest.param("tune.training.extra.completion_only_loss=false", ["completion_only", "answers"], id="questions"),
        pytest.param("tune.training.extra.padding_free=true", ["padding_free", "'tune.packing'"], id="padding of rows"),
        pytest.param("tune.training.extra.chat_template_path=a", ["chat_template.jinja", "base.name"], id="a template"),
        pytest.param("tune.training.extra.model_init_kwargs={a: 1}", ["under 'base'"], id="options of a base"),
        pytest.param("tune.training.extra.dataset_text_field=a", ["data.questions"], id="a column"),
        pytest.param("tune.training.extra.eval_steps=5", ["eval_steps", "watch.every"], id="steps of evaluation"),
        pytest.param("tune.training.extra.eval_packing=true", ["eval_packing", "no rows"], id="evaluation packed"),
        pytest.param(
            "map={toward: {steps: 1, extra: {label_smoothing_factor: 0.1, neftune_noise_alpha: 5}}}",
            ["toward.extra.label_smoothing_factor", "toward.extra.neftune_noise_alpha", "stage 2"],
            id="losses of stage 2",
        ),
        pytest.param(
            "tune={training: {steps: 1, extra: {label_smoothing_factor: 0.1}}, twins: 0.5}",
            ["training.extra.label_smoothing_factor", "'tune.twins'"],
            id="labels of twins",
        ),
        pytest.param(
            "tune={training: {steps: 1, extra: {label_smoothing_factor: 0.1}}, answer: own}",
            ["training.extra.label_smoothing_factor", "infinite", "writes"],
            id="labels of a language that writes",
        ),
        pytest.param("tune={training: {steps: 0}}", ["(tune={training: {steps: 0}})"], id="inside a value given whole"),
        pytest.param("nonsense", ["'nonsense'", "key.path=value"], id="no assignment"),
        pytest.param("seed=[", ["'seed=['", "line 1"], id="value that is no YAML"),
        pytest.param("data.questions.4.rows=1", ["data.questions", "list of 1", "'4'"], id="beyond a list"),
        pytest.param("language.x=1", ["language", "'tr'", "holds no keys"], id="through a word"),
    ],
)
def test_a_value_that_cannot_be_names_its_key_the_value_and_the_fix(
    override: str, parts: list[str], tmp_path: Path
) -> None:
    said = refused(write(tmp_path, SMALL), override)
    assert [part for part in parts if part not in said] == []


@pytest.mark.parametrize(
    "option",
    [
        "padding_free=true",
        "save_only_model=false",
        "label_smoothing_factor=0.1",
        "neftune_noise_alpha=5",
        "eval_steps=null",
    ],
)
def test_an_option_that_works_or_asks_for_nothing_is_let_be(option: str, tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, SMALL), ["tune.packing=true", f"tune.training.extra.{option}"])
    assert recipe.tune is not None
    assert option.partition("=")[0] in recipe.tune.training.extra


def test_all_errors_come_at_once_with_their_lines(tmp_path: Path) -> None:
    text = SMALL.replace("language: tr", "language: 7\nsede: 1").replace("steps: 10", "steps: -1, extra: {optimm: 1}")
    said = refused(write(tmp_path, text + "encoder: x\nseed: 1\nseed: 2\n"), "tune.alpha=none")
    assert "has 7 errors" in said
    order = [
        "language (line 2)",
        "sede (line 3)",
        "tune.training.steps (line 8)",
        "optimm (line 8)",
        "encoder (line 9)",
    ]
    places = [said.index(part) for part in [*order, "seed (line 11): is given twice", "tune.alpha (tune.alpha=none)"]]
    assert places == sorted(places)


@given(place=st.sampled_from(sorted(RECIPE.every_place(), key=str)), letter=st.integers(0, 50))
def test_a_misspelt_key_is_found_wherever_it_stands(place: tuple[str | int, ...], letter: int) -> None:
    name = str(place[-1])
    at = letter % len(name)
    path = ".".join(map(str, (*place[:-1], name[:at] + "qq" + name[at:])))
    said = refused("phi-2-turkish", f"{path}=1")
    assert f"{path} ({path}=1): unknown key." in said


@pytest.mark.parametrize(
    "text,parts",
    [
        pytest.param("", ["is empty", "recipes copy"], id="empty"),
        pytest.param("# nothing\n", ["is empty"], id="only a comment"),
        pytest.param("- a\n- b\n", ["holds a list"], id="a list"),
        pytest.param("language: tr\n  base: x\n", ["line 2", "column"], id="indent"),
        pytest.param("base: {name: [}\n", ["line 1, column 15"], id="brackets"),
        pytest.param(b"language: t\xfcrk\xe7e\n", ["not UTF-8 (line 1)"], id="latin-1"),
        pytest.param("language: tr\x00\n", ["does not allow"], id="a control character"),
        pytest.param("seed: !!python/name:os.system x\n", ["line 1"], id="code"),
        pytest.param("base: &b {name: x}\ndata: *b\n", ["anchors", "line 2"], id="aliases"),
        pytest.param("base: &b [*b]\n", ["anchors"], id="endless"),
        pytest.param("[" * 3000, ["nested too deeply"], id="deep"),
        pytest.param("? [a]\n: b\n", ["a key is a word"], id="a list for a key"),
    ],
)
def test_a_file_that_is_no_recipe_says_where_and_why(text: str | bytes, parts: list[str], tmp_path: Path) -> None:
    said = refused(write(tmp_path, text))
    assert str(tmp_path / "mine.yaml") in said
    assert [part for part in parts if part not in said] == []


@pytest.mark.parametrize(
    "name,part",
    [("phi2-turkish", "Did you mean phi-2-turkish?"), ("no/such.yaml", "recipes list"), (".", "is a directory")],
)
def test_a_name_that_is_no_recipe_suggests_one(name: str, part: str) -> None:
    assert part in refused(name)


def test_words_are_words_and_numbers_numbers(tmp_path: Path) -> None:
    text = SMALL.replace("language: tr", "language: no").replace("steps: 10", "steps: 1_000, rate: 1e-3")
    recipe = load_recipe(write(tmp_path, text), ["base.revision=2024-01-01", "tune.training.extra={optim: on}"])
    assert recipe.language == "no"
    assert recipe.base.revision == "2024-01-01"
    assert recipe.tune is not None
    assert (recipe.tune.training.steps, recipe.tune.training.rate) == (1000, 1e-3)
    assert recipe.tune.training.extra == {"optim": "on"}


def test_overrides_set_add_and_replace(tmp_path: Path) -> None:
    overrides = [
        "data.questions.0.rows=5",
        "data.questions.1.path=more.jsonl",
        "adapter=null",
        "encoder=dbmdz/bert",
        "map.through.steps=7",
        "data.pairs.0.path=pairs.tsv",
        "tune.rank=4",
        "tune.rank=8",
    ]
    recipe = load_recipe(write(tmp_path, SMALL), overrides)
    assert [(one.path, one.rows) for one in recipe.data.questions] == [("questions.jsonl", 5), ("more.jsonl", None)]
    assert recipe.map is not None
    assert recipe.map.through is not None
    assert recipe.map.through.steps == 7
    assert recipe.tune is not None
    assert recipe.tune.rank == 8


def test_the_recipes_seed_is_every_stages_but_where_one_names_its_own() -> None:
    recipe = load_recipe("phi-2-turkish", ["seed=7", "map.through.seed=3"])
    assert recipe.represent is not None
    assert recipe.map is not None
    assert recipe.map.toward is not None
    assert recipe.map.through is not None
    seeds = (recipe.represent.training.seed, recipe.map.toward.seed, recipe.map.through.seed)
    assert seeds == (7, 7, 3)


@pytest.mark.parametrize("seed", ["-1", "null", "one", str(2**32)])
def test_a_seed_that_is_none_is_one_error_where_it_stands(seed: str) -> None:
    said = refused("phi-2-turkish", f"seed={seed}")
    assert "has an error" in said
    assert f"seed (seed={seed})" in said


def test_a_folder_of_one_s_own_is_found_wherever_a_recipe_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    recipe = load_recipe(write(tmp_path, SMALL), ["base.name=~/phi", "adapter=~/tr"])
    assert (recipe.base.name, recipe.adapter) == ("/home/me/phi", "/home/me/tr")
    bert = load_recipe("phi-2-turkish", ["represent.start_from=~/bert"]).represent
    assert bert is not None
    assert bert.start_from == "/home/me/bert"
    assert load_recipe("phi-2-turkish-bert", ["encoder=~/bert"]).encoder == "/home/me/bert"


def test_a_recipe_made_in_python_is_checked_alike() -> None:
    recipe = load_recipe("phi-2-turkish")
    assert Recipe(**dict(recipe)) == recipe
    with pytest.raises(ValueError, match="stage 1 makes an encoder too"):
        Recipe(**{**dict(recipe), "encoder": "dbmdz/bert"})


def test_options_are_those_of_the_trainers_themselves() -> None:
    from dataclasses import fields

    from transformers import TrainingArguments
    from trl import SFTConfig

    for kind in (TrainingArguments, SFTConfig):
        assert set(trainer_options(kind.__name__)) == {one.name for one in fields(kind) if one.init}
