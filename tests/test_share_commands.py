"""`newtongue push`, `pull` and `space`, against a Hub on the loopback interface with the real client."""

import ast
import json
import re
import shlex
import shutil
from pathlib import Path

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants, hf_api

import tiny
from hub import LoopbackHub
from newtongue import ModalityAdapter
from newtongue.base import BaseInfo
from newtongue.saving.folder import write_folder
from newtongue.saving.precision import dtype_of
from newtongue_recipes.judging.card import write_scores
from newtongue_recipes.loading import load_base
from newtongue_recipes.sharing import loading_lines, pull_adapter
from running import newtongue
from worlds import adapter_for, bare_base, files_of

NAME = "you/phi-tiny-turkish"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    base = tiny.AutoModelForCausalLM.from_pretrained(tiny.save_base(folder / "base"))
    adapter_for(base).attach(base, tokenizer=tiny.base_tokenizer()).adapter("tr").save_pretrained(folder / "tr")
    return folder / "tr"


@pytest.fixture
def files(saved: Path) -> dict[str, bytes]:
    return {name: (saved / name).read_bytes() for name in files_of(saved)}


class Run:
    """Runs commands in an empty working directory and keeps what they say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], here: Path) -> None:
        monkeypatch.chdir(here)
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        self.out = self.error = ""

    def __call__(self, *arguments: str | Path) -> int:
        code = newtongue(self.monkeypatch, *map(str, arguments))
        self.out, error = self.capsys.readouterr()
        self.error = " ".join(error.split())
        assert "Traceback" not in error
        return code


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    (tmp_path / "here").mkdir()
    return Run(monkeypatch, capsys, tmp_path / "here")


@pytest.fixture
def logged_in(loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> LoopbackHub:
    monkeypatch.setenv("HF_TOKEN", loopback_hub.token)
    return loopback_hub


def test_what_is_pushed_is_pulled_byte_for_byte(
    logged_in: LoopbackHub, run: Run, saved: Path, files: dict[str, bytes]
) -> None:
    shutil.copytree(saved, "mine")
    Path("mine/README.md").write_text("---\nlicense: mit\n---\n# Mine, written by hand\n")
    Path("mine/optimizer.log").write_text("stays here")
    assert run("push", "mine", NAME, "--message", "First") == 0
    assert f"{logged_in.endpoint}/{NAME}/commit/" in run.out
    assert "the folder name 'base', which others cannot load" in " ".join(run.out.split())
    assert run("pull", NAME) == 0
    assert "Turkish (tr)" in run.out and "verified" in run.out
    pulled = {name: (Path("phi-tiny-turkish") / name).read_bytes() for name in files_of(Path("phi-tiny-turkish"))}
    assert pulled == files | {"README.md": Path("mine/README.md").read_bytes()}
    assert not any(path.is_symlink() for path in Path("phi-tiny-turkish").rglob("*"))
    assert logged_in.files(NAME).keys() - pulled.keys() == {".gitattributes"}


def test_the_card_of_what_was_pulled_takes_scores_and_keeps_its_address(
    logged_in: LoopbackHub, run: Run, saved: Path
) -> None:
    shutil.copytree(saved, "mine")
    assert run("push", "mine", NAME) == 0
    assert run("pull", NAME) == 0
    score = {"task": "facts, asked in Turkish", "metric": "exact match", "value": 0.5}
    assert write_scores(Path("phi-tiny-turkish"), [score])
    card = Path("phi-tiny-turkish/README.md").read_text()
    assert "facts, asked in Turkish" in card
    assert f'from_pretrained("{NAME}")' in card


@pytest.mark.parametrize("name", ["", "you/", "not a name", "a/b/c"])
def test_a_name_that_is_none_is_refused_before_anything_is_touched(run: Run, saved: Path, name: str) -> None:
    shutil.copytree(saved, "mine")
    for command in (("pull", name, "--overwrite"), ("push", "mine", name)):
        assert run(*command) == 2
        assert f"{name!r} is not a Hub id" in run.error
    assert Path("mine/README.md").exists()


@pytest.fixture
def base_on_the_hub(logged_in: LoopbackHub, saved: Path) -> str:
    folder = saved.parent / "base"
    logged_in.add_repo("you/phi-tiny", {name: (folder / name).read_bytes() for name in files_of(folder)})
    return "you/phi-tiny"


@pytest.mark.parametrize("card", ["as it was written", "by hand"])
def test_with_its_base_named_the_three_lines_that_are_printed_load_the_adapter(
    logged_in: LoopbackHub, run: Run, saved: Path, base_on_the_hub: str, card: str
) -> None:
    shutil.copytree(saved, "mine")
    if card == "by hand":
        Path("mine/README.md").write_text("---\nlicense: mit\n---\n# Mine, written by hand\n")
    assert run("push", "mine", NAME, "--base", base_on_the_hub) == 0
    assert "others cannot load" not in run.out
    names: dict[str, object] = {}
    exec(run.out.partition("\n")[2], names)
    assert names["model"].languages == ("tr",)  # type: ignore[attr-defined]
    shared = logged_in.files(NAME)["README.md"].decode()
    assert ("written by hand" in shared) == (card == "by hand")
    assert ("base_model: you/phi-tiny" in shared) == (card != "by hand")
    assert "you/phi-tiny" not in Path("mine/modality_config.json").read_text()


def test_an_adapter_of_half_precision_keeps_it_when_its_base_is_named(
    logged_in: LoopbackHub, run: Run, saved: Path, base_on_the_hub: str
) -> None:
    ModalityAdapter.from_pretrained(saved).save_pretrained("half", dtype=torch.float16)
    assert run("push", "half", NAME, "--base", base_on_the_hub) == 0
    assert run("pull", NAME, "--output", "got") == 0
    assert dtype_of(Path("got")) == torch.float16


def test_the_code_in_the_card_runs(
    logged_in: LoopbackHub, run: Run, saved: Path, base_on_the_hub: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("push", saved, NAME, "--base", base_on_the_hub) == 0
    card = logged_in.files(NAME)["README.md"].decode()
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert code and base_on_the_hub in code[1] and NAME in code[1]
    names: dict[str, object] = {}
    exec(code[1], names)
    assert names["model"].languages == ("tr",)  # type: ignore[attr-defined]
    assert capsys.readouterr().out.strip()


def test_a_push_over_an_adapter_with_more_parts_leaves_one_that_loads(
    logged_in: LoopbackHub, run: Run, saved: Path
) -> None:
    assert run("push", saved, NAME) == 0
    base = bare_base()
    adapter_for(base, lora=False).save_pretrained("plain")
    assert run("push", "plain", NAME) == 0
    assert not [path for path in logged_in.files(NAME) if path.startswith("lora/")]
    assert ModalityAdapter.from_pretrained(NAME).lora is None


def test_a_branch_is_made_pushed_to_and_pulled_from(logged_in: LoopbackHub, run: Run, saved: Path) -> None:
    for _ in range(2):
        assert run("push", saved, NAME, "--revision", "trial", "--private") == 0
    assert 'revision="trial"' in run.out
    assert "mapper.safetensors" not in logged_in.files(NAME)
    assert run("pull", NAME, "--revision", "trial", "--output", "got") == 0
    assert ModalityAdapter.from_pretrained("got").language == "tr"


def test_a_pull_does_not_write_over_what_is_there(loopback_hub: LoopbackHub, run: Run, files: dict[str, bytes]) -> None:
    loopback_hub.add_repo(NAME, files)
    assert run("pull", NAME, "--output", "got") == 0
    asked = len(loopback_hub.requests)
    assert run("pull", NAME, "--output", "got") == 2
    assert "got exists already. Add --overwrite" in run.error
    assert len(loopback_hub.requests) == asked
    assert run("pull", NAME, "--output", "got", "--overwrite") == 0
    Path("thesis").mkdir()
    Path("thesis/chapter.tex").write_text("years of work")
    assert run("pull", NAME, "--output", "thesis", "--overwrite") == 2
    assert Path("thesis/chapter.tex").exists()


def test_a_pull_of_a_damaged_adapter_writes_nothing(
    loopback_hub: LoopbackHub, run: Run, files: dict[str, bytes]
) -> None:
    files["encoder/model.safetensors"] = files["encoder/model.safetensors"][:-1] + b"!"
    loopback_hub.add_repo(NAME, files)
    assert run("pull", NAME, "--output", "got") == 2
    assert "encoder/model.safetensors" in run.error and "sha256 differs" in run.error
    assert f"hf cache rm model/{NAME}" in run.error
    assert not list(Path.cwd().iterdir())


def test_a_damaged_adapter_or_no_folder_is_not_pushed(logged_in: LoopbackHub, run: Run, saved: Path) -> None:
    shutil.copytree(saved, "mine")
    Path("mine/mapper.safetensors").write_bytes(b"short")
    assert run("push", "mine", NAME) == 2
    assert "mapper.safetensors" in run.error
    assert run("push", "nowhere", NAME) == 2
    assert "nowhere is no folder" in run.error
    assert run("push", saved, "not a name!") == 2
    assert "not a Hub id" in run.error
    assert not logged_in.requests


REFUSALS = [
    pytest.param(401, ["hf auth login", "HF_TOKEN"], ["hf auth login", "HF_TOKEN"], id="401"),
    pytest.param(403, ["may not read", "accept the terms"], ["write access", "under your own name"], id="403"),
    pytest.param(404, ["Check the name and revision"], ["Check the name and revision"], id="404"),
    pytest.param(409, ["being changed"], ["choose another name"], id="409"),
    pytest.param(412, [], ["someone else has pushed"], id="412"),
    pytest.param(429, ["Wait a few minutes"], ["Wait a few minutes"], id="429"),
    pytest.param(503, ["status.huggingface.co"], ["status.huggingface.co"], id="503"),
]


@pytest.mark.parametrize("status,pulling,pushing", REFUSALS)
def test_a_refusal_is_one_message_that_names_the_fix(
    logged_in: LoopbackHub, run: Run, saved: Path, status: int, pulling: list[str], pushing: list[str]
) -> None:
    logged_in.fail_next("^(GET|HEAD)", status=status, message="because", times=None)
    logged_in.fail_next("POST .*/preupload/", status=status, message="because", times=None)
    for words, arguments in ((pulling, ("pull", NAME)), (pushing, ("push", saved, NAME))):
        if arguments[0] == "push":
            logged_in.heal()
            logged_in.fail_next("POST .*/(preupload|commit)/", status=status, message="because", times=None)
        assert run(*arguments) == 2
        assert all(word.lower() in run.error.lower() for word in (NAME, str(status), *words)), run.error
        assert logged_in.token not in run.error


def test_what_storage_refuses_is_said_and_not_hidden_in_a_failed_upload(
    logged_in: LoopbackHub, run: Run, saved: Path
) -> None:
    logged_in.fail_next("PUT /storage/", status=429, message="slow down", times=None)
    assert run("push", saved, NAME) == 2
    assert "429 Too Many Requests" in run.error and "Wait a few minutes" in run.error


def test_a_card_that_the_hub_cannot_read_is_named(logged_in: LoopbackHub, run: Run, saved: Path) -> None:
    shutil.copytree(saved, "mine")
    Path("mine/README.md").write_text("---\n- not\n- a mapping\n---\n")
    assert run("push", "mine", NAME) == 2
    assert "Invalid metadata in README.md" in run.error and "Correct that" in run.error


def test_a_full_disk_is_not_taken_for_the_network(run: Run, loopback_hub: LoopbackHub) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    run.monkeypatch.setattr("newtongue.sharing.hub.snapshot_download", full)
    assert run("pull", NAME) == 2
    assert "No space left" in run.error and "HF_HOME" in run.error


@pytest.mark.parametrize("command", ["push", "pull"])
def test_a_connection_that_breaks_says_to_run_it_again(
    logged_in: LoopbackHub, run: Run, saved: Path, files: dict[str, bytes], command: str
) -> None:
    logged_in.add_repo(NAME, files)
    logged_in.fail_next("(GET|PUT|POST) .*(model.safetensors|/commit/)", drop=True, times=None)
    logged_in.fail_next("GET /storage/", drop=True, times=None)
    Path("changed").mkdir()
    write_folder(Path("changed/tr"), lambda folder: shutil.copytree(saved, folder, dirs_exist_ok=True))
    Path("changed/tr/README.md").write_text("---\nlicense: mit\n---\n# Another\n")
    assert run(command, *(["changed/tr", NAME] if command == "push" else [NAME])) == 2
    assert "Server disconnected" in run.error and "run the same again" in run.error
    logged_in.heal()
    assert run(command, *(["changed/tr", NAME] if command == "push" else [NAME])) == 0


def test_a_part_that_breaks_off_goes_on_where_it_stopped(
    loopback_hub: LoopbackHub, run: Run, files: dict[str, bytes]
) -> None:
    run.monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 4096)  # The client keeps whole chunks.
    loopback_hub.add_repo(NAME, files)
    loopback_hub.fail_next("GET /storage/.*encoder/model.safetensors", drop_after=9000)
    assert run("pull", NAME) == 0
    first, second = loopback_hub.seen("GET /storage/.*encoder/model.safetensors")
    assert "Range" not in first.headers and second.headers["Range"] == "bytes=8192-"
    assert Path("phi-tiny-turkish/encoder/model.safetensors").read_bytes() == files["encoder/model.safetensors"]


def test_a_pull_that_ended_goes_on_with_the_parts_that_are_missing(
    loopback_hub: LoopbackHub, run: Run, files: dict[str, bytes]
) -> None:
    loopback_hub.add_repo(NAME, files)
    loopback_hub.fail_next("GET /storage/.*encoder/model.safetensors", drop=True, times=None)
    assert run("pull", NAME) == 2
    assert not Path("phi-tiny-turkish").exists()
    came = {request.path for request in loopback_hub.seen("GET /storage/") if request.status == 200}
    loopback_hub.heal()
    asked = len(loopback_hub.requests)
    assert run("pull", NAME) == 0
    assert came.isdisjoint(request.path for request in loopback_hub.requests[asked:])


@pytest.mark.parametrize("switched_off", [True, False], ids=["HF_HUB_OFFLINE", "no network"])
def test_without_a_network_what_was_pulled_can_be_pulled_and_the_rest_says_what_to_do(
    loopback_hub: LoopbackHub, run: Run, files: dict[str, bytes], saved: Path, switched_off: bool
) -> None:
    loopback_hub.add_repo(NAME, files)
    pull_adapter(NAME, Path("first"))
    if switched_off:
        run.monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    else:
        run.monkeypatch.setattr(hf_api.api, "endpoint", "http://127.0.0.1:9")
        run.monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert run("pull", NAME, "--output", "second") == 0
    assert run("pull", "you/other") == 2
    missing = "no folder here nor whole in" if switched_off else "no folder here nor in"
    assert f"{missing} the local cache" in run.error
    assert ("Unset HF_HUB_OFFLINE" if switched_off else "Check the network") in run.error
    assert run("push", saved, NAME) == 2
    assert ("HF_HUB_OFFLINE is set" if switched_off else "Check the network") in run.error
    assert "no folder here" not in run.error


def test_a_folder_here_named_like_a_repository_is_not_what_is_pulled(
    loopback_hub: LoopbackHub, run: Run, saved: Path
) -> None:
    shutil.copytree(saved, Path(NAME))
    assert run("pull", NAME) == 2
    assert f"'{NAME}'" in run.error and "404" in run.error and "needs no pulling" in run.error


def test_a_base_of_the_hub_is_named_by_the_commit_that_was_loaded(base_on_the_hub: str) -> None:
    base = load_base(base_on_the_hub, four_bit=False)
    named = BaseInfo.of(base)
    assert named.id == base_on_the_hub
    assert named.revision == huggingface_hub.model_info(base_on_the_hub).sha
    model = adapter_for(base).attach(base)
    assert model.tokenizer("Text").input_ids


@pytest.fixture
def two_bases(saved: Path, run: Run) -> None:
    """Here: `base` with `tr`, for `base`, and `ja`, for another of other shapes, and `az`, for one of another name."""
    for name in ("base", "tr"):
        shutil.copytree(saved.parent / name, name)
    adapter_for(
        tiny.AutoModelForCausalLM.from_pretrained(tiny.save_base(Path("llama"), "llama")), "ja"
    ).save_pretrained("ja")
    other = bare_base()
    other.name_or_path = "phi-other"
    adapter_for(other, "az").save_pretrained("az")


@pytest.mark.parametrize(
    "arguments,said",
    [
        pytest.param("tr --base bse", "'bse' is no folder here, nor a Hub id of the form 'owner/name'", id="a typo"),
        pytest.param("tr --base ./bse", "'./bse' is no folder here", id="a path to nothing"),
        pytest.param("tr --base tr", "'tr' is an adapter", id="an adapter for a base"),
        pytest.param("tr --base tr/lora", "'tr/lora' cannot be read", id="no base in the folder"),
        pytest.param("tr --base llama", "architecture phi, base, and 'llama' has llama", id="another base"),
        pytest.param("tr ja --base base", "ja was made for a base with architecture llama", id="adapters of two bases"),
        pytest.param("tr ja --base you/phi", "and that of tr has phi", id="of two, on the Hub"),
        pytest.param("tr az", "az was made for 'phi-other' and tr for 'base'", id="of two by name"),
    ],
)
def test_a_space_that_could_not_answer_is_not_written(two_bases: None, run: Run, arguments: str, said: str) -> None:
    assert run("space", *arguments.split(), "--output", "out") == 2
    assert said in run.error
    assert not Path("out").exists()


def test_a_space_names_a_base_of_the_hub_and_takes_the_word_of_its_maker(two_bases: None, run: Run) -> None:
    assert run("space", "tr", "az", "--base", "you/phi", "--output", "out") == 0
    assert json.loads(Path("out/space.json").read_text())["base"] == "you/phi"


def test_what_a_space_says_to_type_can_be_typed(two_bases: None, run: Run) -> None:
    assert run("space", "tr", "--output", "my space") == 0
    page = re.search(r"`(python .*)`", run.out)
    assert page and shlex.split(page[1]) == ["python", "my space/app.py"]
    assert shlex.split(run.out.splitlines()[-1])[-5:] == ["you/chat", "my space", ".", "--type", "space"]


def test_the_lines_that_load_an_adapter_are_python_whatever_its_folder_is_called(saved: Path) -> None:
    lines = loading_lines('a "b"\\c', ModalityAdapter.from_pretrained(saved).config)
    assert any(getattr(one, "value", None) == 'a "b"\\c' for one in ast.walk(ast.parse(lines)))
