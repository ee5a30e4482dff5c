"""A language that writes: what must hold of any attached model holds of one whose adapters have a voice."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers import SynthIDTextWatermarkingConfig, TextStreamer, WatermarkingConfig
from trl import SFTConfig, SFTTrainer

from holds import check_cached_generation, check_packed, check_rows_apart, check_saved, unreached
from newtongue import AttachedModel, NewtongueError, mark
from newtongue.attaching.port import CHILD
from newtongue.spans.markup import think
from newtongue.writing.voice import Voice
from streams import Part, Row, answered, batch, english, ids_of, rows, written
from test_attach import GENERATION, assert_same_picture, picture
from tiny import ROWS, TURKISH, base_tokenizer, tiny_base, tiny_encoder
from worlds import KINDS, SOME, adapter_for, attach_two, bare_base, bare_twin, logits, same, voiced, world

over_kinds = pytest.mark.parametrize(("architecture", "dtype"), KINDS, ids=["-".join(kind) for kind in KINDS])
over_some = pytest.mark.parametrize(("architecture", "dtype"), SOME, ids=["-".join(kind) for kind in SOME])
spoken = answered("tr", "ja")

ASKED = (Part(None, 2, 2), Part("tr", 5, 3), Part(None, 3, 4))
ANSWERED = (*ASKED, Part("tr", 4, 5, written=True), Part(None, 1, 6))
JAPANESE = (Part(None, 2, 7), Part("ja", 9, 8), Part("ja", 3, 9, written=True))
ENGLISH = (Part(None, 7, 1),)


def mixed_batch(model: AttachedModel) -> dict[str, Tensor]:
    return batch([ids_of(row, model) for row in (ENGLISH, ASKED, ANSWERED, JAPANESE)], "left")


@over_kinds
@given(stream=st.lists(spoken, min_size=2, max_size=3), side=st.sampled_from(["left", "right"]))
def test_a_row_that_writes_does_not_see_the_others_of_its_batch(
    architecture: str, dtype: str, stream: list[Row], side: str
) -> None:
    check_rows_apart(voiced(architecture, dtype), stream, side, dtype)


@over_some
@given(stream=st.tuples(rows(), answered("tr"), answered("ja"), spoken).flatmap(st.permutations))
def test_packed_rows_that_write_equal_separate_rows(architecture: str, dtype: str, stream: list[Row]) -> None:
    model = voiced(architecture, dtype)
    check_packed(model, [ids_of(row, model) for row in stream], dtype)


@over_kinds
@given(row=st.tuples(english, st.just(ASKED[1]), english), answer=st.tuples(written("tr"), english, written("tr")))
def test_what_is_written_step_by_step_equals_one_whole_forward(
    architecture: str, dtype: str, row: Row, answer: Row
) -> None:
    model = voiced(architecture, dtype)
    asked, said = ids_of(row, model), ids_of(answer, model)
    with torch.no_grad():
        cache = model(input_ids=torch.tensor([asked]), use_cache=True).past_key_values
        steps = [model(input_ids=torch.tensor([[one]]), past_key_values=cache).logits[0, 0].float() for one in said]
    whole = logits(model, input_ids=torch.tensor([asked + said]))[0, len(asked) :]
    for one, other in zip(steps, whole, strict=True):
        assert same(one, other, dtype)


@over_some
@given(stream=st.lists(rows("tr", "ja"), min_size=1, max_size=3))
def test_writing_with_a_cache_equals_writing_without(architecture: str, dtype: str, stream: list[Row]) -> None:
    model = voiced(architecture, dtype)
    prompt = batch([[*ids_of(row, model), opening(model, "tr")] for row in stream], "left")
    check_cached_generation(model, prompt, dtype)


@over_kinds
@given(stream=st.lists(rows(), min_size=1, max_size=2), others=st.lists(spoken, max_size=2))
def test_english_is_bit_identical_beside_rows_that_write_and_sees_none_of_their_columns(
    architecture: str, dtype: str, stream: list[Row], others: list[Row]
) -> None:
    model, bare = voiced(architecture, dtype), bare_twin(architecture, dtype)
    inputs = batch([ids_of(row, model) for row in (*stream, *others)], "left")
    adapted = logits(model, **inputs)[: len(stream)]
    inputs["input_ids"][len(stream) :].clamp_(max=9)
    assert torch.equal(adapted[..., :ROWS], logits(bare, **inputs)[: len(stream)])
    assert adapted[..., ROWS:].isneginf().all()
    assert (adapted.shape[-1] == ROWS) == (not others)


def test_a_base_that_caps_its_logits_closes_what_is_closed() -> None:
    model = attach_two(tiny_base("gemma3_text", final_logit_softcapping=5.0), voice=True)
    inputs = mixed_batch(model)
    out = logits(model, **inputs)
    bare = logits(tiny_base("gemma3_text", final_logit_softcapping=5.0), **batch([ids_of(ENGLISH, model)], "left", 30))
    assert bare.abs().max() < 5
    assert out[0, :, ROWS:].isneginf().all() and out[out.isfinite()].abs().max() <= 5
    assert out[2].isneginf().any() and out[2, :, ROWS:].isfinite().any()


@over_some
def test_after_a_written_token_comes_another_and_elsewhere_that_or_the_base(architecture: str, dtype: str) -> None:
    model = voiced(architecture, dtype)
    owned = getattr(model, CHILD).ranges["tr"]
    row = ids_of(ANSWERED, model)
    out = logits(model, input_ids=torch.tensor([row]))[0]
    for one, scores in zip(row, out, strict=True):
        open_columns = set(scores.isfinite().nonzero().flatten().tolist())
        if owned.begin <= one < owned.start and one != owned.begin + owned.closes:
            assert open_columns == {*range(owned.begin, owned.start)} - {owned.begin + owned.opens}
        else:
            assert open_columns == {*range(owned.start)} - {owned.begin + owned.opens}


@over_some
def test_the_head_as_a_linear_layer_scores_as_the_voice_does(architecture: str, dtype: str) -> None:
    model = voiced(architecture, dtype)
    head, row = model.get_output_embeddings(), torch.tensor([ids_of(ANSWERED, model)])
    with torch.no_grad():
        out = model(input_ids=row, output_hidden_states=True)
        linear = torch.nn.functional.linear(out.hidden_states[-1], head.weight, head.bias)
    scored = out.logits.isfinite()
    assert head.weight.shape == (getattr(model, CHILD).ranges["ja"].start, model.config.hidden_size)
    assert scored.any(-1).all()
    assert same(linear[..., : out.logits.shape[-1]][scored].float(), out.logits[scored].float(), dtype)


@over_kinds
@pytest.mark.parametrize("order", [("tr", "ja"), ("ja", "tr")], ids="-".join)
def test_detaching_voices_in_any_order_gives_the_base_back_bit_for_bit(
    architecture: str, dtype: str, order: tuple[str, ...]
) -> None:
    base = bare_base(architecture, dtype)
    before = picture(base)
    model = attach_two(base, voice=True)
    logits(model, **mixed_batch(model))
    for language in order:
        model.detach(language)
    assert_same_picture(before, picture(base))


@over_kinds
def test_a_saved_voice_loaded_into_a_fresh_base_gives_equal_logits(
    architecture: str, dtype: str, tmp_path: Path
) -> None:
    model, base = voiced(architecture, dtype), bare_base(architecture, dtype)
    check_saved(model, base, mixed_batch, tmp_path)
    assert json.loads((tmp_path / "tr" / "modality_config.json").read_text())["format_version"] == 2


def test_an_adapter_without_a_voice_is_saved_as_ever_and_beside_one_with_a_voice_reads_as_ever(tmp_path: Path) -> None:
    base = bare_base()
    model = adapter_for(base, "tr", voice=True).attach(base, tokenizer=base_tokenizer())
    model.attach(adapter_for(base, "ja"))
    model.adapter("ja").save_pretrained(tmp_path / "ja")
    saved = json.loads((tmp_path / "ja" / "modality_config.json").read_text())
    assert saved["format_version"] == 1 and "voice.safetensors" not in saved["files"]
    alone = adapter_for(bare := bare_base(), "ja").attach(bare)
    row = (Part(None, 2, 7), Part("ja", 9, 8), Part(None, 3, 9))
    one, other = (logits(each, input_ids=torch.tensor([ids_of(row, each)])) for each in (model, alone))
    assert torch.equal(one, other)
    said = [("user", "日本"), ("assistant", "日")]
    spelled = model.tokenizer.example([{"role": role, "content": text, "language": "ja"} for role, text in said])
    assert all(label < ROWS for label in spelled["labels"])


@over_kinds
def test_gradients_reach_the_voice_and_nothing_of_the_base(architecture: str, dtype: str) -> None:
    base = bare_base(architecture, dtype)
    own = list(base.parameters())
    model = attach_two(base, trainable=True, voice=True)
    model.train()
    inputs = mixed_batch(model)
    model(**inputs, labels=answers(model, inputs), use_cache=False).loss.backward()
    assert not unreached(model)
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in own)


def test_the_base_learns_to_write_by_a_stock_trainer(tmp_path: Path) -> None:
    model = attach_two(bare_base(), trainable=True, voice=True, languages=("tr",))
    chat = [
        {"role": "user", "content": TURKISH[0], "language": "tr"},
        {"role": "assistant", "content": TURKISH[2], "language": "tr"},
    ]
    config = SFTConfig(
        output_dir=str(tmp_path), max_steps=80, per_device_train_batch_size=2, learning_rate=1e-2, max_length=128,
        report_to=[], save_strategy="no", bf16=False, logging_steps=20, disable_tqdm=True,
    )  # fmt: skip
    rows = Dataset.from_list([model.tokenizer.example(chat)] * 4)
    SFTTrainer(model, args=config, train_dataset=rows, processing_class=model.tokenizer).train()
    model.eval()
    ids = model.tokenizer(model.tokenizer.prompt(chat[:1]), return_tensors="pt")
    out = model.generate(**ids, max_new_tokens=40, do_sample=False)[0, ids["input_ids"].shape[1] :].tolist()
    owned = model.tokenizer.ranges["tr"]
    said = out[: out.index(owned.begin + owned.closes) + 1]
    assert all(owned.begin <= one < owned.start for one in said)
    assert model.tokenizer.decode(said, skip_special_tokens=True) == TURKISH[2]


LOOKUP = "prompt lookup"  # Sets up scores of the base's ids alone, and so cannot draw candidates from other ids.


@pytest.mark.parametrize("name", sorted(GENERATION.keys() - {LOOKUP}))
def test_writing_goes_with_any_option_of_generation(name: str) -> None:
    model, options = voiced(), GENERATION[name]
    rows = [[*ids_of(row, model), opening(model, "tr")] for row in (ASKED, JAPANESE, ENGLISH)]
    inputs = batch(rows, "left")
    del inputs["position_ids"]
    torch.manual_seed(0)
    out = model.generate(**inputs, **{"max_new_tokens": 6, "do_sample": False, **options})
    owned = getattr(model, CHILD).ranges["tr"]
    for row in out[:, inputs["input_ids"].shape[1] :].tolist():
        assert owned.begin <= row[0] < owned.start


def test_a_prompt_that_begins_a_language_is_answered_in_it() -> None:
    model = voiced()
    chat = [{"role": "user", "content": "What is this?"}]
    for language in ("tr", "ja"):
        ids = model.tokenizer(model.tokenizer.prompt(chat, answer=language), return_tensors="pt")
        assert int(ids["input_ids"][0, -1]) == opening(model, language)
        out = model.generate(**ids, max_new_tokens=5, do_sample=False)[0, ids["input_ids"].shape[1] :].tolist()
        owned = getattr(model, CHILD).ranges[language]
        ends = owned.begin + owned.closes
        said = out[: out.index(ends) + 1] if ends in out else out
        assert all(owned.begin <= one < owned.start for one in said)


@pytest.mark.parametrize("beams", [1, 3])
def test_the_scores_of_what_was_written_are_its_own(beams: int) -> None:
    model = voiced()
    rows = [ids_of(row, model) for row in (ENGLISH, ASKED, ANSWERED, JAPANESE)]
    inputs = batch([rows[0], *([*row, opening(model, "tr")] for row in rows[1:])], "left")
    del inputs["position_ids"]
    asked = {"max_new_tokens": 5, "do_sample": False, "num_beams": beams, "output_scores": True}
    out = model.generate(**inputs, **asked, return_dict_in_generate=True)
    indices = out.beam_indices if beams > 1 else None
    said = out.sequences[:, inputs["input_ids"].shape[1] :]
    assert int(said.max()) >= ROWS and out.scores[0].shape[-1] > ROWS
    for normal in (False, True):
        found = model.compute_transition_scores(out.sequences, out.scores, indices, normalize_logits=normal)
        for row, place in torch.cartesian_prod(torch.arange(len(said)), torch.arange(found.shape[1])).tolist():
            of = row if indices is None else int(indices[row, place])
            if of >= 0:
                step = out.scores[place][of].log_softmax(0) if normal else out.scores[place][of]
                torch.testing.assert_close(found[row, place], step[said[row, place]])


def test_strings_stop_what_is_written_too() -> None:
    model = voiced()
    text = model.tokenizer.prompt([{"role": "user", "content": TURKISH[0], "language": "tr"}], answer="tr")
    ids = model.tokenizer(text, return_tensors="pt", add_special_tokens=False)
    length = ids["input_ids"].shape[1]

    def answer(**options: Any) -> Tensor:
        torch.manual_seed(0)
        return model.generate(**ids, max_new_tokens=48, do_sample=True, **options)[0, length:]

    plain = answer()
    words = [model.tokenizer.decode(plain[:n], skip_special_tokens=True) for n in range(49)]
    stops = {words[n].removeprefix(words[n - 2]) for n in range(2, 48)}
    stops = {one for one in stops if one.strip().isprintable() and one.isascii() and one}
    assert len(stops) > 3
    for stop in stops:
        first = next(n for n in range(49) if stop in words[n])
        assert torch.equal(answer(stop_strings=[stop, "never"], tokenizer=base_tokenizer()), plain[:first])


REFUSED = {
    "guidance_scale=1.5 compares": {"guidance_scale": 1.5},
    "token_healing=True looks": {"token_healing": True, "tokenizer": base_tokenizer()},
    "watermarking_config=WatermarkingConfig marks": {"watermarking_config": WatermarkingConfig()},
    "watermarking_config=SynthIDTextWatermarkingConfig marks": {
        "watermarking_config": SynthIDTextWatermarkingConfig(ngram_len=2, keys=[1, 2]),
    },
}


@pytest.mark.parametrize("said", REFUSED)
def test_options_that_know_no_languages_are_refused(said: str) -> None:
    model = voiced()
    with pytest.raises(NewtongueError, match=said):
        model.generate(torch.tensor([ids_of(ASKED, model)]), max_new_tokens=2, **REFUSED[said])


def test_written_text_comes_back_from_its_ids_and_is_streamed(capsys: pytest.CaptureFixture[str]) -> None:
    model = voiced()
    tokenizer = model.tokenizer
    text = "So: " + mark(TURKISH[0], "tr", written=True) + " and " + mark(TURKISH[1], "tr")
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode(ids, skip_special_tokens=True) == f"So: {TURKISH[0]} and {TURKISH[1]}"
    streamer = TextStreamer(tokenizer, skip_special_tokens=True)
    for one in ids:
        streamer.put(torch.tensor([one]))
    streamer.end()
    assert capsys.readouterr().out.strip() == f"So: {TURKISH[0]} and {TURKISH[1]}"


def test_an_answer_that_is_to_go_on_is_not_closed() -> None:
    model = voiced()
    owned = model.tokenizer.ranges["tr"]
    chat = [
        {"role": "user", "content": TURKISH[0], "language": "tr"},
        {"role": "assistant", "content": "Fransa'nın", "language": "tr", "thought": "Of France"},
    ]
    whole = model.tokenizer.apply_chat_template(chat)["input_ids"]
    begun = model.tokenizer.apply_chat_template(chat, continue_final_message=True)["input_ids"]
    assert whole[: len(begun)] == begun
    assert whole[len(begun)] == owned.begin + owned.closes
    assert owned.begin <= begun[-1] < owned.start
    spoken = [{**chat[0], "role": "assistant", "language": None}]
    assert model.tokenizer.apply_chat_template(spoken, continue_final_message=True)["input_ids"]


@pytest.mark.parametrize("special", ["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"])
def test_a_text_may_speak_of_special_tokens(special: str) -> None:
    model = voiced()
    owned, text = model.tokenizer.ranges["tr"], f"Şu {special} güzel"
    for says in (False, True):
        ids = model.tokenizer(mark(text, "tr", written=says), add_special_tokens=False)["input_ids"]
        start = owned.begin if says else owned.start
        assert [one - start for one in ids].count(owned.closes) == 1
        assert model.tokenizer.decode(ids, skip_special_tokens=True) == text


def test_a_thought_comes_before_what_is_written_and_is_left_out_with_the_special_tokens() -> None:
    tokenizer = voiced().tokenizer
    answer = {"role": "assistant", "content": TURKISH[2], "language": "tr", "thought": "Nice Paris."}
    ids = [one for one in tokenizer.example([{"role": "user", "content": "Say"}, answer])["labels"] if one >= 0]
    owned = tokenizer.ranges["tr"]
    assert ids[0] == owned.begin + owned.closes and ids[-2] < ROWS
    assert tokenizer.decode(ids, skip_special_tokens=True) == TURKISH[2]
    whole = tokenizer.decode(ids)
    assert tokenizer(whole, add_special_tokens=False)["input_ids"] == ids
    for cut in range(len(ids)):  # As a streamer shows it.
        assert TURKISH[2].startswith(tokenizer.decode(ids[:cut], skip_special_tokens=True).rstrip("\ufffd"))
    silent = world().tokenizer.example([{"role": "user", "content": "Say"}, answer])["labels"]
    assert world().tokenizer.decode([one for one in silent if one >= 0], skip_special_tokens=True) == TURKISH[2]


def test_the_parts_of_an_answer_are_written_where_they_say_so_after_its_thought() -> None:
    tokenizer = voiced().tokenizer
    asked, ends = {"role": "user", "content": "Say"}, "<|end|><eos>"
    thought, written = f"{think('tr')}Nice Paris.", mark(TURKISH[2], "tr", written=True)
    plain, own = {"type": "text", "text": "So: "}, {"type": "text", "text": TURKISH[2], "language": "tr"}
    for parts, said in (
        ([plain, own], f"So: {thought}{written}"),
        ([own, plain, own], f"{thought}{written}So: {written}"),
    ):
        row = tokenizer.example([asked, {"role": "assistant", "content": parts, "thought": "Nice Paris."}])
        ids = [one for one in row["labels"] if one >= 0]
        assert tokenizer.decode(ids) == said + ends
        shown = "".join(part["text"] for part in parts)
        assert tokenizer.decode(ids, skip_special_tokens=True) == shown
    whole = {"role": "assistant", "content": TURKISH[2], "language": "tr", "thought": "Nice Paris."}
    assert tokenizer.example([asked, whole]) == tokenizer.example([asked, {**whole, "content": [plain | own]}])


def test_a_thought_that_nothing_written_follows_is_the_answer_once_it_has_ended() -> None:
    tokenizer = voiced().tokenizer
    owned, ends = tokenizer.ranges["tr"], tokenizer.convert_tokens_to_ids("<|end|>")
    thought = [owned.begin + owned.closes, *tokenizer("Nice Paris.", add_special_tokens=False)["input_ids"]]
    assert tokenizer.decode(thought, skip_special_tokens=True) == ""
    assert tokenizer.decode([*thought, ends], skip_special_tokens=True) == "Nice Paris."


def test_a_deep_copy_has_a_voice_of_its_own() -> None:
    model = attach_two(bare_base(), voice=True)
    inputs = mixed_batch(model)
    before = logits(model, **inputs)
    twin = copy.deepcopy(model)
    assert torch.equal(logits(twin, **inputs), before)
    torch.nn.init.normal_(twin.adapter("tr").voice.query.weight)
    assert not torch.equal(logits(twin, **inputs), before)
    twin.detach("tr")
    twin.detach("ja")
    assert torch.equal(logits(model, **inputs), before)


@pytest.mark.parametrize("biased", [False, True])
def test_a_voice_says_and_hears_at_first_what_its_tokens_mean_to_the_base(biased: bool) -> None:
    torch.manual_seed(0)
    embeddings, weight, bias = torch.randn(60, 32), torch.randn(60, 32), torch.randn(60)
    tokens, meant = torch.randn(20, 24) * torch.rand(20, 1), torch.randperm(60)[:20]
    soft = 3 * embeddings[meant] + 0.1 * torch.randn(20, 32)
    encoder = tiny_encoder()
    encoder.model.set_input_embeddings(torch.nn.Embedding.from_pretrained(tokens))
    encoder.tokenizer = tokens  # As many as there are.
    voice = Voice(encoder, 32)
    voice.fit(soft, embeddings, weight, bias if biased else None)
    states = torch.randn(50, 32)
    wanted = (states @ weight.T + biased * bias)[:, meant]
    assert (voice(states) - wanted).abs().max() < 0.1 * wanted.abs().max()
    assert (voice.hear(torch.arange(20)) - soft).abs().max() < 0.1 * soft.abs().max()


def test_a_voice_is_given_once_to_a_detached_adapter_and_needed_to_write() -> None:
    base = bare_base()
    adapter = adapter_for(base, voice=True)
    with pytest.raises(NewtongueError, match="has a voice already"):
        adapter.with_voice(base)
    silent = adapter_for(base)
    model = silent.attach(base, tokenizer=base_tokenizer())
    with pytest.raises(NewtongueError, match="is attached"):
        silent.with_voice(base)
    with pytest.raises(NewtongueError, match="has no voice"):
        model.tokenizer(mark("Güzel.", "tr", written=True))


def test_the_shared_world_without_voices_has_the_base_s_own_head() -> None:
    model = world()
    assert model.get_output_embeddings() is model.lm_head
    assert logits(model, input_ids=torch.tensor([ids_of(ASKED, model)])).shape[-1] == ROWS


def opening(model: AttachedModel, language: str) -> int:
    owned = getattr(model, CHILD).ranges[language]
    return int(owned.begin + owned.opens)


def answers(model: AttachedModel, inputs: dict[str, Tensor]) -> Tensor:
    """Labels on all that is of the base or written."""
    ids, ranges = inputs["input_ids"], getattr(model, CHILD).ranges
    kept = ids < ROWS
    for language in ranges:
        kept |= (ids >= ranges[language].begin) & (ids < ranges[language].start)
    return ids.where(kept & inputs["attention_mask"].bool(), -100)
