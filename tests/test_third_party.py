"""PEFT adapters of others on the same base: they answer on all rows, ours beside them where a row is in a language."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import IA3Config, LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from newtongue import ModalityAdapter, NewtongueError
from tiny import base_tokenizer
from worlds import adapter_for, bare_base, logits, same, shake_lora, state_bytes

ENGLISH = {"input_ids": torch.tensor([[1, 20, 21, 22, 9]])}
TURKISH = {"input_ids": torch.tensor([[1, 20, 350, 360, 370, 9]])}


@pytest.fixture
def style(tmp_path: Path) -> Path:
    """Somebody's LoRA for the tiny base, as PEFT saves it."""
    base = bare_base()
    base.add_adapter(LoraConfig(r=2, target_modules=["q_proj", "dense"]), adapter_name="style")
    torch.manual_seed(7)
    for name, parameter in base.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    base.save_pretrained(tmp_path / "style")
    return tmp_path / "style"


def attached(base: PreTrainedModel) -> PreTrainedModel:
    model = adapter_for(base).attach(base, tokenizer=base_tokenizer())
    shake_lora(model.adapter("tr"))
    return model


@pytest.fixture
def styled(style: Path) -> PreTrainedModel:
    base = bare_base()
    base.load_adapter(str(style), adapter_name="style")
    return base


def test_a_lora_loaded_before_goes_on_answering_on_every_row(styled: PreTrainedModel) -> None:
    before = logits(styled, **ENGLISH)
    assert not same(before, logits(bare_base(), **ENGLISH))
    model = attached(styled)
    assert torch.equal(logits(model, **ENGLISH), before)
    assert not same(logits(model, **TURKISH), logits(attached(bare_base()), **TURKISH))


@pytest.mark.parametrize("read_before", [None, ENGLISH, TURKISH], ids=["nothing", "english", "turkish"])
def test_loaded_after_it_does_the_same(
    styled: PreTrainedModel, style: Path, read_before: dict[str, torch.Tensor] | None
) -> None:
    model = attached(bare_base())
    if read_before is not None:
        logits(model, **read_before)
    model.load_adapter(str(style), adapter_name="style")
    other = attached(styled)
    for inputs in (ENGLISH, TURKISH):
        assert torch.equal(logits(model, **inputs), logits(other, **inputs))


def test_detaching_leaves_the_base_with_its_lora_as_it_was(styled: PreTrainedModel) -> None:
    before, state = logits(styled, **ENGLISH), state_bytes(styled)
    model = attached(styled)
    logits(model, **TURKISH)
    model.detach("tr")
    after = state_bytes(styled)
    assert after.keys() == state.keys() and all(torch.equal(after[name], state[name]) for name in state)
    assert torch.equal(logits(styled, **ENGLISH), before)
    assert styled.active_adapters() == ["style"]


def test_one_that_was_off_can_be_switched_on_after_detaching(styled: PreTrainedModel) -> None:
    before = logits(styled, **ENGLISH)
    model = attached(styled)
    model.set_adapter([name for name in model.peft_config if name != "style"])
    assert torch.equal(logits(model, **ENGLISH), logits(bare_base(), **ENGLISH))
    model.detach("tr")
    styled.set_adapter("style")
    assert torch.equal(logits(styled, **ENGLISH), before)


def test_a_hook_on_a_layer_of_the_base_sees_every_row() -> None:
    base = bare_base()
    layer = base.get_submodule("model.layers.0.self_attn.q_proj")
    seen: list[int] = []
    layer.register_forward_hook(lambda _module, args, _output: seen.append(args[0].shape[1]))
    model = attached(base)
    for inputs in (ENGLISH, TURKISH, ENGLISH):
        logits(model, **inputs)
    assert seen == [5, 6, 5]


def test_loaded_after_it_leaves_the_language_alone(style: Path, tmp_path: Path) -> None:
    model = attached(bare_base())
    names = set(model.adapter("tr").state_dict())  # The encoder has layers called dense as well.
    model.load_adapter(str(style), adapter_name="style")
    assert set(model.adapter("tr").state_dict()) == names
    model.adapter("tr").save_pretrained(tmp_path / "tr")
    ModalityAdapter.from_pretrained(tmp_path / "tr")


def test_detaching_leaves_one_that_was_loaded_after_it(styled: PreTrainedModel, style: Path) -> None:
    base = bare_base().requires_grad_(False)
    model = attached(base)
    model.load_adapter(str(style), adapter_name="style")
    model.detach("tr")
    assert torch.equal(logits(base, **ENGLISH), logits(styled, **ENGLISH))
    assert not any(weight.requires_grad for name, weight in base.named_parameters() if "lora_" not in name)


def test_one_that_is_taken_out_leaves_ours(styled: PreTrainedModel) -> None:
    model = attached(styled)
    logits(model, **TURKISH)
    model.delete_adapter("style")
    plain = attached(bare_base())
    for inputs in (TURKISH, ENGLISH):
        assert torch.equal(logits(model, **inputs), logits(plain, **inputs))


def test_what_ours_saves_holds_nothing_of_theirs(styled: PreTrainedModel, tmp_path: Path) -> None:
    attached(styled).adapter("tr").save_pretrained(tmp_path / "one")
    attached(bare_base()).adapter("tr").save_pretrained(tmp_path / "other")
    one, other = ((tmp_path / name / "lora" / "adapter_model.safetensors").read_bytes() for name in ("one", "other"))
    assert one == other


def test_one_merged_into_the_base_is_part_of_the_base(style: Path) -> None:
    merged = PeftModel.from_pretrained(bare_base(), str(style)).merge_and_unload()
    before = logits(merged, **ENGLISH)
    assert torch.equal(logits(attached(merged), **ENGLISH), before)


def disabled_before(base: PreTrainedModel) -> PreTrainedModel:
    base.disable_adapters()
    return attached(base)


def disabled_after(base: PreTrainedModel) -> PreTrainedModel:
    model = attached(base)
    logits(model, **TURKISH)
    model.disable_adapters()
    return model


def disabled_and_chosen(base: PreTrainedModel) -> PreTrainedModel:
    model = disabled_after(base)
    model.set_adapter("style")
    model.disable_adapters()
    return model


@pytest.mark.parametrize("disabled", [disabled_before, disabled_after, disabled_and_chosen])
def test_disabling_adapters_concerns_those_of_others_alone(
    styled: PreTrainedModel, disabled: Callable[[PreTrainedModel], PreTrainedModel]
) -> None:
    with_style, plain = {}, attached(bare_base())
    for name, inputs in (("english", ENGLISH), ("turkish", TURKISH)):
        with_style[name] = logits(attached(copy.deepcopy(styled)), **inputs)
    model = disabled(styled)
    for inputs in (TURKISH, ENGLISH):
        assert torch.equal(logits(model, **inputs), logits(plain, **inputs))
    twin = copy.deepcopy(model)
    model.enable_adapters()
    assert torch.equal(logits(model, **ENGLISH), with_style["english"])
    assert torch.equal(logits(model, **TURKISH), with_style["turkish"])
    twin.detach("tr")
    assert torch.equal(logits(twin, **ENGLISH), logits(bare_base(), **ENGLISH))
    twin.enable_adapters()
    assert torch.equal(logits(twin, **ENGLISH), with_style["english"])


@pytest.mark.parametrize("trainable", [False, True])
def test_disabling_adapters_changes_nothing_of_what_trains_of_a_language(trainable: bool) -> None:
    base = bare_base()
    model = adapter_for(base).attach(base, trainable=trainable)
    for switch in (model.disable_adapters, model.enable_adapters):
        switch()
        assert {one.requires_grad for _, one in model.adapter("tr").trainable_parameters()} == {trainable}


def test_detaching_leaves_one_off_that_was_off(styled: PreTrainedModel) -> None:
    model = attached(styled)
    model.set_adapter([name for name in model.peft_config if name != "style"])
    model.detach("tr")
    assert torch.equal(logits(styled, **ENGLISH), logits(bare_base(), **ENGLISH))


def test_an_adapter_other_than_lora_is_refused() -> None:
    base = bare_base()
    base.add_adapter(IA3Config(target_modules=["q_proj"], feedforward_modules=[]), adapter_name="scales")
    with pytest.raises(NewtongueError, match=r"other than LoRA \(scales\).*merge"):
        attached(base)


@pytest.mark.parametrize("layers", [["q_proj"], "all-linear"])
def test_one_put_over_languages_is_refused_before_it_trains_them(layers: str | list[str]) -> None:
    model = attached(bare_base())
    over = get_peft_model(model, LoraConfig(r=2, target_modules=layers))
    for read in (ENGLISH, TURKISH):
        with pytest.raises(NewtongueError, match=r"\(default\) was put over.*add_adapter"):
            over(**read)
    added = attached(bare_base())
    added.add_adapter(LoraConfig(r=2, target_modules=layers), adapter_name="default")
    assert torch.isfinite(logits(added, **TURKISH)).all()
