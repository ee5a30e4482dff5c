"""What people who know transformers and PEFT well do with an attached model, and what it must bear or refuse."""

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from peft import LoraConfig
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, MambaConfig, OPTConfig, Trainer, TrainingArguments

from newtongue import AttachedModel, ModalityAdapter, NewtongueError
from newtongue.answering.lora import lora_parameters
from newtongue.base import decoder_of
from streams import Part, Row, batch, ids_of, packed
from tiny import ARCHITECTURES, ROWS, save_base
from worlds import adapter_for, attach_two, bare_base, logits, same, shake_lora, state_bytes, world

ENGLISH: Row = (Part(None, 7, 1),)
TURKISH: Row = (Part(None, 2, 2), Part("tr", 5, 3), Part(None, 3, 4))


def test_threads_that_share_a_model_answer_as_alone() -> None:
    model = world()
    asked = [batch([ids_of(row, model)]) for row in (ENGLISH, TURKISH)]
    alone = [logits(model, **one) for one in asked]

    def ask(number: int) -> Tensor:
        return logits(model, **asked[number % 2])

    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(ask, range(80)))
    assert all(torch.equal(found, alone[number % 2]) for number, found in enumerate(together))


def test_a_forward_that_was_refused_leaves_nothing_for_the_next() -> None:
    model = attach_two(bare_base())
    read = batch([ids_of((*TURKISH, *TURKISH), model)])
    expected = model.embed(read["input_ids"])
    stray = {**read, "input_ids": read["input_ids"].masked_fill(read["input_ids"] >= 320, 99_999)}
    stray["position_ids"] = torch.arange(read["input_ids"].shape[1])[None] % 4  # Cuts the runs.
    with pytest.raises(NewtongueError, match="Id 99999 belongs neither"):
        model(**stray)
    assert torch.equal(model.embed(read["input_ids"]), expected)


def test_threads_that_embed_wait_for_the_forwards_of_others() -> None:
    model = attach_two(bare_base())
    run = Part("tr", 5, 3, opened=False, closed=False)  # Two that touch are one, unless told apart.
    asked = packed([ids_of(row, model) for row in ((*ENGLISH, run), (run, *ENGLISH))])
    alone, embedded = logits(model, **asked), model.embed(asked["input_ids"])
    found: list[Tensor] = []
    other = Thread(target=lambda: found.append(model.embed(asked["input_ids"])))

    def meanwhile(*_: object) -> None:
        other.start()
        other.join(0.2)

    decoder_of(model).register_forward_pre_hook(meanwhile)
    assert torch.equal(logits(model, **asked), alone)
    other.join()
    assert torch.equal(found[0], embedded)


def test_lora_answers_where_the_base_model_only_wraps_a_decoder() -> None:
    torch.manual_seed(0)
    sizes = {"vocab_size": 320, "hidden_size": 32, "ffn_dim": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    base = AutoModelForCausalLM.from_config(OPTConfig(**sizes, word_embed_proj_dim=32, max_position_embeddings=128))
    model = adapter_for(base.eval()).attach(base)
    inputs = batch([ids_of(TURKISH, model)])
    before = logits(model, **inputs)
    shake_lora(model.adapter("tr"))
    assert not torch.allclose(logits(model, **inputs), before)


def test_a_base_without_a_key_value_cache_is_refused() -> None:
    config = MambaConfig(vocab_size=320, hidden_size=32, num_hidden_layers=1, state_size=4)
    base = AutoModelForCausalLM.from_config(config)
    with pytest.raises(NewtongueError, match="MambaForCausalLM has no key-value cache"):
        adapter_for(bare_base()).attach(base)
    assert type(base).__name__ == "MambaForCausalLM" and not hasattr(base, "newtongue")


def load_one(model: AttachedModel, folder: Path) -> None:
    model.load_adapter(str(folder), adapter_name="style")


def add_one(model: AttachedModel, folder: Path) -> None:
    model.add_adapter(LoraConfig(r=2, target_modules="all-linear"), adapter_name="style")


def set_one(model: AttachedModel, folder: Path) -> None:
    add_one(model, folder)
    model.set_adapter("style")


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")
@pytest.mark.parametrize("bring", [load_one, add_one, set_one])
@pytest.mark.parametrize("trainable", [True, False])
def test_a_lora_of_somebody_else_does_not_change_what_of_a_language_trains(
    bring: Callable[[AttachedModel, Path], None], trainable: bool, tmp_path: Path
) -> None:
    other = bare_base()
    other.add_adapter(LoraConfig(r=2, target_modules="all-linear"), adapter_name="style")
    other.save_pretrained(tmp_path)
    model = attach_two(bare_base(), trainable=trainable)
    bring(model, tmp_path)
    for language in model.languages:
        assert {one.requires_grad for one in lora_parameters(model, language)} == {trainable}


def test_prompts_are_not_read_in_chunks() -> None:
    model = world()
    with pytest.raises(NewtongueError, match="prefill_chunk_size=4 would cut"):
        model.generate(**batch([ids_of(TURKISH, model)]), max_new_tokens=2, prefill_chunk_size=4)


def test_continuous_batching_is_refused() -> None:
    model = world()
    with pytest.raises(NewtongueError, match="no LoRA answers after the first token"):
        model.generate_batch([ids_of(TURKISH, model)], max_new_tokens=2)


def test_replicas_of_one_process_are_refused() -> None:
    model = world()
    with pytest.raises(NewtongueError, match="accelerate launch"):
        model._replicate_for_data_parallel()


def test_a_base_that_looks_ids_up_twice_is_refused() -> None:
    sizes = {**ARCHITECTURES["gemma3_text"], "num_hidden_layers": 2, "hidden_size_per_layer_input": 8}
    base = AutoModelForCausalLM.from_config(AutoConfig.for_model("gemma4_text", **sizes))
    with pytest.raises(NewtongueError, match="looks its ids up once more"):
        adapter_for(bare_base()).attach(base)


@pytest.mark.parametrize("architecture", ["phi", "gemma3_text"])
def test_a_state_dict_given_to_be_saved_is_the_bases_own(architecture: str, tmp_path: Path) -> None:
    model = attach_two(bare_base(architecture))
    model.save_pretrained(tmp_path / "given", state_dict=dict(model.state_dict()))  # As accelerate gathers it.
    again, report = AutoModelForCausalLM.from_pretrained(tmp_path / "given", output_loading_info=True)
    assert not any(report.values())
    bare_base(architecture).save_pretrained(tmp_path / "bare")
    names = [path.name for path in sorted((tmp_path / "bare").iterdir())]
    for name in names:
        assert (tmp_path / "given" / name).read_bytes() == (tmp_path / "bare" / name).read_bytes(), name
    inputs = batch([ids_of(ENGLISH, model)])
    assert torch.equal(logits(again.eval(), **inputs), logits(model, **inputs))


def test_what_holds_no_languages_does_not_fill_them() -> None:
    model = attach_two(bare_base())
    with pytest.raises(NewtongueError, match="no part of tr, ja"):
        model.load_state_dict(bare_base().state_dict(), strict=False)
    whole = state_bytes(model)
    shake_lora(model.adapter("tr"), seed=5)
    model.load_state_dict(whole)
    assert all(torch.equal(value, whole[name]) for name, value in model.state_dict().items())


def test_rows_of_the_base_alone_go_back_through_a_model_that_trains_and_change_nothing() -> None:
    model = attach_two(bare_base(), trainable=True)
    rows = [batch([ids_of(one, model)]) for one in (ENGLISH, TURKISH)]
    made = []
    for some in (rows, rows[1:]):
        model.zero_grad()
        for inputs in some:
            model(**inputs, labels=inputs["input_ids"]).loss.backward()
        made.append({name: one.grad for name, one in model.named_parameters() if one.grad is not None})
    assert made[0].keys() == made[1].keys() and made[0]
    assert all(torch.equal(grad, made[1][name]) for name, grad in made[0].items())


def test_what_is_evaluated_has_the_same_columns_whoever_writes(tmp_path: Path) -> None:
    model = attach_two(bare_base(), voice=True)
    rows = [{name: ids_of(row, model) for name in ("input_ids", "labels")} for row in (ENGLISH, TURKISH)]
    options = TrainingArguments(
        str(tmp_path), per_device_eval_batch_size=1, use_cpu=True, report_to=[], disable_tqdm=True
    )
    scores = Trainer(model, options).predict(rows).predictions
    owned = model.tokenizer.ranges["ja"]
    assert scores.shape[-1] == owned.start
    assert np.array_equal(scores[0, :7, :ROWS], logits(model, **batch([ids_of(ENGLISH, model)]))[0].numpy())
    assert np.isneginf(scores[0, :7, ROWS:]).all()


def test_lora_on_the_output_head_is_refused() -> None:
    adapter = adapter_for(bare_base(), lora=LoraConfig(r=2, target_modules=["q_proj", "lm_head"]))
    with pytest.raises(NewtongueError, match="names the output head, lm_head"):
        adapter.attach(bare_base())


def test_lora_answers_in_latent_attention_which_sees_one_head_of_all_positions() -> None:
    ranks = {"kv_lora_rank": 8, "q_lora_rank": 8, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8}
    sizes = {**ARCHITECTURES["llama"], **ranks, "num_key_value_heads": 4, "first_k_dense_replace": 2}
    base = AutoModelForCausalLM.from_config(AutoConfig.for_model("deepseek_v3", **sizes)).eval()
    model = adapter_for(base).attach(base)
    shake_lora(model.adapter("tr"))
    alone = [logits(model, **batch([ids_of(row, model)])) for row in (ENGLISH, TURKISH)]
    together = logits(model, **batch([ids_of(row, model) for row in (ENGLISH, TURKISH)], "right"))
    for row, expected in zip(together, alone, strict=True):
        assert same(row[None, : expected.shape[1]], expected)


@pytest.mark.parametrize(("language", "said"), [("tr", None), ("ja", "settle on the base's embedding, which is off")])
def test_a_base_whose_embedding_is_offloaded_reads_where_nothing_settles(
    language: str, said: str | None, tmp_path: Path
) -> None:
    save_base(tmp_path / "base")
    parts = dict.fromkeys(("model.layers", "model.final_layernorm", "model.rotary_emb", "lm_head"), "cpu")
    base = AutoModelForCausalLM.from_pretrained(
        tmp_path / "base", device_map={"model.embed_tokens": "disk", **parts}, offload_folder=tmp_path / "off"
    )
    adapter = adapter_for(bare_base(), language)
    before = state_bytes(adapter)
    with pytest.raises(NewtongueError, match=said) if said else nullcontext():
        model = adapter.attach(base)
        read = batch([ids_of(TURKISH, model)])
        expected = adapter_for(bare_base(), language).attach(bare_base())
        assert same(logits(model, **read), logits(expected, **read))
    assert all(torch.equal(value, before[name]) for name, value in adapter.state_dict().items())


def test_an_adapter_is_float32_whatever_torch_makes_by_default(tmp_path: Path) -> None:
    made = adapter_for(bare_base(), voice=True)
    made.save_pretrained(tmp_path / "tr")
    torch.set_default_dtype(torch.bfloat16)
    try:
        again, fresh = ModalityAdapter.from_pretrained(tmp_path / "tr"), adapter_for(bare_base())
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(value, made.state_dict()[name]) for name, value in again.state_dict().items())
    assert {one.dtype for one in fresh.mapper.parameters()} == {torch.float32}


def test_a_note_that_is_no_json_is_named_as_such(tmp_path: Path) -> None:
    adapter = adapter_for(bare_base()).describe(score=np.float32(0.9))
    with pytest.raises(NewtongueError, match=r"float32 is not JSON serializable.*plain numbers"):
        adapter.save_pretrained(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_loss_of_ones_own_is_called_by_name() -> None:
    model = attach_two(bare_base())
    model.loss_function = lambda logits, labels, **options: logits.sum() * 0 + 7
    inputs = batch([ids_of(ENGLISH, model)])
    assert model(**inputs, labels=inputs["input_ids"]).loss.item() == 7


def test_a_pickled_model_is_another_that_answers_alike() -> None:
    model = attach_two(bare_base())  # Not the shared one: where states were asked for, transformers left hooks.
    again = pickle.loads(pickle.dumps(model))
    read = batch([ids_of(TURKISH, model)])
    expected = logits(model, **read)
    assert torch.equal(logits(again, **read), expected)
    for language in again.languages:
        again.detach(language)
    assert type(again) is type(bare_base()) and not hasattr(again, "languages")
    assert torch.equal(logits(model, **read), expected)


def test_guesses_from_the_prompt_never_say_what_was_read() -> None:
    model = world()
    row = (*TURKISH, *TURKISH, Part(None, 2, 2))  # Ends as it does before each run.
    read = torch.tensor([ids_of(row, model)])
    plain = model.generate(read, max_new_tokens=8, do_sample=False)
    assert torch.equal(model.generate(read, max_new_tokens=8, do_sample=False, prompt_lookup_num_tokens=3), plain)


def test_an_assistant_that_knows_no_ids_of_a_language_is_refused_where_one_is_read() -> None:
    model, helper = world(), bare_base()
    english, read = (torch.tensor([ids_of(row, model)]) for row in (ENGLISH * 2, TURKISH))
    plain = model.generate(english, max_new_tokens=6, do_sample=False)
    assert torch.equal(model.generate(english, max_new_tokens=6, do_sample=False, assistant_model=helper), plain)
    with pytest.raises(NewtongueError, match="Leave it out where something is read in one"):
        model.generate(read, max_new_tokens=6, assistant_model=helper)
