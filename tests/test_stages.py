"""The three stages on tiny models: each writes what the next reads, checkpoints hold everything, resume is exact."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, TrainerCallback

import tiny
from newtongue import ModalityAdapter, NewtongueError
from newtongue.ranges import Ranges
from newtongue.tokenizer.speaking import join_tokenizer
from newtongue_recipes.demo.nano import FOLDER as PHI_NANO
from newtongue_recipes.loading import load_base
from newtongue_recipes.stages import Map, Represent, Training, Tune, map_language, represent, tune, twins_of
from newtongue_recipes.stages.fitting import fitting, pair_row
from newtongue_recipes.stages.map import Objective, Pair
from newtongue_recipes.stages.represent import _collator, _encode
from newtongue_recipes.stages.vocabulary import train_vocabulary

PAIRS = [Pair(english, turkish) for english, turkish in zip(tiny.ENGLISH, tiny.TURKISH, strict=True)] * 4
WORDS = [Pair("Paris", "Paris", aligned=True), Pair("capital", "başkent", aligned=True)]
CHATS = [
    [{"role": "user", "content": question, "language": "tr"}, {"role": "assistant", "content": "Paris"}]
    for question in tiny.TURKISH
] * 4


def training(steps: int = 4, **more: object) -> Training:
    return Training(steps=steps, batch=4, rate=1e-3, extra={"disable_tqdm": True, **more})


class StopAt(TrainerCallback):
    """Ends a training after a step, as a kill between two checkpoints would."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        control.should_training_stop = state.global_step >= self.step


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_base(tmp_path_factory.mktemp("base") / "tiny-phi")


@pytest.fixture(scope="module")
def mapped(base_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mapped")
    settings = Map(toward=training(), through=training())
    map_language(
        load_base(base_folder, trainable=True), tiny.tiny_encoder(), PAIRS + WORDS, settings, folder, language="tr"
    )
    return folder / "adapter"


@pytest.mark.parametrize("language,texts", [("tr", tiny.TURKISH), ("ja", tiny.JAPANESE)])
def test_represent_writes_an_encoder_that_transformers_loads(language: str, texts: list[str], tmp_path: Path) -> None:
    settings = Represent(training(), vocabulary=400, width=16, layers=1, heads=2, positions=32)
    folder = represent(texts * 10, settings, tmp_path / "encoder")
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    for text in texts:
        assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text
    assert model.config.vocab_size == len(tokenizer)


def test_represent_spells_characters_it_never_met_in_bytes(tmp_path: Path) -> None:
    settings = Represent(training(1), vocabulary=400, width=16, layers=1, heads=2, positions=32)
    tokenizer = AutoTokenizer.from_pretrained(represent(tiny.TURKISH * 10, settings, tmp_path / "encoder"))
    ids = tokenizer("한국 Фет")["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "한국 Фет"


def test_represent_that_comes_to_nothing_writes_no_encoder(tmp_path: Path) -> None:
    settings = Represent(
        replace(training(12, logging_steps=1), rate=1e30), vocabulary=400, width=16, layers=1, heads=2, positions=32
    )
    with pytest.raises(NewtongueError, match=r"the gradient is nan.*rate is 1e\+30: lower"):
        represent(tiny.TURKISH * 10, settings, tmp_path / "encoder")
    assert not (tmp_path / "encoder" / "config.json").exists()


@pytest.mark.parametrize("whole_words", [False, True])
def test_represent_reads_the_whole_of_a_long_text_and_short_ones_as_before(whole_words: bool, tmp_path: Path) -> None:
    settings = Represent(
        training(1), vocabulary=400, width=16, layers=1, heads=2, positions=32, whole_words=whole_words
    )
    long = " ".join(tiny.TURKISH * 9)
    texts = [tiny.TURKISH[0], long, tiny.TURKISH[2]]
    tokenizer = AutoTokenizer.from_pretrained(represent(texts * 4, settings, tmp_path / "encoder"))
    rows = _encode(tokenizer, texts, settings)
    short = _encode(tokenizer, texts[::2], settings)
    assert all(len(values) == len(rows["input_ids"]) for values in rows.values())
    assert {name: [values[0], values[-1]] for name, values in rows.items()} == dict(short)
    assert max(map(len, rows["input_ids"])) == settings.positions
    read = [one for ids in rows["input_ids"][1:-1] for one in ids[1:-1]]
    assert read == tokenizer(long, add_special_tokens=False)["input_ids"]


def test_represent_reads_the_name_of_a_special_token_as_text() -> None:
    tokenizer = train_vocabulary(tiny.TURKISH * 10, 400, 64)
    text = f"su {tokenizer.sep_token} aş {tokenizer.mask_token}"
    [ids] = _encode(tokenizer, [text], Represent(training(), positions=64))["input_ids"]
    assert tokenizer.decode(ids[1:-1]) == text
    assert not {*ids[1:-1]} & {*tokenizer.all_special_ids}


@pytest.mark.parametrize(
    ("kept", "whole_words", "expected"), [(0.0, False, 0.0), (0.1, False, 0.1), (0.5, False, 0.5), (0.1, True, 0.0)]
)
def test_represent_asks_for_some_tokens_as_they_stand(kept: float, whole_words: bool, expected: float) -> None:
    tokenizer = train_vocabulary(tiny.TURKISH * 10, 400, 64)
    settings = Represent(training(), positions=64, kept=kept, whole_words=whole_words)
    encoded = _encode(tokenizer, tiny.TURKISH * 200, settings)
    rows = [dict(zip(encoded, row, strict=True)) for row in zip(*encoded.values(), strict=True)]
    batch = _collator(tokenizer, settings)(rows)
    asked = batch["labels"] != -100
    stands = (batch["input_ids"] == batch["labels"])[asked].float().mean()
    replaced = ((batch["input_ids"] != batch["labels"]) & (batch["input_ids"] != tokenizer.mask_token_id))[asked]
    assert float(stands) == pytest.approx(expected, abs=0.02)
    assert float(replaced.float().mean()) == pytest.approx(0.0 if whole_words else 0.1, abs=0.02)


@pytest.mark.parametrize("whole_words", [False, True])
def test_represent_continues_a_published_encoder(whole_words: bool, tmp_path: Path) -> None:
    settings = Represent(training(), vocabulary=400, width=16, layers=1, heads=2, positions=32)
    first = represent(tiny.TURKISH * 10, settings, tmp_path / "published")
    before = AutoModel.from_pretrained(first).state_dict()
    second = represent(
        tiny.TURKISH * 10, replace(settings, start_from=str(first), whole_words=whole_words), tmp_path / "more"
    )
    after = AutoModel.from_pretrained(second).state_dict()
    drift = max(float((after[key].float() - before[key].float()).abs().max()) for key in before if "pooler" not in key)
    assert 0 < drift < 0.05


def test_map_leaves_the_base_as_it_was_and_trains_encoder_and_mapper(base_folder: Path, tmp_path: Path) -> None:
    base = AutoModelForCausalLM.from_pretrained(base_folder)
    before = {name: value.clone() for name, value in base.state_dict().items()}
    encoder = tiny.tiny_encoder()
    start = {name: value.clone() for name, value in encoder.state_dict().items()}
    settings = Map(toward=training(), through=training())
    adapter = map_language(base, encoder, PAIRS + WORDS, settings, tmp_path, language="tr")
    after = base.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert any(not torch.equal(value, start[name]) for name, value in adapter.encoder.state_dict().items())


def test_where_no_word_can_be_mined_map_goes_without_its_part_on_words(base_folder: Path, tmp_path: Path) -> None:
    base, settings = AutoModelForCausalLM.from_pretrained(base_folder), Map(words=training(), mined=2)
    both = replace(settings, toward=training())
    with pytest.warns(UserWarning, match="No word could be mined"):
        map_language(base, tiny.tiny_encoder(), PAIRS[:1], both, tmp_path, language="tr")
    with pytest.raises(NewtongueError, match="no pair is aligned"):
        map_language(base, tiny.tiny_encoder(), PAIRS[:1], settings, tmp_path, language="tr")


@pytest.mark.parametrize("most,positions", [(64, 256), (512, 64)], ids=["as asked for", "as the base reads"])
@pytest.mark.parametrize("long", [Pair("I see. " * 20, "Su."), Pair("I see.", "Su. " * 20)], ids=["English", "own"])
def test_pairs_that_are_too_long_pad_no_batch_and_are_told(
    long: Pair, most: int, positions: int, tmp_path: Path
) -> None:
    found: list[int] = []

    class Look(TrainerCallback):
        def on_train_begin(self, args, state, control, train_dataloader=None, **kwargs):
            found.extend(batch["input_ids"].shape[1] for batch in train_dataloader)

    base = load_base(tiny.save_base(tmp_path / "base", max_position_embeddings=positions))
    settings, pairs = Map(toward=training(1), max_length=most), [Pair("I see.", "Su.")] * 7
    for kept, said in ((pairs, "1 of 8 pairs are left out of stage 2"), ([], "No pair fits into 64 positions")):
        with pytest.warns(UserWarning, match=said) if kept else pytest.raises(NewtongueError, match=said):
            map_language(
                base, tiny.tiny_encoder(), [*kept, long], settings, tmp_path / "map", language="tr", callbacks=[Look()]
            )
    assert max(found) <= 64


@pytest.mark.parametrize("part", ["toward", "through"])
def test_each_part_of_map_lowers_its_loss(part: str, tmp_path: Path) -> None:
    losses: list[float] = []

    class Watch(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **kwargs):
            if logs and "loss" in logs:
                losses.append(float(logs["loss"]))

    parts = {"toward": None, "through": None, part: replace(training(30), rate=3e-3)}
    base = load_base(PHI_NANO, trainable=True)  # A base that knows something: random weights cannot be made to speak.
    map_language(base, tiny.tiny_encoder(), PAIRS, Map(**parts), tmp_path, language="tr", callbacks=[Watch()])
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_what_is_masked_is_of_the_language_and_only_while_training(
    base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, encoder = load_base(base_folder), tiny.tiny_encoder()
    model = ModalityAdapter.create(base, encoder, language="tr").attach(base, trainable=True)
    rows = [pair_row(model.tokenizer, pair, "Say: ", "tr") for pair in PAIRS[:1]] * 4
    batch = {name: torch.tensor([row[name] for row in rows]) for name in ("input_ids", "labels")}
    batch["attention_mask"] = torch.ones_like(batch["labels"])
    given: list[torch.Tensor] = []
    embed = model.embed
    monkeypatch.setattr(model, "embed", lambda ids: given.append(ids) or embed(ids))
    objective = Objective(model, Map(masked=0.5), through=0.0, toward=1.0)
    for training_now in (True, False):
        objective.train(training_now)(**batch, aligned=torch.zeros(4))
    owned, ids = model.tokenizer.ranges["tr"], batch["input_ids"]
    masked = given[0] != ids
    assert torch.equal(given[1], ids)
    assert 0.2 < masked.sum() / (ids >= owned.start).sum() < 0.7
    assert set(given[0][masked].tolist()) == {owned.start + encoder.tokenizer.mask_token_id}
    assert not masked[
        (ids < owned.start) | (ids == owned.start + owned.opens) | (ids == owned.start + owned.closes)
    ].any()


@pytest.mark.parametrize(
    "part, share, expected", [("toward", 0.5, [0, 0, 1, 1]), ("toward", 0.0, [0] * 4), ("through", 0.0, [1] * 4)]
)
def test_soft_tokens_settle_in_the_last_part_of_what_draws_them(
    part: str, share: float, expected: list[int], base_folder: Path, tmp_path: Path
) -> None:
    found: list[int] = []

    class Watch(TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **kwargs):
            found.append(int(model.attached.adapter("tr").mapper.settles))

    settings = Map(**{"toward": None, "through": None, part: training()}, settled=share, sharpness=4.0)
    base, encoder = load_base(base_folder), tiny.tiny_encoder()
    adapter = map_language(base, encoder, PAIRS, settings, tmp_path, language="tr", callbacks=[Watch()])
    assert found == expected
    assert adapter.mapper.settles


def test_an_encoder_without_a_mask_masks_nothing(base_folder: Path, tmp_path: Path) -> None:
    encoder = tiny.tiny_encoder()
    encoder.tokenizer.mask_token = None
    with pytest.raises(NewtongueError, match="has no mask"):
        map_language(load_base(base_folder), encoder, PAIRS, Map(masked=0.1), tmp_path, language="tr")


@pytest.mark.parametrize("stage", ["map", "tune"])
@pytest.mark.parametrize("mixed", [False, True], ids=["float32", "mixed precision"])
@pytest.mark.parametrize("fails", [False, True], ids=["ends", "fails"])
def test_a_base_comes_back_in_its_modes_with_its_own_forward(
    stage: str, mixed: bool, fails: bool, base_folder: Path, mapped: Path, tmp_path: Path
) -> None:
    class Fail(TrainerCallback):
        def on_step_end(self, *args, **kwargs):
            raise KeyboardInterrupt

    base = load_base(base_folder, trainable=True)
    base.get_submodule("model.layers.0").train()  # Modes may differ within a base.
    modes = {name: one.training for name, one in base.named_modules()}
    forwards = [name for name in vars(base) if "forward" in name]
    steps, callbacks = training(1, bf16=mixed), [Fail()] * fails
    with pytest.raises(KeyboardInterrupt) if fails else nullcontext():
        if stage == "map":
            settings = Map(toward=None, through=steps)
            map_language(base, tiny.tiny_encoder(), PAIRS, settings, tmp_path, language="tr", callbacks=callbacks)
        else:
            adapter, twins = ModalityAdapter.from_pretrained(mapped), twins_of(PAIRS, "tr")
            settings = Tune(steps, rank=2, alpha=4, max_length=64, answer="own", twins=0.5)
            tune(base, adapter, CHATS, settings, tmp_path, twins=twins, callbacks=callbacks)
    assert {name: one.training for name, one in base.named_modules()} == modes
    assert [name for name in vars(base) if "forward" in name] == forwards


def test_a_base_without_a_token_to_pad_with_is_mapped_and_tuned(tmp_path: Path) -> None:
    folder, tokenizer = tiny.save_base(tmp_path / "base"), tiny.base_tokenizer()
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    pairs = [*PAIRS, Pair("Yes.", "Evet.")]  # Of another length.
    encoder, base = tiny.tiny_encoder(), load_base(folder, trainable=True)
    adapter = map_language(base, encoder, pairs, Map(toward=training(1)), tmp_path / "map", language="tr")
    base = load_base(folder, trainable=True)
    tune(base, adapter, CHATS, Tune(training(1), rank=2, max_length=64), tmp_path / "tune")


def test_a_frozen_encoder_stays_as_it_was(base_folder: Path, tmp_path: Path) -> None:
    encoder = tiny.tiny_encoder()
    start = {name: value.clone() for name, value in encoder.state_dict().items()}
    settings = Map(toward=training(), through=None, train_encoder=False)
    adapter = map_language(load_base(base_folder), encoder, PAIRS, settings, tmp_path, language="tr")
    assert all(torch.equal(value, start[name]) for name, value in adapter.encoder.state_dict().items())


@pytest.mark.parametrize("four_bit", [False, True])
@pytest.mark.parametrize("packing", [False, True])
def test_tune_keeps_everything_trainable_in_float32(
    four_bit: bool, packing: bool, base_folder: Path, mapped: Path, tmp_path: Path
) -> None:
    seen: set[torch.dtype] = set()

    class Types(TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **kwargs):
            seen.update(parameter.dtype for parameter in model.parameters() if parameter.requires_grad)

    settings = Tune(training(2), rank=2, alpha=4, max_length=64, packing=packing)
    base = load_base(base_folder, four_bit=four_bit, trainable=True)
    adapter = tune(base, ModalityAdapter.from_pretrained(mapped), CHATS, settings, tmp_path, callbacks=[Types()])
    assert seen == {torch.float32}
    assert adapter.config.base.four_bit is four_bit
    weights = adapter.lora_weights()
    assert weights
    assert any(float(value.abs().max()) > 0 for name, value in weights.items() if "lora_B" in name)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=2), st.sampled_from(["base", "own"]))
def test_a_row_is_whole_where_it_fits_and_else_keeps_half_of_what_is_asked(sizes: list[int], answer: str) -> None:
    encoder, ranges = tiny.tiny_encoder(), Ranges(tiny.ROWS)
    own = ranges.add("tr", encoder.tokenizer, encoder.opens, encoder.closes, voice=True)
    tokenizer = join_tokenizer(tiny.base_tokenizer(), ranges)
    asked = [{"type": "text", "text": "ğ" * size, "language": "tr"} for size in sizes]
    chat = [{"role": "user", "content": asked}, {"role": "assistant", "content": "Paris", "language": "tr"}]
    whole = tokenizer.example(chat)
    fit = fitting(tokenizer, [chat], Tune(training(), max_length=80, answer=answer), "tr")
    assert len(fit.rows) + len(fit.refused) == 1
    assert (fit.rows == [whole]) == (len(whole["input_ids"]) <= 80)
    for row in fit.rows:
        kept, before = (int(own.reads(torch.tensor(one["input_ids"])).sum()) for one in (row, whole))
        assert len(row["input_ids"]) <= 80
        assert kept >= before / 2
        assert fit.shortened == (kept < before)


@pytest.mark.parametrize(
    "content,written",
    [("Su", "Su"), ([{"text": "So: "}], "So: "), ([{"text": "So: "}, {"text": "Su", "language": "tr"}], "Su")],
    ids=["text", "parts that say nothing", "parts that do"],
)
def test_answers_are_to_be_written_but_for_the_parts_that_their_others_leave_to_the_base(
    content: object, written: str
) -> None:
    encoder, ranges = tiny.tiny_encoder(), Ranges(tiny.ROWS)
    own = ranges.add("tr", encoder.tokenizer, encoder.opens, encoder.closes, voice=True)
    tokenizer = join_tokenizer(tiny.base_tokenizer(), ranges)
    chat = [{"role": "user", "content": "Su?", "language": "tr"}, {"role": "assistant", "content": content}]
    [row] = fitting(tokenizer, [chat], Tune(training(), max_length=80, answer="own"), "tr").rows
    ids = [one - own.begin for one in row["labels"] if own.begin <= one < own.start]
    assert encoder.tokenizer.decode(ids, skip_special_tokens=True) == written


def test_an_adapter_goes_on_with_its_own_lora_and_no_other(base_folder: Path, mapped: Path, tmp_path: Path) -> None:
    settings = Tune(training(1), rank=2, alpha=4, max_length=64, target_modules=["q_proj", "v_proj"])
    base = load_base(base_folder, trainable=True)
    tune(base, ModalityAdapter.from_pretrained(mapped), CHATS, settings, tmp_path / "first")
    for changes, said in (
        ({"rank": 64, "alpha": 128}, r"tune\.rank=2 \(now 64\), tune\.alpha=4 \(now 128\)"),
        ({"lora_dropout": 0.1}, r"tune\.lora_dropout=0\.0"),
        ({"target_modules": "all-linear"}, r"tune\.target_modules=\['q_proj', 'v_proj'\]"),
        ({"target_modules": ["v_proj", "q_proj"]}, ""),
    ):
        adapter = ModalityAdapter.from_pretrained(tmp_path / "first" / "adapter")
        with pytest.raises(NewtongueError, match=said) if said else nullcontext():
            tune(base, adapter, CHATS, replace(settings, **changes), tmp_path / "second")


def weights_of(adapter: ModalityAdapter) -> dict[str, torch.Tensor]:
    return {**dict(adapter.named_parameters()), **(adapter.lora_weights() or {})}


@pytest.mark.parametrize("stage", ["toward", "through", "tune", "tune, written", "tune, twins"])
def test_resume_ends_where_an_uninterrupted_run_ends(
    stage: str, base_folder: Path, mapped: Path, tmp_path: Path
) -> None:
    def run(folder: Path, resume: bool = False, callbacks: tuple[TrainerCallback, ...] = ()) -> ModalityAdapter:
        base: PreTrainedModel = load_base(base_folder, trainable=True)
        steps = replace(training(6), save_steps=2)
        if stage.startswith("tune"):
            adapter = ModalityAdapter.from_pretrained(mapped)
            answer = "own" if "written" in stage else "base"
            share = 0.5 if "twins" in stage else 0.0
            settings = Tune(steps, rank=2, alpha=4, lora_dropout=0.1, max_length=64, answer=answer, twins=share)
            twins = twins_of(PAIRS, "tr")
            return tune(base, adapter, CHATS, settings, folder, twins=twins, resume=resume, callbacks=callbacks)
        parts = {"toward": None, "through": None, stage: steps}
        encoder = tiny.tiny_encoder()
        return map_language(
            base, encoder, PAIRS, Map(**parts), folder, language="tr", resume=resume, callbacks=callbacks
        )

    whole = weights_of(run(tmp_path / "whole"))
    run(tmp_path / "broken", callbacks=(StopAt(3),))
    resumed = weights_of(run(tmp_path / "broken", resume=True))
    assert whole.keys() == resumed.keys()
    different = [name for name in whole if not torch.equal(whole[name], resumed[name])]
    assert not different


def test_answers_are_written_by_a_voice_where_they_are_to_be(base_folder: Path, mapped: Path, tmp_path: Path) -> None:
    labels: list[int] = []

    class Look(TrainerCallback):
        def on_train_begin(self, args, state, control, train_dataloader=None, **kwargs):
            labels.extend(one for batch in train_dataloader for one in batch["labels"].flatten().tolist())

    english = [CHATS[0][0], {**CHATS[0][1], "language": "en"}]
    for chats, written in (([CHATS[0]] * 4, True), ([english] * 4, False)):
        labels.clear()
        base = load_base(base_folder, trainable=True)
        settings = Tune(training(1), rank=2, alpha=4, max_length=64, answer="own")
        folder = tmp_path / str(written)
        adapter = tune(base, ModalityAdapter.from_pretrained(mapped), chats, settings, folder, callbacks=[Look()])
        assert adapter.voice is not None
        assert any(one >= tiny.ROWS for one in labels) is written


def test_a_checkpoint_holds_encoder_mapper_and_lora(base_folder: Path, mapped: Path, tmp_path: Path) -> None:
    settings = Tune(replace(training(2), save_steps=1), rank=2, alpha=4, max_length=64)
    base = load_base(base_folder, trainable=True)
    tune(base, ModalityAdapter.from_pretrained(mapped), CHATS, settings, tmp_path)
    saved = ModalityAdapter.from_pretrained(tmp_path / "checkpoint-2" / "tr")
    final = ModalityAdapter.from_pretrained(tmp_path / "adapter")
    assert all(torch.equal(value, weights_of(final)[name]) for name, value in weights_of(saved).items())


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(lambda base, folder: represent([" "], Represent(training()), folder), id="no raw text"),
        pytest.param(
            lambda base, folder: map_language(
                base, tiny.tiny_encoder(), [], Map(training(), training()), folder, language="tr"
            ),
            id="no pairs",
        ),
        pytest.param(lambda base, folder: tune(base, None, [], Tune(training()), folder), id="no conversations"),
        pytest.param(lambda base, folder: tune(base, None, CHATS, Tune(training(), twins=0.5), folder), id="no twins"),
    ],
)
def test_a_stage_without_data_says_so_before_it_starts(run, base_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NewtongueError, match="Name a source"):
        run(load_base(base_folder), tmp_path)
