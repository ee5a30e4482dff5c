"""Each script in `examples/` as a user would run it, offline, on tiny models."""

import base64
import io
import json
import runpy
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from peft import LoraConfig

import tiny
from hub import LoopbackHub
from newtongue import ModalityAdapter
from worlds import adapter_for, bare_base, logits, shake_lora

EXAMPLES = Path(__file__).parent.parent / "examples"
QUESTION = "Fransa'nın başkenti neresidir?"
LINES = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    base = tiny.AutoModelForCausalLM.from_pretrained(tiny.save_base(folder / "base"))
    for language in ("tr", "ja"):
        model = adapter_for(base, language).attach(base, tokenizer=tiny.base_tokenizer())
        shake_lora(model.adapter(language))
        model.detach(language).save_pretrained(folder / language)
    (folder / "text.txt").write_text("\n".join(tiny.TURKISH * 10), encoding="utf-8")
    pairs = [f"{one}\t{other}" for one, other in zip(tiny.ENGLISH, tiny.TURKISH, strict=True)]
    (folder / "pairs.tsv").write_text("\n".join(pairs * 4), encoding="utf-8")
    (folder / "questions.tsv").write_text(f"{QUESTION}\tParis\n" * 4, encoding="utf-8")
    tiny.tiny_encoder().save_pretrained(folder / "bert")
    other = bare_base()
    other.add_adapter(LoraConfig(r=2, target_modules=["q_proj"]), adapter_name="style")
    other.save_pretrained(folder / "style")
    return folder


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Run":
    return Run(folder, monkeypatch, capsys)


class Run:
    """Runs a script; names of what is in the folder are given in full."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def __call__(self, script: str, *arguments: str) -> tuple[str, dict[str, object]]:
        given = [str(self.folder / one) if (self.folder / one).exists() else one for one in arguments]
        self.monkeypatch.setattr(sys, "argv", [script, *given])
        names = runpy.run_path(str(EXAMPLES / f"{script}.py"), run_name="__main__")
        return self.capsys.readouterr().out, names


def test_every_example_is_short_and_is_run_here() -> None:
    scripts = sorted(EXAMPLES.glob("*.py"))
    tests = Path(__file__).read_text()
    assert len(scripts) >= 7
    for script in scripts:
        assert len(script.read_text().splitlines()) < LINES, script
        assert f'run("{script.stem}"' in tests, script


def test_attach_and_ask(run: Run) -> None:
    said, _ = run("attach_and_ask", "base", "tr", QUESTION)
    assert said.count("True") == 2


def test_two_languages(run: Run) -> None:
    said, _ = run("two_languages", "base", "tr", "ja")
    assert [line.partition(":")[0] for line in said.splitlines()] == ["by marks", "in parts", "found"]
    assert all("positions tr" in line and "positions ja" in line for line in said.splitlines())


def test_pipeline_and_streamer(run: Run) -> None:
    said, _ = run("pipeline_and_streamer", "base", "tr")
    first, second = (line.partition(": ")[2].strip() for line in said.replace("\nstreamer", "\0streamer").split("\0"))
    assert first == second.removesuffix("<eos>").strip() != ""


def test_sft_and_dpo(run: Run, tmp_path: Path) -> None:
    run("sft_and_dpo", "base", "tr", str(tmp_path))
    before, after = (ModalityAdapter.from_pretrained(one) for one in (run.folder / "tr", tmp_path / "adapter"))
    changed = [not torch.equal(one, other) for one, other in zip(before.parameters(), after.parameters(), strict=True)]
    assert any(changed)


def test_with_another_lora(run: Run) -> None:
    said, _ = run("with_another_lora", "base", "tr", "style")
    assert "with both:" in said and "with the language alone:" in said


def test_vllm_takes_what_the_base_reads(run: Run, tmp_path: Path) -> None:
    said, names = run("vllm_prompt_embeds", "base", "tr", str(tmp_path / "prompt.pt"))
    model, ids = names["model"], names["ids"]
    embeds = torch.load(tmp_path / "prompt.pt", weights_only=True)
    assert embeds.shape == (ids.shape[1], tiny.WIDTH)  # type: ignore[attr-defined]
    again = torch.load(io.BytesIO(base64.b64decode(said)), weights_only=True)
    assert torch.equal(again, embeds)
    peft = __import__("peft").PeftModel.from_pretrained(bare_base(), str(run.folder / "tr" / "lora")).eval()
    ours = logits(model, input_ids=ids)  # type: ignore[arg-type]
    torch.testing.assert_close(logits(peft, inputs_embeds=embeds[None]), ours)  # The base and the LoRA, without us.


def test_published_bert(run: Run, tmp_path: Path) -> None:
    said, _ = run("published_bert", "base", "bert", "pairs.tsv", str(tmp_path / "run"))
    assert "BertModel of width 24" in said
    assert ModalityAdapter.from_pretrained(tmp_path / "run" / "adapter").config.base.id == "base"


def test_evaluate_and_share(run: Run, loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", loopback_hub.token)
    said, names = run("evaluate_and_share", "base", "tr", "questions.tsv", "you/phi-tiny-turkish")
    card = ModelCard.load("you/phi-tiny-turkish")
    read = names["read"]
    assert f"read as Turkish {read.value:.2f}" in said  # type: ignore[attr-defined]
    assert card.data.eval_results[0].metric_value == read.value  # type: ignore[attr-defined]
    assert "control: the same as raw text" in card.text


@pytest.mark.slow
def test_own_text(run: Run, tmp_path: Path) -> None:
    run("own_text", "base", "text.txt", "pairs.tsv", "questions.tsv", str(tmp_path))
    assert ModalityAdapter.from_pretrained(tmp_path / "adapter").lora is not None


@pytest.mark.slow
def test_sound(run: Run, tmp_path: Path) -> None:
    said, _ = run("sound", "base", str(tmp_path), "2")
    assert said.splitlines()[-1].endswith("of 100 clips never heard")


@pytest.mark.skipif(not find_spec("openai") or not find_spec("uvicorn"), reason="needs transformers[serving]")
def test_an_openai_server_reads_languages(folder: Path) -> None:
    said = {"model": "newtongue", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 4}
    with background_run("openai_server", str(folder / "base"), str(folder / "tr"), "7897") as server:
        answer = _ask(json.dumps(said).encode(), server)
    base = tiny.AutoModelForCausalLM.from_pretrained(folder / "base")
    model = ModalityAdapter.from_pretrained(folder / "tr").attach(base)
    chat = [{"role": "user", "content": QUESTION, "language": "tr"}]
    ids = model.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")
    written = model.generate(**ids, max_new_tokens=4, do_sample=False)
    own = model.tokenizer.decode(written[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
    assert answer["choices"][0]["message"]["content"] == own
    assert answer["usage"]["prompt_tokens"] == ids["input_ids"].shape[1]


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda script: script.stem)
def test_an_example_says_how_it_is_run(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [script.name, "--help"])
    with pytest.raises(SystemExit, match=f"python examples/{script.name} "):
        runpy.run_path(str(script), run_name="__main__")


@contextmanager
def background_run(script: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A script in a process of its own, until it is no longer needed."""
    with subprocess.Popen([sys.executable, str(EXAMPLES / f"{script}.py"), *arguments]) as process:
        try:
            yield process
        finally:
            process.kill()


def _ask(body: bytes, server: subprocess.Popen[bytes]) -> dict[str, list[dict[str, dict[str, str]]]]:
    address = "http://localhost:7897/v1/chat/completions"
    for _ in range(600):
        try:
            request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as reply:
                found: dict[str, list[dict[str, dict[str, str]]]] = json.load(reply)
                return found
        except urllib.error.URLError as error:
            if isinstance(error, urllib.error.HTTPError):
                raise AssertionError(error.read().decode()) from error
            assert server.poll() is None, "the server ended"
            time.sleep(0.2)
    raise AssertionError("no server")
