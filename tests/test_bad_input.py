"""What users get wrong, and files that are: the message names value, cause and fix, and nothing is lost."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, models
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from newtongue import (
    AdapterFormatError,
    BaseMismatchError,
    LanguageError,
    ModalityAdapter,
    NewtongueError,
    detach,
)
from newtongue.saving.folder import checksums
from newtongue_recipes.loading import load_base
from tiny import ARCHITECTURES, ROWS, base_tokenizer, save_base, tiny_base, tiny_encoder
from worlds import adapter_for, bare_base, files_of, logits, shake_lora, state_bytes, world

INPUTS = {"input_ids": torch.tensor([[1, 20, 30, 40]])}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    world().adapter("tr").save_pretrained(tmp_path / "tr")
    return tmp_path / "tr"


def picture(base: PreTrainedModel) -> tuple[Any, ...]:
    modules = [(name, type(module)) for name, module in base.named_modules()]
    flags = [parameter.requires_grad for parameter in base.parameters()]
    return type(base), modules, flags, sorted(base.__dict__)


def assert_untouched(base: PreTrainedModel, before: tuple[Any, ...], state: dict[str, torch.Tensor]) -> None:
    assert picture(base) == before
    now = state_bytes(base)
    assert now.keys() == state.keys() and all(torch.equal(now[name], value) for name, value in state.items())


# Folders that are wrong


def edit_config(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "modality_config.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def sign(folder: Path) -> None:
    """Bring the checksums up to date, as someone who makes a bad adapter on purpose would."""
    edit_config(folder, lambda values: values.update(files=checksums(folder)))


def cut(name: str) -> Callable[[Path], None]:
    def cut_short(folder: Path) -> None:
        path = folder / name
        path.write_bytes(path.read_bytes()[:-7])

    return cut_short


def flip(name: str) -> Callable[[Path], None]:
    def flip_a_bit(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[-3] ^= 1
        (folder / name).write_bytes(data)

    return flip_a_bit


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def config(**values: Any) -> Callable[[Path], None]:
    return lambda folder: edit_config(folder, lambda old: old.update(values))


def without(key: str) -> Callable[[Path], None]:
    return lambda folder: edit_config(folder, lambda old: old.pop(key))


def put(name: str, data: bytes = b"", signed: bool = False) -> Callable[[Path], None]:
    def put_file(folder: Path) -> None:
        (folder / name).write_bytes(data)
        if signed:
            sign(folder)

    return put_file


def names(path: str, sha256: object = "0" * 64) -> Callable[[Path], None]:
    return lambda folder: edit_config(folder, lambda old: old["files"].update({path: sha256}))


def link(name: str) -> Callable[[Path], None]:
    def link_outside(folder: Path) -> None:
        outside = folder.parent / "outside"
        outside.write_bytes((folder / name).read_bytes())
        (folder / name).unlink()
        (folder / name).symlink_to(outside)

    return link_outside


def signed(name: str, change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def change_weights(folder: Path) -> None:
        weights = load_file(folder / name)
        change(weights)
        save_file(weights, folder / name, metadata={"format": "pt"})
        sign(folder)

    return change_weights


def junk(name: str) -> Callable[[Path], None]:
    return put(name, b"not at all what it should be", signed=True)


def unlisted(name: str) -> Callable[[Path], None]:
    def leave_out(folder: Path) -> None:
        (folder / name).unlink()
        sign(folder)

    return leave_out


PARTS = ["mapper.safetensors", "encoder/model.safetensors", "encoder/tokenizer.json", "lora/adapter_model.safetensors"]
AGAIN = "Get the adapter again"
FOLDERS: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    **{f"{part} cut short": (cut(part), [part, "cut short", AGAIN]) for part in PARTS},
    **{f"{part} with a flipped bit": (flip(part), [part, "sha256 differs", AGAIN]) for part in PARTS},
    **{f"{part} missing": (remove(part), [part, "is missing", AGAIN]) for part in PARTS},
    **{f"{part} not its format": (junk(part), ["cannot be read", AGAIN]) for part in (*PARTS, "encoder/config.json")},
    "encoder's config changed": (put("encoder/config.json", b"{}"), ["encoder/config.json", "sha256", AGAIN]),
    "lora's config not its format": (junk("lora/adapter_config.json"), ["cannot be read", AGAIN]),
    "lora's config lacks its weights": (
        unlisted("lora/adapter_model.safetensors"),
        ["lora/adapter_model.safetensors", AGAIN],
    ),
    "mapper nowhere named": (unlisted("mapper.safetensors"), ["mapper.safetensors", AGAIN]),
    "encoder nowhere named": (unlisted("encoder/config.json"), ["encoder/config.json", AGAIN]),
    "mapper lacks a weight": (
        signed("mapper.safetensors", lambda weights: weights.pop("up.bias")),
        ["up.bias", AGAIN],
    ),
    "mapper of another shape": (
        signed("mapper.safetensors", lambda weights: weights.update({"up.bias": torch.zeros(3)})),
        ["up.bias", AGAIN],
    ),
    "encoder lacks a weight": (
        signed("encoder/model.safetensors", lambda weights: weights.pop("encoder.layer.1.output.dense.bias")),
        ["encoder.layer.1.output.dense.bias", AGAIN],
    ),
    "no config": (remove("modality_config.json"), ["modality_config.json", "not an adapter folder", "save_pretrained"]),
    "config not JSON": (put("modality_config.json", b"{,"), ["modality_config.json", "JSON", AGAIN]),
    "config not text": (put("modality_config.json", b"\xff\xfe\x00"), ["modality_config.json", "JSON", AGAIN]),
    "config a list": (put("modality_config.json", b"[]"), ["version None", "Upgrade newtongue"]),
    "config nested too deep": (put("modality_config.json", b"[" * 100_000), ["modality_config.json", AGAIN]),
    "a later format": (config(format_version=3), ["version 3", "reads 1 and 2", "Upgrade newtongue"]),
    "no format": (without("format_version"), ["version None", "Upgrade newtongue"]),
    "a field missing": (without("vocabulary"), ["vocabulary", AGAIN]),
    "a field of another type": (config(vocabulary="many"), ["vocabulary", "'many'", AGAIN]),
    "a base that is no object": (config(base=["phi"]), ["modality_config.json", AGAIN]),
    "files that are no object": (config(files=["mapper.safetensors"]), ["files", AGAIN]),
    "a sha256 that is no text": (names("mapper.safetensors", 3), ["mapper.safetensors", AGAIN]),
    "a mapper of absurd size": (
        config(mapper={"encoder_width": 24, "hidden": 2**40, "base_width": 32, "scale": 1.0, "dropout": 0.0}),
        ["out of bounds", AGAIN],
    ),
    "a sharpness that is no number": (
        config(
            mapper={
                "encoder_width": 24,
                "hidden": 64,
                "base_width": 32,
                "scale": 1.0,
                "dropout": 0.0,
                "sharpness": float("inf"),
            }
        ),
        ["sharpness", AGAIN],
    ),
    "another vocabulary": (config(vocabulary=7), ["vocabulary of 7", AGAIN]),
    "a language that is no tag": (config(language="../tr"), ["'../tr'", "BCP 47"]),
    "a pickle": (put("encoder/pytorch_model.bin", pickle.dumps(print)), ["pytorch_model.bin", "run code", "refused"]),
    "a pickle, listed": (put("lora/adapter_model.bin", b"", True), ["adapter_model.bin", "run code", "refused"]),
    "a pickle of another name": (put("training_args.PT"), ["training_args.PT", "run code", "refused"]),
    "a script": (put("encoder/modeling.py", b"print()"), ["modeling.py", "run code", "refused"]),
    "a file nobody listed": (
        put("encoder/adapter_config.json", b"{}"),
        ["adapter_config.json", "not listed", "Remove"],
    ),
    "a path that climbs out": (names("../../secret"), ["'../../secret'", "outside its folder", "refused"]),
    "an absolute path": (names("/etc/passwd"), ["'/etc/passwd'", "outside its folder", "refused"]),
    "a path with backslashes": (names("..\\secret"), ["secret", "outside its folder", "refused"]),
    "an empty path": (names(""), ["''", "outside its folder", "refused"]),
    "a link that leaves": (link("mapper.safetensors"), ["mapper.safetensors", "link that leaves", "refused"]),
}


@pytest.mark.parametrize(("breaking", "said"), FOLDERS.values(), ids=FOLDERS)
def test_a_bad_folder_is_refused(breaking: Callable[[Path], None], said: list[str], folder: Path) -> None:
    breaking(folder)
    with pytest.raises(NewtongueError) as raised:
        ModalityAdapter.from_pretrained(folder)
    message = str(raised.value)
    assert isinstance(raised.value, AdapterFormatError | LanguageError)
    assert not [one for one in said if one.lower() not in message.lower()], message


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_may_not_be_read_is_named(part: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def forbidden(path: Path, *args: Any, **options: Any) -> Any:  # Not by rights: a superuser has them all.
        if path == folder / part:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(AdapterFormatError, match=rf"{part} cannot be read \(Permission denied\)"):
        ModalityAdapter.from_pretrained(folder)


def test_a_pickle_is_not_opened(folder: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    (folder / "encoder" / "model.safetensors").unlink()
    (folder / "encoder" / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    sign(folder)
    with pytest.raises(AdapterFormatError, match="refused"):
        ModalityAdapter.from_pretrained(folder)
    assert not (tmp_path / "sprung").exists()


def test_code_of_others_is_not_run_for_an_encoder(folder: Path) -> None:
    path = folder / "encoder" / "config.json"
    values = json.loads(path.read_text()) | {"model_type": "own", "auto_map": {"AutoModel": "other/repo--model.Model"}}
    path.write_text(json.dumps(values))
    sign(folder)
    with pytest.raises(AdapterFormatError, match="cannot be read"):
        ModalityAdapter.from_pretrained(folder)


def test_files_of_the_users_beside_the_parts_do_no_harm(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "download.metadata").write_text("of the Hub's client")
    ModalityAdapter.from_pretrained(folder)


@pytest.mark.parametrize("name", ["nowhere/at/all", "./nowhere", "two words"])
def test_a_folder_that_is_not_there_is_an_error_without_the_network(name: str) -> None:
    with pytest.raises(NewtongueError, match=r"neither a folder.*nor a Hub id") as raised:
        ModalityAdapter.from_pretrained(name)
    assert name in str(raised.value)


# A base that does not fit


def named(base: PreTrainedModel, name: str, revision: str | None = None) -> PreTrainedModel:
    base.name_or_path = name
    base.config._commit_hash = revision
    return base


BASES: dict[str, tuple[Callable[[], PreTrainedModel], list[str]]] = {
    "another architecture": (lambda: tiny_base("llama"), ["architecture phi", "has llama", "Load the base it names"]),
    "another width": (lambda: tiny_base("phi", hidden_size=64), ["width 32", "has 64", "Load the base it names"]),
    "other rows": (lambda: tiny_base("phi", vocab_size=400), ["rows 320", "has 400", "Load the base it names"]),
    "another name": (
        lambda: named(tiny_base(), "microsoft/phi-1_5"),
        ["'microsoft/phi-2'", "'microsoft/phi-1_5'", "ignore_base_name=True"],
    ),
    "another owner": (
        lambda: named(tiny_base(), "someone/phi-2"),
        ["'microsoft/phi-2'", "'someone/phi-2'", "ignore_base_name=True"],
    ),
}


def for_phi_2() -> ModalityAdapter:
    return adapter_for(named(tiny_base(), "microsoft/phi-2", "aaaa"))


@pytest.mark.parametrize(("make", "said"), BASES.values(), ids=BASES)
def test_an_adapter_for_another_base_is_refused(make: Callable[[], PreTrainedModel], said: list[str]) -> None:
    base = make()
    before, state = picture(base), state_bytes(base)
    adapter = for_phi_2()
    with pytest.raises(BaseMismatchError) as raised:
        adapter.attach(base)
    assert not [one for one in said if one not in str(raised.value)], str(raised.value)
    assert_untouched(base, before, state)
    assert not adapter.attached
    if "ignore_base_name=True" in said:
        assert adapter.attach(base, ignore_base_name=True).languages == ("tr",)


@pytest.mark.parametrize("name", ["microsoft/phi-2", "/models/phi-2", "", "./phi-2"])
def test_the_same_base_under_another_path_is_taken(name: str) -> None:
    assert for_phi_2().attach(named(tiny_base(), name)).languages == ("tr",)


def test_only_another_revision_is_a_warning() -> None:
    base = named(tiny_base(), "microsoft/phi-2", "bbbb")
    with pytest.warns(UserWarning, match="revision aaaa.*revision bbbb.*revision='aaaa'"):
        model = for_phi_2().attach(base)
    assert model.languages == ("tr",)


NOT_BASES: dict[str, Callable[[], Any]] = {
    "an encoder": lambda: BertModel(BertConfig(hidden_size=24, num_hidden_layers=1, num_attention_heads=2)),
    "a module": lambda: torch.nn.Linear(3, 3),
    "a wrapped base": lambda: __import__("peft").get_peft_model(
        tiny_base(), __import__("peft").LoraConfig(target_modules=["q_proj"])
    ),
    "a name": lambda: "microsoft/phi-2",
}


@pytest.mark.parametrize("make", NOT_BASES.values(), ids=NOT_BASES)
def test_what_is_not_a_causal_language_model_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(NewtongueError, match=r"not a causal language model.*AutoModelForCausalLM"):
        adapter_for(bare_base()).attach(make())


# Bases on disk that are wrong


def edit_weights(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        save_file(change(weights), folder / "model.safetensors", metadata={"format": "pt"})

    return edit


def edit_base_config(**changes: object) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        values = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**values, **changes}))

    return edit


def as_pickle(folder: Path, data: bytes) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(data)


DENSE, LAYER = "model.layers.0.self_attn.dense.weight", "model.layers.1."
BROKEN_BASES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a layer too few": (
        edit_weights(lambda all_: {name: one for name, one in all_.items() if not name.startswith(LAYER)}),
        r"model.layers.1.input_layernorm.bias is missing; .*, and so on for 11 more\. Fetch it anew",
    ),
    "no head": (
        edit_weights(lambda all_: {name: one for name, one in all_.items() if name != "lm_head.weight"}),
        r"asks for: lm_head.weight is missing\. Fetch it anew",
    ),
    "a layer more in its configuration": (edit_base_config(num_hidden_layers=3), "model.layers.2.*is missing"),
    "a weight of another shape": (
        edit_weights(lambda all_: {**all_, DENSE: all_[DENSE][:, :8].clone()}),
        rf"{DENSE} has the shape \(32, 8\) and not \(32, 32\)\. Fetch it anew",
    ),
    "an unknown activation": (edit_base_config(hidden_act="foo"), "'foo'.*Name a folder or a Hub id"),
    "half a file": (
        lambda folder: os.truncate(folder / "model.safetensors", 9_000),
        "No base model could be loaded.*damaged, fetch it anew",
    ),
    "a pickle of what is no weight": (
        lambda folder: as_pickle(folder, pickle.dumps(Path("a"))),
        "No base model could be loaded.*damaged, fetch it anew",
    ),
    "an empty pickle": (lambda folder: as_pickle(folder, b""), "No base model could be loaded.*damaged, fetch it anew"),
    "half a pickle": (
        lambda folder: as_pickle(folder, b"PK\x03\x04" + bytes(90)),
        "No base model could be loaded.*damaged, fetch it anew",
    ),
}


@pytest.mark.parametrize("four_bit", [False, True], ids=["plain", "nf4"])
@pytest.mark.parametrize(("breaking", "said"), BROKEN_BASES.values(), ids=BROKEN_BASES)
def test_a_base_is_loaded_whole_or_not_at_all(
    breaking: Callable[[Path], object], said: str, four_bit: bool, tmp_path: Path
) -> None:
    breaking(save_base(tmp_path / "base"))
    with pytest.raises(NewtongueError, match=f"(?s){said}") as caught:
        load_base(tmp_path / "base", four_bit=four_bit)
    assert str(tmp_path / "base") in str(caught.value)


@pytest.mark.parametrize("four_bit", [False, True], ids=["plain", "nf4"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_whole_base_is_loaded_where_weights_are_tied_and_from_4_bits_on_disk(
    architecture: str, four_bit: bool, tmp_path: Path
) -> None:
    base = load_base(save_base(tmp_path / "base", architecture), four_bit=four_bit)
    head, embedding = base.get_output_embeddings(), base.get_input_embeddings()
    assert (head.weight is embedding.weight) is bool(ARCHITECTURES[architecture].get("tie_word_embeddings"))
    if not four_bit:
        return
    base.save_pretrained(tmp_path / "small")
    for as_said in (True, False):  # There is no other way to have it.
        again = load_base(tmp_path / "small", four_bit=as_said)
        assert torch.equal(logits(again, **INPUTS), logits(base, **INPUTS))


def test_memory_that_is_spent_is_not_told_as_a_fault_of_the_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spent(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("newtongue_recipes.loading.AutoModelForCausalLM.from_pretrained", spent)
    with pytest.raises(torch.OutOfMemoryError):
        load_base(tmp_path)


# Languages


@pytest.mark.parametrize("language", ["tr", "TR"])
def test_a_language_attached_twice_is_an_error_and_the_first_stays(language: str) -> None:
    base = bare_base()
    model = adapter_for(base, "tr").attach(base, tokenizer=base_tokenizer())
    shake_lora(model.adapter("tr"))
    before = state_bytes(model)
    second = adapter_for(base, language)
    with pytest.raises(LanguageError, match=r"already attached.*model.detach\('tr'\).*'tr-x-news'"):
        second.attach(base)
    assert not second.attached and model.languages == ("tr",)
    now = state_bytes(model)
    assert now.keys() == before.keys() and all(torch.equal(now[name], before[name]) for name in now)


@pytest.mark.parametrize("said", ["zh-Hant", "zh-hant", "ZH-HANT"])
def test_an_attached_language_is_found_in_any_case(said: str) -> None:
    base = bare_base()
    before, state = picture(base), state_bytes(base)
    adapter = adapter_for(base, "zh-Hant")
    model = adapter.attach(base, tokenizer=base_tokenizer())
    ranges = model.tokenizer.ranges  # type: ignore[attr-defined]
    assert said in ranges and ranges[said] is ranges["zh-Hant"] and ranges.index(said) == ranges["zh-Hant"].start
    assert model.adapter(said) is adapter
    assert model.detach(said) is adapter and said not in ranges
    assert_untouched(base, before, state)


def test_one_adapter_on_two_bases_is_an_error() -> None:
    first, second = bare_base(), bare_base()
    adapter = adapter_for(first)
    adapter.attach(first)
    before, state = picture(second), state_bytes(second)
    with pytest.raises(LanguageError, match=r"attached already. Detach it first, or load it again"):
        adapter.attach(second)
    assert_untouched(second, before, state)


@pytest.mark.parametrize("tag", ["turkish language", "tr_TR", "", "t", "123", None])
def test_what_is_no_language_tag_is_refused(tag: Any) -> None:
    base = bare_base()
    with pytest.raises(LanguageError, match=f"{tag!r} is not a language tag.*'tr' for Turkish"):
        adapter_for(base, tag)


def test_detaching_what_is_not_attached_is_an_error() -> None:
    base = bare_base()
    with pytest.raises(LanguageError, match="'tr' cannot be detached"):
        detach(base, "tr")
    model = adapter_for(base, "tr").attach(base)
    with pytest.raises(LanguageError, match="'ja'; attached: 'tr'"):
        model.detach("ja")
    with pytest.raises(LanguageError, match="'ja'; attached: 'tr'"):
        model.adapter("ja")
    assert model.languages == ("tr",)


def test_ids_of_a_language_no_longer_attached_are_an_error() -> None:
    base = bare_base()
    adapter_for(base, "tr").attach(base)
    model = adapter_for(base, "ja").attach(base, tokenizer=base_tokenizer())
    ids = model.tokenizer("日本", language="ja", return_tensors="pt")
    model.detach("ja")
    row = ids["input_ids"][0].tolist()
    for use in (
        lambda: model(**ids),
        lambda: model.generate(**ids, max_new_tokens=1),
        lambda: model.tokenizer.decode(row),
        lambda: model.tokenizer.decode(row, skip_special_tokens=True),
        lambda: model.tokenizer.batch_decode([INPUTS["input_ids"][0].tolist(), row]),
        lambda: model.tokenizer.convert_ids_to_tokens(row),
        lambda: model.tokenizer.convert_ids_to_tokens(row[1]),
    ):
        with pytest.raises(NewtongueError, match=r"nor to an attached language \(tr .*Encode the text again"):
            use()
    assert torch.equal(logits(model, **INPUTS), logits(bare_base(), **INPUTS))


def test_ids_of_the_base_s_rows_without_a_token_are_decoded_as_the_base_does() -> None:
    for ids in ([0, 0, 5, 319], [319], [], 319):
        for how in ("decode", "convert_ids_to_tokens"):
            assert getattr(world().tokenizer, how)(ids) == getattr(base_tokenizer(), how)(ids)


# Settings that are wrong


SETTINGS: dict[str, dict[str, Any]] = {
    **{f"sharpness is {one}": {"sharpness": float(one)} for one in ("-1.0", "nan", "inf")},
    **{f"dropout is {one}": {"dropout": float(one)} for one in ("-0.1", "1.5", "nan")},
    **{f"hidden is {one}": {"hidden": one} for one in (0, -5, 2.5, 1 << 40)},
    "borrows is 'yes'": {"borrows": "yes", "language": "ja"},
}


@pytest.mark.parametrize("said", SETTINGS)
def test_an_adapter_that_could_not_be_loaded_again_is_not_made(said: str) -> None:
    with pytest.raises(NewtongueError, match=f"{said}.*give ModalityAdapter.create another value"):
        ModalityAdapter.create(bare_base(), tiny_encoder(), **{"language": "tr", **SETTINGS[said]})


@pytest.mark.parametrize("made", [{"sharpness": 0}, {"dropout": 0}, {"dropout": 1.0}, {"hidden": 1}], ids=str)
def test_an_adapter_with_settings_at_their_bounds_is_made_and_loaded_again(
    made: dict[str, Any], tmp_path: Path
) -> None:
    ModalityAdapter.create(bare_base(), tiny_encoder(), language="tr", **made).save_pretrained(tmp_path / "tr")
    mapper = ModalityAdapter.from_pretrained(tmp_path / "tr").config.mapper
    assert {name: getattr(mapper, name) for name in made} == made


# A failure in the middle


def test_a_lora_of_another_base_is_refused_and_the_base_is_as_before(folder: Path) -> None:
    adapter = ModalityAdapter.from_pretrained(folder)
    deeper = tiny_base("phi", num_hidden_layers=3)
    before, state = picture(deeper), state_bytes(deeper)
    with pytest.raises(AdapterFormatError, match=r"lacks .* weights, the first .*layers.2.*load the base it names"):
        adapter.attach(deeper)
    assert_untouched(deeper, before, state)
    assert not adapter.attached
    assert adapter.attach(bare_base()).languages == ("tr",)


LORA = "lora/adapter_model.safetensors"
LORAS = {
    "lacking a weight": (lambda weights: weights.pop(sorted(weights)[0]), "lacks 1 weights"),
    "with one too many": (lambda weights: weights.update({"more": torch.zeros(1)}), "has unknown 1 weights.*'more'"),
    "of another shape": (lambda weights: weights.update({sorted(weights)[1]: torch.zeros(1, 1)}), "other shapes"),
}


@pytest.mark.parametrize(("change", "said"), LORAS.values(), ids=LORAS)
@pytest.mark.parametrize("second", [False, True], ids=["first", "second"])
def test_a_wrong_lora_is_an_error_and_nothing_is_half_attached(
    change: Callable[[dict[str, torch.Tensor]], object], said: str, second: bool, folder: Path
) -> None:
    signed(LORA, change)(folder)
    base = bare_base()
    if second:
        model = adapter_for(base, "ja").attach(base, trainable=True)
        shake_lora(model.adapter("ja"))
    before, state = picture(base), state_bytes(base)
    adapter = ModalityAdapter.from_pretrained(folder)
    with pytest.raises(AdapterFormatError, match=said):
        adapter.attach(base)
    assert_untouched(base, before, state)
    assert not adapter.attached
    if second:
        inputs = {"input_ids": torch.tensor([[1, 20, 350, 360, 9]])}
        assert torch.isfinite(logits(model, **inputs)).all()
        assert type(model.detach("ja")) is ModalityAdapter
        assert type(base) is type(bare_base())


@pytest.mark.parametrize("step", ["add_lora", "join_tokenizer", "Port.set_trainable"])
def test_a_failure_at_any_step_of_attaching_undoes_the_others(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    base = bare_base()
    adapter = adapter_for(base)
    before, state = picture(base), state_bytes(base)
    monkeypatch.setattr(f"newtongue.attaching.attached.{step}", fail)
    with pytest.raises(KeyboardInterrupt):
        adapter.attach(base, tokenizer=base_tokenizer(), trainable=True)
    monkeypatch.undo()
    assert_untouched(base, before, state)
    assert adapter.attach(base).languages == ("tr",)


# The base's tokenizer


def test_a_base_without_a_tokenizer_says_how_to_give_one(tmp_path: Path) -> None:
    for place in ("", str(tmp_path / "base")):
        base = tiny_base()
        if place:
            base.save_pretrained(place)
            base = type(base).from_pretrained(place)
        model = adapter_for(base).attach(base)
        with pytest.raises(NewtongueError, match=r"No tokenizer.*attach\(base, tokenizer=...\)"):
            _ = model.tokenizer


def with_words(count: int) -> PreTrainedTokenizerBase:
    """The base's tokenizer with tokens added, up to `count` ids in all."""
    tokenizer = base_tokenizer()
    tokenizer.add_tokens([f"<word{number}>" for number in range(len(tokenizer), count)])
    return tokenizer


def with_a_gap(last: int) -> PreTrainedTokenizerBase:
    """A tokenizer of a few tokens, the last of which has the id `last`."""
    backend = Tokenizer(models.WordLevel({"<eos>": 0, "water": 1, "bread": last}, unk_token="<eos>"))
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<eos>")


@pytest.mark.parametrize("rows", [ROWS, ROWS + 1])
def test_a_base_s_tokenizer_has_an_id_a_row_at_most(rows: int, tmp_path: Path) -> None:
    """Those of the Phis have fewer, and are taken."""
    for tokenizer in (with_words(rows), with_a_gap(rows - 1)):
        base = type(tiny_base()).from_pretrained(save_base(tmp_path / "base"))
        before, state = picture(base), state_bytes(base)
        tokenizer.save_pretrained(tmp_path / "base")
        last = str(tokenizer.convert_ids_to_tokens(rows - 1))
        if rows == ROWS:
            model = adapter_for(base).attach(base, tokenizer=tokenizer)
            ids = model.tokenizer(last, add_special_tokens=False)["input_ids"]
            assert ids == [rows - 1] and model.tokenizer.decode(ids) == last
            continue
        said = f"'{last}' with id {ROWS}, and the base's embedding has {ROWS} rows.*resize_token_embeddings\\({rows}\\)"
        adapter = adapter_for(base)
        with pytest.raises(NewtongueError, match=said):
            adapter.attach(base, tokenizer=tokenizer)
        assert_untouched(base, before, state)
        with pytest.raises(NewtongueError, match=said):
            _ = adapter.attach(base).tokenizer


def test_tokens_added_beyond_the_base_s_rows_are_an_error() -> None:
    base = bare_base()
    tokenizer = adapter_for(base).attach(base, tokenizer=with_words(ROWS - 1)).tokenizer
    assert tokenizer.add_tokens(["<last>"]) == 1 and tokenizer.convert_tokens_to_ids("<last>") == ROWS - 1
    with pytest.raises(NewtongueError, match=f"'<more>' with id {ROWS}, and the base's embedding has {ROWS} rows"):
        tokenizer.add_special_tokens({"pad_token": "<more>"})
    with pytest.raises(NewtongueError, match=f"'<more>' with id {ROWS}"):
        tokenizer.add_tokens(["<more>"])
    assert len(tokenizer) == ROWS and "<more>" not in tokenizer.get_vocab()


def test_a_special_token_that_only_a_text_could_name_needs_no_row() -> None:
    """As the one for images that the text-only Gemma 3 has."""
    own = with_words(ROWS)
    own.add_tokens([AddedToken("<image>", special=True)], special_tokens=True)
    tokenizer = adapter_for(base := bare_base()).attach(base, tokenizer=own).tokenizer
    assert tokenizer("What is?")["input_ids"] == own("What is?")["input_ids"]
    assert tokenizer("Su nedir?", language="tr")["input_ids"][1] >= ROWS
    marked = [{"role": "user", "content": [{"type": "text", "text": "Su?", "language": "tr"}]}]
    tokenizer.apply_chat_template(marked)
    named = [{"type": "text", "text": "<image>"}, *marked[0]["content"]]
    for read in (
        lambda: tokenizer("What <image> is?"),
        lambda: tokenizer(["What is?", "<image>"], padding=True, return_tensors="pt"),
        lambda: tokenizer.apply_chat_template([{"role": "user", "content": named}]),
    ):
        with pytest.raises(NewtongueError, match="holds '<image>', a token of the base's tokenizer"):
            read()
    own.pad_token = "<image>"
    with pytest.raises(NewtongueError, match=f"'<image>' with id {ROWS}"):
        adapter_for(base := bare_base()).attach(base, tokenizer=own)


def test_the_tokenizer_beside_the_base_is_found(tmp_path: Path) -> None:
    base = type(tiny_base()).from_pretrained(save_base(tmp_path / "base"))
    model = adapter_for(base).attach(base)
    assert model.tokenizer("What is?")["input_ids"] == base_tokenizer()("What is?")["input_ids"]
    assert set(files_of(tmp_path)) >= {"base/tokenizer.json"}
