"""Attaching and detaching: the base stays what it was, whatever happens in between."""

import copy
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest
import torch
from accelerate import dispatch_model
from bitsandbytes.functional import has_avx512bf16
from peft import LoraConfig
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, TextStreamer

from holds import check_saved, unreached
from newtongue import AttachedModel, ModalityAdapter, NewtongueError
from newtongue.answering.lora import lora_paths
from newtongue_recipes.demo.nano import FOLDER as PHI_NANO
from newtongue_recipes.loading import load_base
from streams import Part, batch, ids_of
from tiny import ARCHITECTURES, base_tokenizer, tiny_base
from worlds import (
    KINDS,
    SOME,
    adapter_for,
    attach_two,
    bare_base,
    bare_twin,
    logits,
    recomputing,
    same,
    shake_lora,
    state_bytes,
    world,
)

over_kinds = pytest.mark.parametrize(("architecture", "dtype"), KINDS, ids=["-".join(kind) for kind in KINDS])
over_some = pytest.mark.parametrize(("architecture", "dtype"), SOME, ids=["-".join(kind) for kind in SOME])

ENGLISH = (Part(None, 7, 1),)
TURKISH = (Part(None, 2, 2), Part("tr", 5, 3), Part(None, 3, 4))
JAPANESE = (Part(None, 3, 5), Part("ja", 40, 6), Part(None, 2, 7))
BOTH = (Part(None, 2, 8), Part("tr", 3, 9), Part("ja", 4, 10), Part(None, 2, 11))


def mixed_batch(model: AttachedModel) -> dict[str, Tensor]:
    rows = [ENGLISH, TURKISH, JAPANESE, BOTH] if "ja" in model.languages else [ENGLISH, TURKISH]
    return batch([ids_of(row, model) for row in rows], "left")


def train(model: AttachedModel, steps: int = 1) -> None:
    """Steps of gradient descent on all that is trainable, on rows in each language."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    inputs = mixed_batch(model)
    labels = inputs["input_ids"].where(inputs["input_ids"] < 300, -100)
    for _ in range(steps):
        model.train()
        model(**inputs, labels=labels, use_cache=False).loss.backward()
        for parameter in trained:
            if parameter.grad is not None:
                parameter.data -= 0.1 * parameter.grad
                parameter.grad = None
    model.eval()


def picture(base: PreTrainedModel) -> dict[str, object]:
    """All of a base that detaching must give back."""
    inputs = {"input_ids": torch.tensor([[1, 20, 30, 40, 50]])}
    return {
        "class": type(base),
        "modules": [(name, type(module)) for name, module in base.named_modules()],
        "flags": {name: parameter.requires_grad for name, parameter in base.named_parameters()},
        "same parameters": {name: id(parameter) for name, parameter in base.named_parameters()},
        "hooks": [(len(module._forward_hooks), len(module._forward_pre_hooks)) for module in base.modules()],
        "attributes": sorted(base.__dict__),
        "state": state_bytes(base),
        "logits": logits(base, **inputs),
    }


def assert_same_picture(before: dict[str, object], after: dict[str, object]) -> None:
    for part, value in before.items():
        if part == "logits":
            assert torch.equal(value, after[part])
        elif part == "state":
            assert value.keys() == after[part].keys()
            for name in value:
                assert torch.equal(value[name], after[part][name]), name
        else:
            assert value == after[part], part


@over_kinds
@pytest.mark.parametrize("order", list(permutations(["tr", "ja"])), ids="-".join)
def test_detaching_in_any_order_gives_the_base_back_bit_for_bit(
    architecture: str, dtype: str, order: tuple[str, ...]
) -> None:
    base = bare_base(architecture, dtype)
    next(iter(base.parameters())).requires_grad_(False)  # A flag of the user's own.
    before = picture(base)
    model = attach_two(base)
    logits(model, **mixed_batch(model))
    for language in order:
        model.detach(language)
    assert_same_picture(before, picture(base))


@pytest.mark.skipif(not has_avx512bf16(), reason="bitsandbytes repacks them only for a CPU with AVX512-BF16")
def test_4_bit_weights_repacked_for_a_cpu_stay_as_they_are() -> None:
    """bitsandbytes packs them anew at the first forward, and rounds them whenever a state dict is written."""
    base = load_base(PHI_NANO)
    english = torch.arange(40).view(2, 20)
    before = logits(base, input_ids=english)
    model = adapter_for(base).attach(base, tokenizer=base_tokenizer())
    assert torch.equal(logits(model, input_ids=english), before)
    model.adapter("tr").lora_weights()
    model.detach("tr")
    assert torch.equal(logits(base, input_ids=english), before)


@over_some
def test_detaching_after_training_gives_the_base_back_bit_for_bit(architecture: str, dtype: str) -> None:
    base = bare_base(architecture, dtype)
    before = picture(base)
    model = attach_two(base, trainable=True)
    train(model, steps=2)
    model.detach("ja")
    train(model)
    model.detach("tr")
    assert_same_picture(before, picture(base))


@over_some
def test_an_adapter_attached_again_answers_as_before(architecture: str, dtype: str) -> None:
    base = bare_base(architecture, dtype)
    model = attach_two(base)
    before = logits(model, **mixed_batch(model))
    turkish, japanese = model.detach("tr"), model.detach("ja")
    turkish.attach(base)
    model = japanese.attach(base)
    assert torch.equal(logits(model, **mixed_batch(model)), before)


def test_the_order_of_attaching_changes_no_answer() -> None:
    first, second = world(), attach_two(bare_base(), languages=("ja", "tr"))
    assert second.languages == ("ja", "tr")
    one, other = mixed_batch(first), mixed_batch(second)
    assert not torch.equal(one["input_ids"], other["input_ids"])
    assert same(logits(second, **other), logits(first, **one))


@over_kinds
def test_a_saved_adapter_loaded_into_a_fresh_base_gives_equal_logits(
    architecture: str, dtype: str, tmp_path: Path
) -> None:
    check_saved(world(architecture, dtype), bare_base(architecture, dtype), mixed_batch, tmp_path)


@over_kinds
@pytest.mark.parametrize("checkpointing", [False, True], ids=["plain", "checkpointing"])
def test_gradients_reach_encoder_mapper_and_lora_and_nothing_of_the_base(
    architecture: str, dtype: str, checkpointing: bool
) -> None:
    base = bare_base(architecture, dtype)
    own = list(base.parameters())
    model = attach_two(base, trainable=True)
    if checkpointing:
        model.activation_checkpointing_enable()
    model.train()
    inputs = mixed_batch(model)
    model(**inputs, labels=inputs["input_ids"].where(inputs["input_ids"] < 300, -100), use_cache=False).loss.backward()
    assert not unreached(model)
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in own)


@over_some
def test_gradient_checkpointing_changes_no_gradient(architecture: str, dtype: str) -> None:
    gradients = []
    for checkpointing in (False, True):
        model = recomputing(bare_base(architecture, dtype), checkpointing)
        inputs = mixed_batch(model)
        loss = model(**inputs, labels=inputs["input_ids"].where(inputs["input_ids"] < 300, -100)).loss
        loss.backward()
        gradients.append([p.grad for name in model.languages for _, p in model.adapter(name).trainable_parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(recomputed, plain, rtol=1e-4, atol=1e-6)


def test_training_one_language_leaves_an_attached_one_frozen() -> None:
    base = bare_base()
    adapter_for(base, "tr").attach(base)
    model = adapter_for(base, "ja").attach(base, trainable=True)
    flags = {name: {p.requires_grad for _, p in model.adapter(name).trainable_parameters()} for name in ("tr", "ja")}
    assert flags == {"tr": {False}, "ja": {True}}


@pytest.mark.parametrize("voice", [False, True])
def test_labels_of_what_is_read_in_a_language_count_for_nothing(voice: bool) -> None:
    model = attach_two(bare_base(), voice=voice)
    inputs = mixed_batch(model)
    known = inputs["input_ids"].where(inputs["input_ids"] < model.tokenizer.ranges.base_rows, -100)  # type: ignore[attr-defined]
    own = model(**inputs, labels=known).loss
    assert torch.equal(model(**inputs, labels=inputs["input_ids"]).loss, own) and bool(own.isfinite())


def test_a_base_with_languages_keeps_its_number_of_rows() -> None:
    model = attach_two(bare_base())
    with pytest.raises(NewtongueError, match="tr, ja begin after the base's 320 rows"):
        model.resize_token_embeddings(340)
    model.detach("tr")
    model.detach("ja")
    assert len(model.resize_token_embeddings(340).weight) == 340


def test_attaching_without_training_changes_no_flag_of_the_base() -> None:
    base = bare_base()
    model = attach_two(base)
    own = {name for name, _ in tiny_base().named_parameters()}
    trainable = {name.replace(".base_layer", "") for name, p in model.named_parameters() if p.requires_grad}
    assert trainable == own
    assert not any(p.requires_grad for name in model.languages for _, p in model.adapter(name).trainable_parameters())


@pytest.mark.parametrize("trainable", [False, True])
def test_a_lora_of_somebody_else_goes_on_training_unless_the_language_trains(trainable: bool) -> None:
    base = bare_base()
    base.add_adapter(LoraConfig(r=2, target_modules=["q_proj"]), adapter_name="style")
    model = adapter_for(base).attach(base, trainable=trainable)
    theirs = {p.requires_grad for name, p in model.named_parameters() if ".lora_" in name and ".style." in name}
    assert theirs == {not trainable}


def test_a_training_of_the_base_under_a_language_that_does_not_train_is_told_once() -> None:
    model = attach_two(bare_base()).train()
    inputs = mixed_batch(model)
    with pytest.warns(UserWarning, match="The base itself is being trained.*trainable=True") as warned:
        for _ in range(3):
            model(**inputs)
    assert len(warned) == 1


@pytest.mark.filterwarnings("error:The base itself")
def test_a_training_of_somebody_s_lora_alone_is_told_nothing() -> None:
    base = bare_base()
    base.add_adapter(LoraConfig(r=2, target_modules=["q_proj"]), adapter_name="style")
    model = adapter_for(base).attach(base).train()
    assert model(**batch([ids_of(ENGLISH, model)])).logits.requires_grad


def test_a_training_that_begins_with_rows_of_the_base_alone_is_told_once_that_it_learns_nothing() -> None:
    model = attach_two(bare_base(), trainable=True).train()
    inputs = batch([ids_of(ENGLISH, model)])
    with pytest.warns(UserWarning, match="first 16 batches no text was marked as tr.*processing_class") as warned:
        for _ in range(20):
            model(**inputs, labels=inputs["input_ids"]).loss.backward()
    assert len(warned) == 1


@pytest.mark.filterwarnings("error:In the first")
def test_one_that_has_read_a_language_is_told_nothing() -> None:
    model = attach_two(bare_base(), trainable=True).train()
    model(**mixed_batch(model))
    inputs = batch([ids_of(ENGLISH, model)])
    for _ in range(20):
        model(**inputs, labels=inputs["input_ids"]).loss.backward()


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize(("own", "other"), [("tr", "ja"), ("ja", "tr")])
def test_a_row_uses_the_lora_of_its_language_alone(own: str, other: str, training: bool) -> None:
    model = attach_two(bare_base()).train(training)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    rows = {"tr": TURKISH, "ja": JAPANESE}
    inputs = batch([ids_of(rows[own], model), ids_of(ENGLISH, model)])
    before = logits(model, **inputs)
    for scale, unchanged in ((other, True), (own, False)):
        for name, parameter in model.adapter(scale).trainable_parameters():
            if name.startswith("lora"):
                parameter.data.zero_()
        after = logits(model, **inputs)
        assert torch.equal(after[0], before[0]) is unchanged
        assert torch.equal(after[1], before[1])


GENERATION = {
    "greedy": {},
    "repetition penalty": {"repetition_penalty": 1.5},
    "no repeated n-gram": {"no_repeat_ngram_size": 2},
    "beams": {"num_beams": 3},
    "beams, each returned": {"num_beams": 3, "num_return_sequences": 3},
    "sampling, several": {"do_sample": True, "num_return_sequences": 2, "top_k": 5},
    "n-grams of the prompt, penalty, beams": {
        "num_beams": 2,
        "encoder_repetition_penalty": 1.3,
        "no_repeat_ngram_size": 3,
    },
    "bad words": {"bad_words_ids": [[5], [7, 9]]},
    "stop strings": {"stop_strings": ["Paris"], "tokenizer": base_tokenizer()},
    "static cache": {"cache_implementation": "static"},
    "prompt lookup": {"prompt_lookup_num_tokens": 3},
}


@pytest.mark.parametrize("options", GENERATION.values(), ids=GENERATION)
@over_some
def test_generation_with_any_option_reads_the_languages(
    architecture: str, dtype: str, options: dict[str, object]
) -> None:
    model = world(architecture, dtype)
    inputs = mixed_batch(model)
    del inputs["position_ids"]
    if "prompt_lookup_num_tokens" in options:
        inputs = {name: value[-1:] for name, value in inputs.items()}
    torch.manual_seed(0)
    out = model.generate(**inputs, **{"max_new_tokens": 6, "do_sample": False, **options})
    many = int(options.get("num_return_sequences", 1))
    assert len(out) == many * len(inputs["input_ids"])
    width = inputs["input_ids"].shape[1]
    assert torch.equal(out[:, :width], inputs["input_ids"].repeat_interleave(many, 0))
    assert int(out[:, width:].max()) < model.config.vocab_size


def test_a_penalty_leaves_english_rows_as_the_bare_base_has_them() -> None:
    model, bare = world(), bare_twin()
    inputs = {"input_ids": torch.tensor([ids_of(ENGLISH, model)])}
    options = {"max_new_tokens": 8, "do_sample": False, "repetition_penalty": 1.7, "no_repeat_ngram_size": 2}
    assert torch.equal(model.generate(**inputs, **options), bare.generate(**inputs, **options))


def test_a_streamer_prints_the_prompt_and_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    model = world()
    ids = model.tokenizer("Güzel bir gün.", language="tr", return_tensors="pt")
    out = model.generate(**ids, max_new_tokens=4, do_sample=False, streamer=TextStreamer(model.tokenizer))
    assert capsys.readouterr().out.strip() == model.tokenizer.decode(out[0]).strip()


@over_kinds
def test_saving_an_attached_base_writes_the_base_alone_and_changes_nothing(
    architecture: str, dtype: str, tmp_path: Path
) -> None:
    bare_twin(architecture, dtype).save_pretrained(tmp_path / "bare")
    model = attach_two(bare_base(architecture, dtype))
    before = picture(model), logits(model, **mixed_batch(model))
    model.save_pretrained(tmp_path / "attached")
    for path in (tmp_path / "bare").iterdir():
        assert path.read_bytes() == (tmp_path / "attached" / path.name).read_bytes(), path.name
    assert len(list((tmp_path / "bare").iterdir())) == len(list((tmp_path / "attached").iterdir()))
    assert_same_picture(before[0], picture(model))
    assert torch.equal(logits(model, **mixed_batch(model)), before[1])
    AutoModelForCausalLM.from_pretrained(tmp_path / "attached")


@pytest.mark.parametrize("architecture", ["phi3", "gemma3_text"])
def test_tied_embeddings_stay_tied(architecture: str) -> None:
    model = attach_two(bare_base(architecture))
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    model.tie_weights()
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight


def test_a_base_dispatched_by_accelerate_reads_the_languages() -> None:
    model = world()
    base = dispatch_model(bare_base(), {"": "cpu"}, force_hooks=True)
    dispatched = attach_two(base)
    assert same(logits(dispatched, **mixed_batch(dispatched)), logits(model, **mixed_batch(model)))


@over_some
def test_a_deep_copy_is_attached_and_independent(architecture: str, dtype: str) -> None:
    model = attach_two(bare_base(architecture, dtype), trainable=True)
    inputs = mixed_batch(model)
    before = logits(model, **inputs)
    twin: AttachedModel = copy.deepcopy(model)
    assert torch.equal(logits(twin, **inputs), before)
    train(twin)
    assert not torch.equal(logits(twin, **inputs), before)
    twin.detach("tr")
    assert twin.languages == ("ja",) and model.languages == ("tr", "ja")
    assert torch.equal(logits(model, **inputs), before)


CASTS = {
    "to bfloat16": lambda model: model.to(torch.bfloat16),
    "half": lambda model: model.half(),
    "to float64": lambda model: model.to(torch.float64),
}


@pytest.mark.parametrize("cast", CASTS.values(), ids=CASTS)
def test_weights_that_train_stay_float32_when_the_base_is_cast(cast: object) -> None:
    model = attach_two(bare_base(), trainable=True)
    before = [p.detach().clone() for name in model.languages for _, p in model.adapter(name).trainable_parameters()]
    cast(model)
    after = [p for name in model.languages for _, p in model.adapter(name).trainable_parameters()]
    assert all(parameter.dtype == torch.float32 for parameter in after)
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert model(**mixed_batch(model)).logits.dtype == model.dtype != torch.float32
    train(model)


def test_lora_on_a_bfloat16_base_is_loaded_unrounded(tmp_path: Path) -> None:
    model = world("phi", "bfloat16")
    weights = model.adapter("tr").lora_weights()
    assert any(not torch.equal(value, value.bfloat16().float()) for value in weights.values())
    model.adapter("tr").save_pretrained(tmp_path / "tr")
    other = ModalityAdapter.from_pretrained(tmp_path / "tr").attach(bare_base("phi", "bfloat16"))
    for key, value in other.adapter("tr").lora_weights().items():
        assert torch.equal(value, weights[key])


@pytest.mark.parametrize(("architecture", "dtype"), [("phi", "float32"), ("llama", "bfloat16")])
@pytest.mark.parametrize("cast", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_works_and_its_output_has_the_type_of_the_bare_base(
    architecture: str, dtype: str, cast: torch.dtype
) -> None:
    model, bare = world(architecture, dtype), bare_twin(architecture, dtype)
    inputs = mixed_batch(model)
    with torch.autocast("cpu", cast), torch.no_grad():
        out = model(**inputs).logits
        plain = bare(input_ids=inputs["input_ids"].clamp(max=9)).logits
        embedded = model.embed(inputs["input_ids"])
    assert out.dtype == plain.dtype
    assert embedded.dtype == bare.dtype
    whole = logits(model, **inputs)
    assert (out.float() - whole).abs().max() < 0.1 * whole.abs().max()


AWKWARD = ["to", "pop", "lo", "or", "el", "de", "ay", "tr-x-news", "zh-Hant"]


@pytest.mark.parametrize("language", AWKWARD)
def test_any_tag_can_be_attached_beside_a_longer_one(language: str, tmp_path: Path) -> None:
    """Some tags are names of methods (`to`: Tongan) or parts of PEFT's keys (`lo`, Lao, in `lora_A`)."""
    base = bare_base()
    longer = f"{language}-x-more" if "-x-" not in language else f"{language}-more"
    for tag in (language, longer):
        model = adapter_for(base, tag).attach(base)
        shake_lora(model.adapter(tag), seed=len(tag))
    before = {tag: model.adapter(tag).lora_weights() for tag in model.languages}
    assert not all(torch.equal(before[language][key], before[longer][key]) for key in before[language])
    model.adapter(language).save_pretrained(tmp_path / "saved")
    model.detach(longer)
    model.adapter(language).load_weights(tmp_path / "saved")
    for key, value in model.adapter(language).lora_weights().items():
        assert torch.equal(value, before[language][key])
    model.detach(language)
    assert type(base) is type(bare_twin())


VARIANTS = {
    "DoRA": {"use_dora": True},
    "tuned biases": {"bias": "all"},
    "saved modules": {"modules_to_save": ["lm_head"]},
    "PiSSA": {"init_lora_weights": "pissa"},
    "OLoRA": {"init_lora_weights": "olora"},
    "activated LoRA": {"alora_invocation_tokens": [1]},
    "an embedding": {"target_modules": ["embed_tokens"]},
    "no layer": {"target_modules": ["nowhere"]},
    "repeated layers": {"layer_replication": [(0, 2), (0, 2)]},
}


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_lora_that_would_change_english_is_refused_and_nothing_is_attached(options: dict[str, object]) -> None:
    base = bare_base()
    before = picture(base)
    with pytest.raises(ValueError, match=next(iter(options)) if "target_modules" not in options else "LoRA of 'tr'"):
        adapter_for(base, lora=LoraConfig(**{"target_modules": "all-linear", **options})).attach(base)
    assert_same_picture(before, picture(base))


MIXTURES: dict[str, dict[str, object]] = {
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "head_dim": 8},
}


@pytest.mark.filterwarnings("ignore:The following .*_pattern keys did not match")
@pytest.mark.parametrize("architecture", MIXTURES)
def test_lora_on_experts_in_one_piece_is_refused_and_on_linear_layers_leaves_english(architecture: str) -> None:
    torch.manual_seed(0)
    sizes = {**ARCHITECTURES["llama"], **MIXTURES[architecture]}
    base = AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, **sizes)).eval()
    before = picture(base)
    with pytest.raises(NewtongueError, match=r"LoRA of 'tr' is added to the weights of model\.layers\.0\.mlp"):
        adapter_for(base).attach(base)
    assert_same_picture(before, picture(base))
    model = adapter_for(base, lora=LoraConfig(r=4, target_modules=["q_proj", "v_proj"])).attach(base)
    shake_lora(model.adapter("tr"))
    english = {"input_ids": torch.tensor([[1, 20, 30, 40, 50]])}
    assert torch.equal(logits(model, **english), before["logits"])


@pytest.mark.parametrize("copied", [lambda model: model, copy.deepcopy], ids=["itself", "a copy"])
def test_english_is_of_the_layers_a_base_has_now(copied: Callable[[AttachedModel], AttachedModel]) -> None:
    """Others may put another layer in the place of one, as quantising in place does."""
    first = attach_two(bare_base())
    english = batch([ids_of(ENGLISH, first)])
    before = logits(first, **english)
    model = copied(first)
    for _, layer in lora_paths(model):
        layer.base_layer = copy.deepcopy(layer.base_layer)
        layer.base_layer.weight.data *= 2
    bare = bare_base()
    for name, module in bare.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            module.weight.data *= 2
    assert torch.equal(logits(model, **english), logits(bare, **english))
    assert model is first or torch.equal(logits(first, **english), before)


def test_plain_lora_options_are_taken() -> None:
    base = bare_base()
    config = LoraConfig(
        r=2, lora_alpha=4, lora_dropout=0.1, lora_bias=True, use_rslora=True, target_modules=["q_proj", "fc1"],
        layers_to_transform=[1], rank_pattern={"fc1": 3}, task_type="CAUSAL_LM",
    )  # fmt: skip
    model = adapter_for(base, lora=config).attach(base)
    english = {"input_ids": torch.tensor([[1, 20, 30]])}
    assert torch.equal(logits(model, **english), logits(bare_twin(), **english))


@pytest.mark.parametrize("cache", ["static", "dynamic"])
def test_english_generated_after_a_language_is_that_of_the_bare_base(cache: str) -> None:
    model, bare = attach_two(bare_base()), bare_twin()
    options = {"max_new_tokens": 6, "do_sample": False, "cache_implementation": cache}
    model.generate(torch.tensor([ids_of(TURKISH, model)]), **options)
    english = torch.tensor([[*ids_of(ENGLISH, model), 30, 31, 32, 33]])
    assert torch.equal(model.generate(english, **options), bare.generate(english, **options))
