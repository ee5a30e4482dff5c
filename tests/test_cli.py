"""The command line as a user meets it: help, answers, errors without tracebacks."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from peft import LoraConfig

import running
import tiny
from newtongue import ModalityAdapter
from newtongue_recipes.asking import gloss_of


def newtongue(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "newtongue_recipes.cli", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    base = tiny.save_base(folder / "base")
    made = ModalityAdapter.create(
        tiny.AutoModelForCausalLM.from_pretrained(base),
        tiny.tiny_encoder(),
        language="tr",
        lora=LoraConfig(r=2, target_modules="all-linear"),
    )
    made.save_pretrained(folder / "tr")
    return folder / "tr"


def test_help_lists_the_commands() -> None:
    done = newtongue("--help")
    assert done.returncode == 0
    assert "demo" in done.stdout
    assert "ask" in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_a_sign_for_a_letter_shows_its_number(encoding: str) -> None:
    code = "from newtongue_recipes import cli; cli.app = lambda **_: print('✓ ç'); cli.main()"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode(encoding).startswith("\\u2713 ")


@pytest.mark.parametrize("module", ["newtongue_recipes.cli", "newtongue.saving.config"])
def test_what_should_be_quick_does_not_load_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "more",
    [(), ("--then", "Answer in Turkish."), ("--gloss",)],
    ids=["alone", "with English words after it", "glossed"],
)
def test_ask_answers(adapter: Path, more: tuple[str, ...]) -> None:
    done = newtongue("ask", str(adapter), "Fransa'nın başkenti neresidir?", "--max-new-tokens", "3", *more)
    assert done.returncode == 0, done.stderr


def test_ask_prints_an_answer_as_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for said in ("[1] a[bold]b [/]", "a word " * 60 + "on a line of its own"):
        monkeypatch.setattr("newtongue_recipes.asking.ask_one", lambda *args, said=said, **options: said)
        assert running.newtongue(monkeypatch, "ask", "tr", "Su?") == 0
        assert capsys.readouterr().out == f"{said}\n"


def test_a_gloss_names_the_token_each_soft_token_lies_on() -> None:
    base = tiny.tiny_base()
    made = ModalityAdapter.create(base, tiny.tiny_encoder(), language="tr", sharpness=1e4)  # On one token each.
    model = made.attach(base, tokenizer=tiny.base_tokenizer())
    own = "Fransa güzel"
    glossed = gloss_of(model, own, "tr")
    read = model.tokenizer(own, language="tr", add_special_tokens=False)["input_ids"]
    soft = model.embed(torch.tensor([read]))[0]
    near = torch.cdist(soft, base.get_input_embeddings().weight).argmin(1)[1:-1].tolist()
    assert [token for token, _ in glossed] == model.tokenizer.convert_ids_to_tokens(read)[1:-1]
    plain = tiny.base_tokenizer()
    assert [word for _, word in glossed] == [plain.decode([one], skip_special_tokens=True) for one in near]


def test_ask_finds_the_base_beside_an_adapter_that_moved(adapter: Path) -> None:
    moved = adapter.parent.rename(adapter.parent.with_name("elsewhere"))
    done = newtongue("ask", str(moved / "tr"), "Fransa?", "--max-new-tokens", "1")
    moved.rename(adapter.parent)
    assert done.returncode == 0, done.stderr


def test_a_base_without_a_tokenizer_says_what_to_put_where(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.tiny_base().save_pretrained(tmp_path / "bare")
    for command in (("ask", str(adapter), "Su?"), ("chat", str(adapter))):
        assert running.newtongue(monkeypatch, *command, "--no-four-bit", "--base", str(tmp_path / "bare")) == 2
        told = " ".join(capsys.readouterr().err.split())
        assert f"No tokenizer could be loaded for the base '{tmp_path / 'bare'}'" in told
        assert "Put its files, tokenizer.json" in told and "attach" not in told


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "/models/tr"), "/models/tr: Permission denied. See that it is there"),
        (OSError(28, "No space left on device"), "The disk is full. Make room"),
        (OSError(28, "No space left on device", "out/x"), "The disk is full, at out/x. Make room"),
        (shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")]), "No space left on device: 'b'"),
    ],
)
def test_what_the_machine_says_of_its_files_is_a_message(
    error: OSError, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr("newtongue_recipes.asking.ask_one", fails)
    assert running.newtongue(monkeypatch, "ask", "tr", "Su?") == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_the_question_that_a_demo_ends_with_can_be_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = {"english_identical": True, "seconds": 1.0, "heldout": {}}
    monkeypatch.setattr("newtongue_recipes.demo.run.run_demo", lambda *_, **__: report)
    output = f"my [bold]demo/{'long' * 30}"
    assert running.newtongue(monkeypatch, "demo", "--output", output) == 0
    asked = re.search("Ask it yourself: (.*)", capsys.readouterr().out)
    assert asked and shlex.split(asked[1]) == ["newtongue", "ask", f"{output}/tr", "Fransa'nın başkenti neresidir?"]


@pytest.mark.parametrize(
    "arguments,message",
    [
        pytest.param(("ask", "no/such/adapter/here", "?"), "neither a folder here nor a Hub id", id="no adapter"),
        pytest.param(("ask", "{adapter}", "  "), "Empty text", id="empty question"),
        pytest.param(("ask", "{adapter}", "Su? " * 300), "positions with its template", id="a question too long"),
        pytest.param(("ask", "{adapter}", "caf\udce9?"), "not Unicode at 4", id="a question that is no UTF-8"),
        pytest.param(("ask", "{adapter}", "Su?", "--then", "caf\udce9"), "not Unicode at 4", id="words that are none"),
        pytest.param(("ask", "{adapter}", "Su?", "--base", "{here}"), "base", id="a base that is none"),
        pytest.param(("demo", "--output", "{here}"), "not empty", id="output in use"),
        *(
            pytest.param((*one, "--output", "{here}/test_cli.py/x"), "cannot be written to", id=f"{one[0]} into a file")
            for one in (("demo",), ("data", "demo-turkish"), ("experiment", "atlas"), ("train", "demo-turkish"))
        ),
        pytest.param(("aks",), "No such command", id="typing error"),
        pytest.param(("demo", "--seed", "-1"), "should be", id="a seed that is none"),
        pytest.param(("chat", "{adapter}", "--temperature", "inf"), "should be", id="a heat without end"),
        pytest.param(("experiment", "atlas", "--scale", "inf"), "should be", id="steps without end"),
        pytest.param(("experiment", "atlas", "--base", "phi"), "phi-nano. Leave --base out", id="a base of atlas"),
        pytest.param(("ask", "{adapter}", "Su?", "--max-new-tokens", "0"), "max-new-tokens", id="out of range"),
    ],
)
def test_errors_are_one_message_and_exit_code_2(arguments: tuple[str, ...], message: str, adapter: Path) -> None:
    done = newtongue(*(word.format(adapter=adapter, here=Path(__file__).parent) for word in arguments))
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert message in " ".join(done.stderr.split())
