"""An adapter's folder: each part loads by the library that owns its format, and it is written whole or not at all."""

import hashlib
import json
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

from newtongue import AdapterFormatError, Encoder, ModalityAdapter, NewtongueError
from newtongue.saving.folder import check_folder, checksums
from newtongue.saving.precision import dtype_of
from tiny import JAPANESE, TURKISH, tiny_encoder
from worlds import adapter_for, bare_base, files_of, logits, shake_lora, world


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    world().adapter("tr").save_pretrained(tmp_path / "tr")
    return tmp_path / "tr"


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_of(folder)}


def test_the_layout_is_what_the_libraries_expect(folder: Path) -> None:
    files = set(files_of(folder))
    assert files >= {
        "README.md",
        "modality_config.json",
        "mapper.safetensors",
        "encoder/config.json",
        "encoder/model.safetensors",
        "encoder/tokenizer.json",
        "lora/adapter_config.json",
        "lora/adapter_model.safetensors",
    }
    assert not [name for name in files if Path(name).suffix not in (".json", ".safetensors", ".md")]


SAVED = [
    *("tokenizer.json", "vocab.txt", "merges.txt", "bpe.codes", "spiece.model", "sentencepiece.bpe.model"),
    *("special_tokens_map.json", "added_tokens.json", "generation_config.json", "chat_template.jinja"),
    "additional_chat_templates/tools.jinja",
]
NEVER_SAVED = [
    *("encoder/model.safetensors.index.json", "encoder/Pytorch_model.bin.INDEX.json", "encoder/adapter_config.json"),
    *("encoder/decoy.safetensors", "encoder/deep/model.safetensors", "encoder/weights.dat", "encoder/weights"),
    *("lora/more.safetensors", "lora/notes.txt"),
]


@pytest.mark.parametrize("name", [*(f"encoder/{one}" for one in SAVED), *NEVER_SAVED])
def test_what_the_libraries_save_is_a_part_and_nothing_else_is_even_if_listed(name: str, folder: Path) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"")
    if name in NEVER_SAVED:
        with pytest.raises(AdapterFormatError, match=f"{name} is no file of an encoder.*Remove it"):
            check_folder(folder, checksums(folder))
    else:
        check_folder(folder, checksums(folder))


def test_a_folder_below_the_encoder_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "encoder" / "additional_chat_templates").symlink_to(tmp_path)
    with pytest.raises(AdapterFormatError, match="not listed"):
        ModalityAdapter.from_pretrained(folder)


def test_ranks_that_a_pattern_leaves_unused_do_no_harm(tmp_path: Path) -> None:
    lora = LoraConfig(r=8, target_modules=["q_proj", "dense"], rank_pattern={"q_proj": 2, "dense": 3})
    adapter_for(base := bare_base(), lora=lora).attach(base).adapter("tr").save_pretrained(tmp_path / "tr")
    assert ModalityAdapter.from_pretrained(tmp_path / "tr").attach(bare_base()).languages == ("tr",)


def test_a_lora_that_was_never_attached_is_saved_without_weights(tmp_path: Path) -> None:
    adapter_for(bare_base()).save_pretrained(tmp_path / "tr")
    again = ModalityAdapter.from_pretrained(tmp_path / "tr")
    assert again.lora is not None and again.lora.r == 4 and again.lora_weights() is None
    shake_lora(again.attach(bare_base()).adapter("tr"))
    again.save_pretrained(tmp_path / "tr", overwrite=True)
    assert ModalityAdapter.from_pretrained(tmp_path / "tr").lora_weights()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_saved_at_half_the_size_it_loads_as_float32_rounded(folder: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    adapter = ModalityAdapter.from_pretrained(folder)
    adapter.save_pretrained(tmp_path / "half", dtype=dtype)
    assert dtype_of(tmp_path / "half") == dtype and dtype_of(folder) == torch.float32
    sizes = [(where / "encoder" / "model.safetensors").stat().st_size for where in (tmp_path / "half", folder)]
    assert 2 * sizes[0] < 1.1 * sizes[1]
    half = ModalityAdapter.from_pretrained(tmp_path / "half")
    for (name, value), whole in zip(half.state_dict().items(), adapter.state_dict().values(), strict=True):
        assert value.dtype == torch.float32
        assert torch.equal(value, whole.to(dtype).float()), name


def test_what_does_not_fit_half_the_size_is_refused_and_the_old_adapter_stays(folder: Path) -> None:
    adapter, before = ModalityAdapter.from_pretrained(folder), contents(folder)
    with torch.no_grad():
        next(adapter.mapper.parameters()).fill_(1e6)
    with pytest.raises(NewtongueError, match="too large for"):
        adapter.save_pretrained(folder, overwrite=True, dtype=torch.float16)
    with pytest.raises(NewtongueError, match="not written as"):
        adapter.save_pretrained(folder, overwrite=True, dtype=torch.int8)
    assert contents(folder) == before


def test_the_config_names_every_part_with_its_sha256(folder: Path) -> None:
    config = json.loads((folder / "modality_config.json").read_text())
    assert set(config["files"]) == set(files_of(folder)) - {"README.md", "modality_config.json"}
    for name, expected in config["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected
    assert config["language"] == "tr"
    assert config["base"]["architecture"] == "phi"
    assert (config["base"]["width"], config["base"]["rows"]) == (32, 320)


def test_transformers_reads_the_encoder(folder: Path) -> None:
    adapter = world().adapter("tr")
    model, tokenizer = (kind.from_pretrained(folder / "encoder") for kind in (AutoModel, AutoTokenizer))
    for name, value in adapter.encoder.model.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])
    assert tokenizer(TURKISH)["input_ids"] == adapter.encoder.tokenizer(TURKISH)["input_ids"]


def test_peft_reads_the_lora_and_answers_as_rows_of_the_language_do(folder: Path) -> None:
    """PEFT puts the LoRA on all rows; fed what the port reads, it must answer as the attached model does."""
    model = world()
    inputs = model.tokenizer(TURKISH[0], language="tr", return_tensors="pt")
    with torch.no_grad():
        embedded = model.embed(inputs["input_ids"])
    tuned = PeftModel.from_pretrained(bare_base(), str(folder / "lora")).eval()
    saved = load_file(folder / "lora" / "adapter_model.safetensors")
    loaded = {name.replace(".default", ""): value for name, value in tuned.state_dict().items() if "lora_" in name}
    assert loaded.keys() == saved.keys()
    torch.testing.assert_close(logits(tuned, inputs_embeds=embedded), logits(model, input_ids=inputs["input_ids"]))


def test_an_adapter_without_lora_has_no_such_part(tmp_path: Path) -> None:
    adapter = adapter_for(bare_base(), lora=False)
    adapter.save_pretrained(tmp_path / "tr")
    assert not (tmp_path / "tr" / "lora").exists()
    loaded = ModalityAdapter.from_pretrained(tmp_path / "tr")
    assert loaded.lora is None
    base = bare_base()
    model = loaded.with_lora(LoraConfig(target_modules="all-linear")).attach(base, trainable=True)
    assert any(name.startswith("lora") for name, _ in loaded.trainable_parameters())
    with pytest.raises(NewtongueError, match="is attached"):
        loaded.with_lora(LoraConfig(target_modules="all-linear"))
    with pytest.raises(NewtongueError, match="has a LoRA already"):
        model.detach("tr").with_lora(LoraConfig(target_modules="all-linear"))


def test_saving_what_was_loaded_writes_the_same_files(folder: Path, tmp_path: Path) -> None:
    ModalityAdapter.from_pretrained(folder).save_pretrained(tmp_path / "again")
    one, other = contents(tmp_path / "again"), contents(folder)
    assert one.keys() == other.keys()
    differing = {name for name in one if one[name] != other[name]}
    assert differing <= {
        "encoder/tokenizer_config.json",
        "modality_config.json",
    }  # Transformers notes how it was loaded.


def test_load_weights_brings_back_encoder_mapper_and_lora(folder: Path) -> None:
    base = bare_base()
    model = adapter_for(base).attach(base, trainable=True)
    for _, parameter in model.adapter("tr").trainable_parameters():
        torch.nn.init.zeros_(parameter)
    model.adapter("tr").load_weights(folder)
    inputs = {"input_ids": torch.tensor([[1, 20, 350, 360, 370, 9]])}
    assert torch.equal(logits(model, **inputs), logits(world(), **inputs))


OTHERS = {
    "LoRA lora_alpha": LoraConfig(r=4, lora_alpha=99, target_modules="all-linear"),
    "LoRA use_rslora": LoraConfig(r=4, use_rslora=True, target_modules="all-linear"),
    "LoRA alpha_pattern": LoraConfig(r=4, alpha_pattern={"fc1": 3}, target_modules="all-linear"),
    "LoRA target_modules": LoraConfig(r=4, target_modules=["q_proj"]),
    "LoRA layers_to_transform": LoraConfig(r=4, target_modules=["q_proj"], layers_to_transform=[0]),
    "language": LoraConfig(r=4, target_modules="all-linear"),
}


@pytest.mark.parametrize("attached", [True, False], ids=["attached", "alone"])
@pytest.mark.parametrize("differs", OTHERS)
def test_load_weights_that_mean_something_else_is_an_error_and_changes_nothing(
    folder: Path, differs: str, attached: bool
) -> None:
    adapter = adapter_for(base := bare_base(), "az" if differs == "language" else "tr", lora=OTHERS[differs])
    if attached:
        adapter.attach(base)
    before = {name: value.clone() for name, value in adapter.state_dict().items()}
    with pytest.raises(NewtongueError, match=f"the first part that differs is '{differs}'"):
        adapter.load_weights(folder)
    assert all(torch.equal(value, before[name]) for name, value in adapter.state_dict().items())


def test_load_weights_takes_the_same_lora_said_in_another_way(tmp_path: Path) -> None:
    one, other = (
        adapter_for(bare_base(), lora=LoraConfig(r=4, target_modules=names, rank_pattern=ranks, lora_dropout=dropout))
        for names, ranks, dropout in ((["q_proj", "fc1"], {}, 0.0), (("fc1", "q_proj"), None, 0.3))
    )
    one.attach(bare_base())
    one.save_pretrained(tmp_path / "one")
    other.load_weights(tmp_path / "one")
    assert all(torch.equal(value, other.lora_weights()[name]) for name, value in one.lora_weights().items())


def test_load_weights_of_another_shape_is_an_error_and_changes_nothing(folder: Path) -> None:
    base = bare_base()
    small = ModalityAdapter.create(base, tiny_encoder(TURKISH), language="tr", hidden=10)
    rank = adapter_for(base, lora=LoraConfig(r=2, target_modules="all-linear"))
    bare = adapter_for(base, lora=False)
    with pytest.raises(NewtongueError, match="another shape"):
        adapter_for(base, lora=LoraConfig(r=2, target_modules="all-linear")).load_weights(folder)
    for adapter in (small, bare, rank):
        adapter.attach(base)
        before = {name: value.clone() for name, value in adapter.trainable_parameters()}
        with pytest.raises(NewtongueError, match=r"another shape|other shapes"):
            adapter.load_weights(folder)
        assert all(torch.equal(value, before[name]) for name, value in adapter.trainable_parameters())
        base.detach("tr")


# The card


def test_the_card_says_what_the_adapter_is(folder: Path) -> None:
    card = ModelCard.load(folder / "README.md")
    assert card.data.language == ["tr"]
    assert card.data.library_name == "newtongue"
    assert {"newtongue", "modality-adapter", "lora"} <= set(card.data.tags)
    assert "Turkish" in card.text and "rank 4" in card.text


def test_the_card_takes_notes_and_names_a_base_on_the_hub(tmp_path: Path) -> None:
    base = bare_base()
    base.name_or_path = "microsoft/phi-2"
    adapter = adapter_for(base, "ja").describe(
        licence="apache-2.0",
        datasets=["CohereLabs/aya_dataset"],
        results=[{"task": "held-out facts", "exact match": 0.97}, {"task": "shuffled", "exact match": 0.05}],
        data={"raw text": "20M tokens", "braces": "{not} a field"},
        limits=["It makes {mistakes}."],
    )
    adapter.save_pretrained(tmp_path / "ja")
    card = ModelCard.load(tmp_path / "ja" / "README.md")
    assert card.data.base_model == "microsoft/phi-2"
    assert card.data.license == "apache-2.0"
    assert card.data.datasets == ["CohereLabs/aya_dataset"]
    for said in ("Japanese", "## Results", "| held-out facts | 0.97 |", "{not} a field", "- It makes {mistakes}."):
        assert said in card.text
    assert ModalityAdapter.from_pretrained(tmp_path / "ja").config.notes == adapter.config.notes


# Written whole or not at all


def other_adapter() -> ModalityAdapter:
    base = bare_base()
    model = adapter_for(base, "tr").attach(base)
    shake_lora(model.adapter("tr"), seed=99)
    return model.detach("tr")


def test_saving_over_an_adapter_has_to_be_said(folder: Path) -> None:
    before = contents(folder)
    with pytest.raises(NewtongueError, match=r"exists already.*overwrite=True"):
        other_adapter().save_pretrained(folder)
    assert contents(folder) == before
    other_adapter().save_pretrained(folder, overwrite=True)
    assert contents(folder).keys() == before.keys() and contents(folder) != before
    assert [path.name for path in folder.parent.iterdir()] == ["tr"]


def test_saving_over_an_adapter_keeps_what_others_put_beside_its_parts(folder: Path) -> None:
    (folder / ".git").mkdir()
    beside = {".git/HEAD": "ref: refs/heads/main", "notes.txt": "mine"}
    for name, text in beside.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "voice.safetensors").write_bytes(b"of an earlier adapter")
    latest = folder.with_name("latest")
    latest.symlink_to(folder.name)
    other_adapter().save_pretrained(latest, overwrite=True)
    assert latest.is_symlink()
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, "latest"}
    assert {name: (folder / name).read_text(encoding="utf-8") for name in beside} == beside
    assert not (folder / "voice.safetensors").exists()
    assert ModalityAdapter.from_pretrained(folder).language


def test_what_is_not_an_adapter_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("years of work")
    for name in ("folder", "file"):
        with pytest.raises(NewtongueError, match="something other than an adapter"):
            other_adapter().save_pretrained(tmp_path / name, overwrite=True)
    assert contents(tmp_path) == {"file": b"years of work", "folder/thesis.txt": b"years of work"}
    (tmp_path / "empty").mkdir()
    other_adapter().save_pretrained(tmp_path / "empty", overwrite=True)
    other_adapter().save_pretrained(tmp_path / "new" / "deep" / "tr")


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """A disk that takes files of at most `size` bytes: the system refuses what goes beyond, in every library."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 200, 2_000, 8_000, 30_000])
def test_a_disk_that_fills_leaves_the_old_adapter_whole(folder: Path, size: int) -> None:
    before = contents(folder)
    adapter = other_adapter()
    with pytest.raises(NewtongueError, match=f"{folder} could not be written.*Free some space"), full_after(size):
        adapter.save_pretrained(folder, overwrite=True)
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["tr"]
    ModalityAdapter.from_pretrained(folder)
    adapter.save_pretrained(folder, overwrite=True)


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["disk", "Ctrl-C"])
@pytest.mark.parametrize(
    "step",
    [
        "newtongue.saving.parts.save_file",
        "newtongue.saving.parts.write_card",
        "newtongue.saving.parts.checksums",
        "rename",
    ],
)
def test_whatever_stops_a_save_leaves_the_old_adapter_whole(
    folder: Path, step: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)
    adapter = other_adapter()
    if step == "rename":
        rename = Path.rename

        def second_fails(path: Path, target: Path) -> Path:
            if target == folder and not path.name.endswith(".old"):
                raise error
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", second_fails)
    else:
        monkeypatch.setattr(step, failing(error))
    with pytest.raises((NewtongueError, KeyboardInterrupt)):
        adapter.save_pretrained(folder, overwrite=True)
    monkeypatch.undo()
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["tr"]


def test_an_encoder_that_cannot_be_saved_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Encoder, "save_pretrained", failing(OSError(28, "No space left on device")))
    with pytest.raises(NewtongueError, match="No space left"):
        other_adapter().save_pretrained(tmp_path / "tr")
    assert list(tmp_path.iterdir()) == []


def test_names_of_languages_fit_the_tokenizers_they_came_with(tmp_path: Path) -> None:
    """Two languages saved from one model come back each with its own tokenizer."""
    for language, text in (("tr", TURKISH[0]), ("ja", JAPANESE[0])):
        adapter = world().adapter(language)
        adapter.save_pretrained(tmp_path / language)
        loaded = ModalityAdapter.from_pretrained(tmp_path / language)
        assert loaded.language == language
        assert loaded.encoder.tokenizer(text)["input_ids"] == adapter.encoder.tokenizer(text)["input_ids"]


@pytest.mark.parametrize("inside", ["", "encoder"])
def test_the_directory_a_process_works_in_is_not_replaced_under_it(
    folder: Path, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)
    monkeypatch.chdir(folder / inside)
    with pytest.raises(NewtongueError, match=r"is where this process works.*Change to another directory"):
        other_adapter().save_pretrained(folder if inside else ".", overwrite=True)
    assert Path.cwd() == folder / inside and contents(folder) == before
    monkeypatch.chdir(folder.parent)
    other_adapter().save_pretrained(folder, overwrite=True)
    assert contents(folder) != before
