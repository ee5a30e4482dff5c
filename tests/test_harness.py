"""lm-evaluation-harness over an attached model: prompts go through the port, and no score depends on the batch."""

import json
from pathlib import Path
from typing import Any

import pytest
from peft import LoraConfig
from tokenizers import Tokenizer, models, normalizers
from transformers import PreTrainedTokenizerFast

import tiny
import worlds
from newtongue import ModalityAdapter, NewtongueError
from newtongue.spans.markup import mark
from running import newtongue

pytest.importorskip("lm_eval", reason="lm-evaluation-harness, the extra `harness`, is not installed")

from lm_eval.api.instance import Instance
from lm_eval.tasks._index import TaskIndex

from newtongue_evaluation.harness import TASKS
from newtongue_evaluation.harness.model import AttachedLM
from newtongue_evaluation.harness.tasks import local
from newtongue_recipes.harness import run_harness

CHOICES = (" Paris", " a book about Japan", "?")


def lm(language: str | None = "tr", batch: int = 1) -> AttachedLM:
    return AttachedLM(worlds.world(), language=language, batch_size=batch, max_length=128)


def asked(kind: str, *arguments: tuple[Any, ...]) -> list[Instance]:
    return [Instance(kind, {}, one, 0) for one in arguments]


def likelihoods(language: str | None, batch: int) -> list[float]:
    requests = asked("loglikelihood", *((text, choice) for text in tiny.TURKISH for choice in CHOICES))
    return [value for value, _ in lm(language, batch).loglikelihood(requests, disable_tqdm=True)]


def test_a_prompt_is_read_through_the_port_and_a_choice_in_the_bases_own_vocabulary() -> None:
    model = lm()
    context, choice = model._encode_pair(tiny.TURKISH[0] + " ", "Paris")
    assert context == model.tokenizer(tiny.TURKISH[0], language="tr")["input_ids"]
    assert choice == model.tokenizer(" Paris", add_special_tokens=False)["input_ids"]
    part = f"Say: {mark('Su', 'ja')}"
    assert model._encode_pair(part, "x")[0] == model.tokenizer(part)["input_ids"]


def test_without_a_language_the_bare_base_is_asked() -> None:
    context, choice = lm(None)._encode_pair("What is it?", " Paris")
    assert context + choice == tiny.base_tokenizer()("What is it? Paris")["input_ids"]


def test_without_a_language_a_choice_that_follows_without_a_space_is_encoded_as_by_the_harness() -> None:
    model = lm(None)
    words = {word: at for at, word in enumerate(["<s>", "▁", "何", "科", "学"])}
    pieces = Tokenizer(models.BPE(words, []))  # As phi-3.5-mini's, which begins every text with a space.
    pieces.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    model.tokenizer = PreTrainedTokenizerFast(tokenizer_object=pieces, bos_token="<s>", eos_token="<s>")
    assert model._encode_pair("何", "科学") == ([words["▁"], words["何"]], [words["科"], words["学"]])


def test_messages_of_the_user_are_marked_and_no_others() -> None:
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Su?"}]
    assert mark("Su?", "tr") in lm().apply_chat_template(said)
    assert mark("Be brief.", "tr") not in lm().apply_chat_template(said)


@pytest.mark.parametrize("language", ["tr", None])
def test_likelihoods_do_not_depend_on_the_batch(language: str | None) -> None:
    alone = likelihoods(language, 1)
    assert len(set(alone)) == len(alone)
    for batch in (2, 9):
        assert likelihoods(language, batch) == pytest.approx(alone, rel=1e-4)


def test_the_port_changes_likelihoods() -> None:
    assert likelihoods("tr", 1) != pytest.approx(likelihoods(None, 1), rel=1e-2)


def test_what_is_generated_does_not_depend_on_the_batch() -> None:
    requests = asked("generate_until", *((text, {"until": ["\n"], "max_gen_toks": 8}) for text in tiny.TURKISH))
    alone = lm(batch=1).generate_until(requests, disable_tqdm=True)
    assert any(alone)
    assert lm(batch=3).generate_until(requests, disable_tqdm=True) == alone


TASKS_OF = {"ja": ("jcommonsenseqa", "jaquad", "sib200_ja"), "tr": ("sib200_tr", "xcopa_tr")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Adapters, one of which writes, their base, and files in the form of the tasks'."""
    folder = tmp_path_factory.mktemp("harness")
    base = tiny.AutoModelForCausalLM.from_pretrained(tiny.save_base(folder / "base"))
    lora = LoraConfig(r=2, target_modules="all-linear")
    for language, texts in (("ja", tiny.JAPANESE), ("tr", tiny.TURKISH)):
        adapter = ModalityAdapter.create(base, tiny.tiny_encoder(texts), language=language, lora=lora)
        (adapter.with_voice(base) if language == "tr" else adapter).save_pretrained(folder / language)
    (folder / "eval").mkdir()
    chosen = [
        {"question": text, **{f"choice{n}": "東京パリ本国人"[n : n + 1 + at] for n in range(5)}, "label": at}
        for at, text in enumerate(tiny.JAPANESE)
    ]
    read = [{"context": text, "question": "何?", "answers": ["東京"]} for text in tiny.JAPANESE]
    causes = [
        {
            "premise": text,
            "choice1": "Su aktı.",
            "choice2": "İçti.",
            "question": ("cause", "effect")[at % 2],
            "label": 0,
        }
        for at, text in enumerate(tiny.TURKISH)
    ]
    for name, rows in (("jcommonsenseqa.valid", chosen), ("jaquad.dev", read), ("xcopa.tr.val", causes)):
        (folder / "eval" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for language, texts in (("ja", tiny.JAPANESE), ("tr", tiny.TURKISH)):
        lines = [f"{at}\t{('travel', 'sports')[at % 2]}\t{text}" for at, text in enumerate(texts)]
        (folder / "eval" / f"sib200.{language}.train-dev.tsv").write_text(
            "\n".join(["index_id\tcategory\ttext", *lines])
        )
    return folder


@pytest.mark.parametrize("language", TASKS_OF)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_command_runs_tasks_of_both_types_over_local_files(
    made: Path, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, tasks = [], [f"newtongue_{task}" for task in TASKS_OF[language]]
    for batch in (1, 3):
        output = made / f"scores-{language}-{batch}"
        arguments = ["--model_args", f"adapter={made / language},four_bit=False", "--batch_size", str(batch)]
        arguments += ["--tasks", ",".join(tasks), "--output_path", str(output)]
        data = json.dumps({"data": str(made)})
        code = newtongue(monkeypatch, "harness", "run", "--model", "newtongue", *arguments, "--metadata", data)
        assert code == 0
        results = json.loads(next(output.rglob("results_*.json")).read_text())["results"]
        found.append({task: {k: v for k, v in one.items() if "stderr" not in k} for task, one in results.items()})
    assert found[0] == found[1]
    assert set(found[0]) == set(tasks)
    for task, scores in found[0].items():
        assert ("exact_match,none" if "jaquad" in task else "acc,none") in scores


@pytest.mark.parametrize("form", [["run"], [], ["validate"]], ids=["run", "the old form", "validate"])
@pytest.mark.parametrize("theirs", [["--include_path", "{}"], ["--include_path={}"], []], ids=["apart", "=", "none"])
def test_our_tasks_are_known_in_every_form_and_beside_theirs(
    form: list[str], theirs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Known(Exception):
        """Which tasks there are, once that is known."""

    def tell(self: TaskIndex, paths: list[Path]) -> None:
        raise Known(*paths)

    monkeypatch.setattr(TaskIndex, "build", tell)
    given = [*form, "--tasks", "newtongue_jaquad", *(word.format(tmp_path) for word in theirs)]
    with pytest.raises(Known) as known:
        run_harness(given)
    assert list(known.value.args)[1:] == [TASKS, tmp_path][: 1 + bool(theirs)]


@pytest.mark.parametrize(
    "given,said",
    [
        ("prot=False", "no 'prot'. Did you mean port?"),
        ("port=maybe", "port=maybe: say True or False"),
        ("load_in_4bit=True", "no 'load_in_4bit'"),
    ],
)
def test_model_args_that_are_none_are_refused(
    given: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", "newtongue", "--tasks", "newtongue_jaquad", "--model_args", f"adapter=tr,{given}"]
    assert newtongue(monkeypatch, "harness", "run", *arguments) == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("given", [[], ["--model_args", "four_bit=False"]], ids=["no model_args", "others"])
def test_a_model_without_an_adapter_says_how_to_name_one(
    given: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", "newtongue", "--tasks", "newtongue_jaquad", *given]
    assert newtongue(monkeypatch, "harness", "run", *arguments) == 2
    assert "--model_args adapter=runs/tr/adapter" in " ".join(capsys.readouterr().err.split())


def test_a_task_without_its_file_says_where_it_belongs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEWTONGUE_DATA", raising=False)
    with pytest.raises(NewtongueError, match="NEWTONGUE_DATA"):
        local.load("x.jsonl")
    with pytest.raises(NewtongueError, match=r"x\.jsonl"):
        local.load("x.jsonl", data=str(tmp_path))


def test_tasks_of_the_three_files_read_as_a_person_would_ask() -> None:
    row = {"premise": "Adam musluğu açtı.", "choice1": "Irmak aktı.", "choice2": "İçti.", "question": "effect"}
    assert local.turkish_cause(row) == "Adam musluğu açtı, bu yüzden"
    assert local.turkish_choices(row) == ["ırmak aktı.", "içti."]
    assert local.japanese_answers({"answers": ["奈良"]}, ["奈良。"]) == {"exact_match": 1.0, "f1": 1.0}
