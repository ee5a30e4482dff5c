"""The model card: metadata that the Hub takes, and a text that hides nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard, model_info
from huggingface_hub.repocard_data import model_index_to_eval_results

from hub import LoopbackHub
from newtongue import ModalityAdapter, NewtongueError
from newtongue_recipes.card import sources
from newtongue_recipes.data.counts import Counts
from newtongue_recipes.data.reporting import Report, SourceReport
from newtongue_recipes.recorded import recorded_command
from worlds import adapter_for, bare_base, world

NAME = "you/phi-tiny-turkish"
RESULTS = [
    {
        "task": "atlas, asked in Turkish",
        "dataset": "you/atlas",
        "metric": "exact match",
        "value": 0.917,
        "interval": [0.9, 0.93],
        "questions": 1470,
        "controls": {"another subject's question": 0.08, "chance": 0.18},
        "command": "newtongue demo",
    },
    {"task": "retrieval", "metric": "recall at 1", "value": 0.5},
]
NOTES: dict[str, Any] = {
    "licence": "apache-2.0",
    "datasets": ["CohereLabs/aya_dataset", "my own folder"],
    "data": [{"source": "Aya", "licence": "apache-2.0"}, {"source": "my | own", "licence": "unknown"}],
    "example": 'Fransa\'nın "başkenti" neresidir?',
    "results": RESULTS,
    "positions": "38% fewer than as raw text.",
    "cost": {"hours": 3, "hardware": "one RTX 4090"},
    "thanks": "To those who wrote the sentences.",
}


def card_of(adapter: ModalityAdapter, folder: Path) -> ModelCard:
    adapter.save_pretrained(folder / "saved", overwrite=True)
    return ModelCard.load(folder / "saved" / "README.md")


def for_phi_2(**notes: Any) -> ModalityAdapter:
    base = bare_base()
    base.name_or_path, base.config._commit_hash = "microsoft/phi-2", "a" * 40
    return adapter_for(base).describe(**notes)


def test_the_metadata_are_what_the_hub_reads(tmp_path: Path) -> None:
    data = card_of(for_phi_2(**NOTES), tmp_path).data
    assert (data.language, data.license, data.library_name) == (["tr"], "apache-2.0", "newtongue")
    assert (data.base_model, data.base_model_relation) == ("microsoft/phi-2", "adapter")
    assert data.pipeline_tag == "text-generation"
    assert data.datasets == ["CohereLabs/aya_dataset"]
    assert data.model_name == "Turkish for microsoft/phi-2"
    first, second = data.eval_results
    assert (first.dataset_type, first.metric_type, first.metric_value) == ("you/atlas", "exact_match", 0.917)
    assert (second.dataset_type, second.metric_value) == ("retrieval", 0.5)
    assert len(model_index_to_eval_results(data.to_dict()["model-index"])[1]) == 2


@pytest.mark.parametrize("notes", [{}, NOTES], ids=["nothing said", "all said"])
def test_the_hub_takes_the_card(loopback_hub: LoopbackHub, tmp_path: Path, notes: dict[str, Any]) -> None:
    card_of(for_phi_2(**notes), tmp_path).validate()
    assert [request.status for request in loopback_hub.seen("/api/validate-yaml")] == [200]
    for_phi_2(**notes).push_to_hub(NAME, token=loopback_hub.token)
    assert model_info(NAME).id == NAME


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("MIT", {"license": "mit"}),
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("CC BY-SA 4.0", {"license": "cc-by-sa-4.0"}),
        ("ours alone", {"license": "other", "license_name": "ours-alone"}),
        ("", {}),
    ],
)
def test_a_licence_is_one_of_the_hub_s_or_another_by_name(tmp_path: Path, licence: str, said: dict[str, str]) -> None:
    data = card_of(for_phi_2(licence=licence), tmp_path).data.to_dict()
    assert {name: value for name, value in data.items() if name.startswith("license")} == said


def test_the_text_says_what_there_is_to_know(tmp_path: Path) -> None:
    text = card_of(for_phi_2(**NOTES), tmp_path).text
    for said in (
        "# Turkish for microsoft/phi-2",
        'from_pretrained("microsoft/phi-2", revision="' + "a" * 40,
        'model.tokenizer("Fransa\'nın \\"başkenti\\" neresidir?", language="tr"',
        "| Aya | apache-2.0 |",
        "| my \\| own | unknown |",
        "Licence of the adapter: apache-2.0",
        "| atlas, asked in Turkish | exact match | 0.92 | 0.90 – 0.93 | 0.08 | 0.18 | 1,470 |",
        "| retrieval | recall at 1 | 0.50 | not measured | – | – | – |",
        "Printed by `newtongue demo`",
        "## Positions saved",
        "38% fewer",
        "- hardware: one RTX 4090",
        "## Limits",
        "## Not to be used for",
        "## Citation",
        "## Thanks",
    ):
        assert said in text, said
    headings = re.findall(r"^## (.*)", text, re.MULTILINE)
    assert headings.index("Data") < headings.index("Results") < headings.index("Limits") < headings.index("Thanks")


def test_what_was_not_measured_is_said_to_be_so(tmp_path: Path) -> None:
    card = card_of(world().adapter("tr"), tmp_path)
    assert "what this adapter can do has not been measured" in card.text
    assert "Licence of the adapter: not stated" in card.text
    assert card.data.base_model is card.data.eval_results is None
    assert "path/to/its/base" in card.text and "is not on the Hub under a name" in card.text


@pytest.mark.parametrize("wrong", [{"value": "much"}, {"interval": [1]}, {"controls": 3}, {"questions": None}])
def test_a_result_that_is_no_number_is_named_and_nothing_is_saved(tmp_path: Path, wrong: dict[str, Any]) -> None:
    adapter = for_phi_2(results=[{"task": "a", "metric": "exact match", "value": 0.5, **wrong}])
    with pytest.raises(NewtongueError, match=r"'task': 'a'.*cannot go into the card"):
        adapter.save_pretrained(tmp_path / "saved")
    assert not list(tmp_path.iterdir())


def test_a_licence_by_another_name_and_results_that_are_no_rows_are_refused() -> None:
    adapter = adapter_for(bare_base())
    with pytest.raises(NewtongueError, match="spelled licence"):
        adapter.describe(license="mit")
    with pytest.raises(NewtongueError, match="list of rows"):
        adapter.describe(results="good")


def test_a_script_of_a_language_is_no_language_to_the_hub(tmp_path: Path) -> None:
    assert card_of(adapter_for(bare_base(), "zh-Hant"), tmp_path).data.language == ["zh"]


@pytest.mark.parametrize(
    ("source", "revision", "named"),
    [
        ("hub:CohereForAI/aya_dataset", "1234abc", "CohereForAI/aya_dataset"),
        ("/home/me/secret project/tr.txt.gz", None, "tr.txt.gz"),
        ("../data/*.jsonl", None, "*.jsonl"),
    ],
)
def test_a_source_of_the_data_is_named_without_where_it_lay(source: str, revision: str | None, named: str) -> None:
    made = Report("tr", None, [SourceReport("text", source, "cc0-1.0", revision, Counts(source))])
    assert sources(made)[0]["source"] == named


@pytest.mark.parametrize(
    "typed,recorded",
    [
        pytest.param(["demo", "--seed", "3"], "demo --seed 3", id="without paths"),
        pytest.param(["evaluate", "runs/tr/adapter", "../b"], "evaluate runs/tr/adapter ../b", id="relative"),
        pytest.param(
            ["evaluate", "/home/me/tr/", "--base", "~/phi-2"], "evaluate tr --base phi-2", id="of this machine"
        ),
        pytest.param(["--base=/home/me/phi-2", "base.name=~me/b"], "--base=phi-2 base.name=b", id="after an ="),
        pytest.param(["/home/a=/b/c", "lora.rate=1e-4"], "c lora.rate=1e-4", id="an = in a path"),
        pytest.param(["--output", "/", "you/phi-2"], "--output / you/phi-2", id="the root, a Hub id"),
        pytest.param(["--say", "Say it:", "/x/my run"], "--say 'Say it:' 'my run'", id="with spaces"),
        pytest.param(
            ["base={start_from: /home/me/base, rate: 1/2}", "data.text=[{path: ~me/x.tsv}, a/b]"],
            "'base={start_from: base, rate: 1/2}' 'data.text=[{path: x.tsv}, a/b]'",
            id="in YAML",
        ),
        pytest.param(["--say", "Yes/no: https://a.b/c"], "--say 'Yes/no: https://a.b/c'", id="no path"),
    ],
)
def test_a_command_is_recorded_to_be_typed_again_and_tells_no_path_of_this_machine(
    typed: list[str], recorded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/opt/bin/newtongue", *typed])
    assert recorded_command() == f"newtongue {recorded}"
