"""The encoder: any masked-language model, runs of any length."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    BertConfig,
    BertForMaskedLM,
    BertModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    T5Model,
    UMT5EncoderModel,
)

from newtongue import Encoder, ModalityAdapter, NewtongueError
from newtongue.reading.encoder import SEE_PADDING, UNLIMITED, windows
from newtongue.spans.markup import unmark
from tiny import ENCODERS, TURKISH, base_tokenizer, encoder_tokenizer, tiny_encoder
from worlds import adapter_for, bare_base, logits

over_encoders = pytest.mark.parametrize("architecture", ENCODERS)


def ids(length: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(8, 261, (length,), generator=torch.Generator().manual_seed(seed))


@given(length=st.integers(0, 500), capacity=st.integers(1, 64))
def test_windows_keep_every_token_once_and_in_order(length: int, capacity: int) -> None:
    cover = windows(length, capacity)
    kept = [place for _, _, start, stop in cover for place in range(start, stop)]
    assert kept == list(range(length))
    for start, stop, keep_from, keep_to in cover:
        assert 0 <= start <= keep_from <= keep_to <= stop <= length
        assert stop - start <= capacity
    assert len(cover) == 1 or all(stop - start == capacity for start, stop, _, _ in cover)


@given(length=st.integers(65, 500), capacity=st.integers(8, 64))
def test_a_token_is_read_where_it_stands_farthest_from_an_edge(length: int, capacity: int) -> None:
    cover = windows(length, capacity)
    for start, stop, keep_from, keep_to in cover:
        for place in range(keep_from, keep_to):
            mine = min(place - start, stop - 1 - place)
            best = max(min(place - s, e - 1 - place) for s, e, _, _ in cover if s <= place < e)
            assert mine >= best - 1 or place < capacity // 2 or place >= length - capacity // 2


@over_encoders
@pytest.mark.parametrize(("positions", "capacity"), [(34, 32), (50, 48)])
def test_capacity_is_what_the_architecture_can_read(architecture: str, positions: int, capacity: int) -> None:
    """XLM-R counts positions from its padding id on, so it reads fewer than its table has rows."""
    offset = 1 if architecture == "xlm-roberta" else 0
    encoder = tiny_encoder(architecture=architecture, positions=positions + offset)
    assert encoder.capacity == capacity
    encoder([ids(capacity)])  # Would be an index error if there were fewer positions.


def test_capacity_minds_the_tokenizer_and_models_without_a_limit() -> None:
    encoder = tiny_encoder(positions=100)
    encoder.tokenizer.model_max_length = 20
    assert Encoder(encoder.model, encoder.tokenizer).capacity == 18
    assert Encoder(encoder.model, encoder.tokenizer, capacity=7).capacity == 7


@over_encoders
@given(lengths=st.lists(st.sampled_from([1, 2, 15, 30, 31]), min_size=1, max_size=4))
def test_runs_read_together_equal_the_model_reading_each(architecture: str, lengths: list[int]) -> None:
    encoder = tiny_encoder(architecture=architecture)
    runs = [ids(length, seed) for seed, length in enumerate(lengths)]
    with torch.no_grad():
        read = encoder(runs).split(lengths)
        for run, states in zip(runs, read, strict=True):
            whole = torch.cat([run.new_tensor([1]), run, run.new_tensor([2])])
            torch.testing.assert_close(
                states, encoder.model(whole[None]).last_hidden_state[0, 1:-1], atol=1e-5, rtol=1e-4
            )


@over_encoders
def test_a_long_run_is_read_in_windows_as_each_window_alone(architecture: str) -> None:
    encoder = tiny_encoder(architecture=architecture)
    run, short = ids(75), ids(4, 1)
    with torch.no_grad():
        read = encoder([short, run])
        assert read.shape == (79, encoder.width)
        for start, stop, keep_from, keep_to in windows(75, encoder.capacity):
            window = encoder([run[start:stop]])[keep_from - start : keep_to - start]
            torch.testing.assert_close(read[4 + keep_from : 4 + keep_to], window, atol=1e-5, rtol=1e-4)


@over_encoders
def test_it_attaches_trains_and_comes_back_from_a_folder(architecture: str, tmp_path: Path) -> None:
    base = bare_base()
    model = adapter_for(base, encoder=architecture).attach(base, trainable=True)
    start = model.newtongue.ranges["tr"].start
    inputs = {"input_ids": torch.tensor([[1, *(start + ids(40)).tolist(), 9]])}
    model(**inputs).logits.sum().backward()
    adapter = model.adapter("tr")
    frozen = [name for name, parameter in adapter.encoder.named_parameters() if parameter.grad is None]
    assert not frozen
    before = logits(model, **inputs)
    adapter.save_pretrained(tmp_path / "tr")
    model.detach("tr")
    model = ModalityAdapter.from_pretrained(tmp_path / "tr").attach(base)
    assert torch.equal(logits(model, **inputs), before)


@over_encoders
def test_a_published_masked_language_model_loads_without_its_head(architecture: str, tmp_path: Path) -> None:
    encoder = tiny_encoder(architecture=architecture)
    published = AutoModelForMaskedLM.from_config(encoder.model.config)
    published.save_pretrained(tmp_path)
    encoder.tokenizer.save_pretrained(tmp_path)
    loaded = Encoder.from_pretrained(tmp_path)
    assert (loaded.width, loaded.vocabulary, loaded.capacity) == (encoder.width, encoder.vocabulary, encoder.capacity)
    for name, value in loaded.model.state_dict().items():
        assert torch.equal(value, published.base_model.state_dict()[name])
    assert next(loaded.parameters()).dtype == torch.float32


def test_a_half_precision_checkpoint_is_loaded_in_float32(tmp_path: Path) -> None:
    encoder = tiny_encoder()
    encoder.model.half().save_pretrained(tmp_path)
    encoder.tokenizer.save_pretrained(tmp_path)
    assert {parameter.dtype for parameter in Encoder.from_pretrained(tmp_path).parameters()} == {torch.float32}


def test_opening_and_closing_tokens_may_be_called_bos_and_eos() -> None:
    encoder = tiny_encoder()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=encoder.tokenizer.backend_tokenizer, bos_token="[CLS]", eos_token="[SEP]"
    )
    assert Encoder(encoder.model, tokenizer)([ids(3)]).shape == (3, encoder.width)


def saved(folder: Path) -> Path:
    encoder = tiny_encoder()
    BertForMaskedLM(encoder.model.config).save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)
    return folder


def no_tokenizer(folder: Path) -> None:
    for path in folder.glob("*token*"):
        path.unlink()


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def lacking_weights(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["bert.encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def other_shapes(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["bert.encoder.layer.1.output.dense.weight"] = torch.zeros(3, 3)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


def not_an_encoder(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "nonesuch"}')


BROKEN = {
    "without a tokenizer": (no_tokenizer, "tokenizer"),
    "without weights": (no_weights, "cannot be read"),
    "lacking weights": (lacking_weights, "encoder.layer.1.output.dense.weight"),
    "of other shapes": (other_shapes, "other shapes|dense.weight"),
    "cut short": (cut_weights, "cannot be read"),
    "of an unknown kind": (not_an_encoder, "nonesuch"),
    "not there": (shutil.rmtree, "cannot be read"),
}


@pytest.mark.parametrize(("breaking", "message"), BROKEN.values(), ids=BROKEN)
def test_an_encoder_that_cannot_be_read_is_an_error_that_says_why(
    breaking: object, message: str, tmp_path: Path
) -> None:
    folder = saved(tmp_path / "encoder")
    breaking(folder)
    with pytest.raises(NewtongueError, match=message) as raised:
        Encoder.from_pretrained(folder)
    assert str(folder) in str(raised.value)


def test_an_encoder_decoder_is_refused() -> None:
    config = T5Config(d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=2, vocab_size=400)
    with pytest.raises(NewtongueError, match="T5EncoderModel"):
        Encoder(T5Model(config), encoder_tokenizer(TURKISH))


@pytest.mark.parametrize("made_as", [T5EncoderModel, T5Model, UMT5EncoderModel])
def test_of_an_encoder_decoder_the_encoder_half_is_read(made_as: Any, tmp_path: Path) -> None:
    config = made_as.config_class(d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=2, vocab_size=400)
    made = made_as(config)
    made.save_pretrained(tmp_path / "t5")
    encoder_tokenizer(TURKISH).save_pretrained(tmp_path / "t5")
    encoder = Encoder.from_pretrained(tmp_path / "t5")
    assert torch.equal(encoder.model.shared.weight, made.shared.weight)
    base = bare_base()
    ModalityAdapter.create(base, encoder, language="tr").save_pretrained(tmp_path / "tr")
    again = ModalityAdapter.from_pretrained(tmp_path / "tr")
    runs = [torch.tensor([7, 8, 9])]
    assert torch.equal(again.encoder(runs), encoder.eval()(runs))


def encoder_of(kind: str, **more: object) -> Encoder:
    torch.manual_seed(0)
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = AutoConfig.for_model(kind, **{"vocab_size": 300, "pad_token_id": 0, **sizes, **more})
    model = AutoModel.from_config(config).eval()
    for weight in model.parameters():  # So large that what is beside a run can be told.
        if weight.dim() > 1:
            torch.nn.init.normal_(weight.data, std=0.2)
    return Encoder(model, encoder_tokenizer(TURKISH))


@pytest.mark.parametrize("kind", SEE_PADDING)
def test_of_a_kind_that_sees_padding_each_run_is_read_by_itself(kind: str) -> None:
    shapes = {"mobilebert": {"embedding_size": 16, "intra_bottleneck_size": 24, "true_hidden_size": 24}}
    encoder = encoder_of(kind, **{"embedding_size": 24, "max_position_embeddings": 34, **shapes.get(kind, {})})
    short, long = ids(3), ids(18, 1)
    assert torch.equal(encoder([short, long])[:3], encoder([short]))


@pytest.mark.parametrize("kind", ["squeezebert", "layoutlm"])
def test_a_pooler_that_is_called_unasked_makes_nothing(kind: str) -> None:
    assert encoder_of(kind, embedding_size=24)([ids(3), ids(5)]).shape == (8, 24)


def test_a_model_that_says_it_has_no_last_position_is_read_in_windows() -> None:
    config = AutoConfig.for_model("xlnet", vocab_size=300, d_model=24, n_layer=2, n_head=2, d_inner=32)
    assert Encoder(AutoModel.from_config(config).eval(), encoder_tokenizer(TURKISH)).capacity == UNLIMITED


def test_a_tokenizer_without_opening_and_closing_tokens_is_refused() -> None:
    encoder = tiny_encoder()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=encoder.tokenizer.backend_tokenizer)
    with pytest.raises(NewtongueError, match="cls_token and sep_token"):
        Encoder(encoder.model, tokenizer)


def with_a_gap(rows: int) -> Encoder:
    """An encoder with the words `su`, 4, and `ekmek`, 40."""
    words = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3, "su": 4, "ekmek": 40}
    backend = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    named = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **named)
    return Encoder(BertModel(BertConfig(vocab_size=rows, **ENCODERS["bert"])).eval(), tokenizer)


@pytest.mark.parametrize("voice", [False, True])
def test_ids_after_a_gap_in_a_tokenizer_are_of_its_language(voice: bool, tmp_path: Path) -> None:
    base = bare_base()
    adapter = ModalityAdapter.create(base, with_a_gap(64), language="tr")
    model = (adapter.with_voice(base) if voice else adapter).attach(base, tokenizer=base_tokenizer())
    model.attach(adapter_for(base, "ja"))
    ids = model.tokenizer("su ekmek", language="tr", add_special_tokens=False)["input_ids"]  # type: ignore[call-arg]
    ranges = model.tokenizer.ranges  # type: ignore[attr-defined]
    assert ids == [ranges["tr"].start + one for one in (1, 4, 40, 2)]
    assert {ranges.language_of(one) for one in ids} == {"tr"} and ranges["ja"].begin == ranges["tr"].stop
    assert unmark(model.tokenizer.decode(ids)) == "su ekmek"
    before = logits(model, input_ids=torch.tensor([ids]))
    adapter.save_pretrained(tmp_path / "tr")
    again = ModalityAdapter.from_pretrained(tmp_path / "tr").attach(bare_base())
    assert torch.equal(logits(again, input_ids=torch.tensor([ids])), before[..., : ranges["ja"].begin])


def test_an_id_after_a_gap_without_a_row_is_refused() -> None:
    assert with_a_gap(41).vocabulary == 41
    with pytest.raises(NewtongueError, match="ids up to 40 and its model only 40 rows"):
        with_a_gap(40)


def test_a_tokenizer_larger_than_the_model_is_refused() -> None:
    small = BertModel(BertConfig(vocab_size=50, **ENCODERS["bert"]))
    with pytest.raises(NewtongueError, match="only 50 rows"):
        Encoder(small, encoder_tokenizer(TURKISH))
