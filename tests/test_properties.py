"""What must hold of any attached model, over random streams, architectures and types."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from holds import check_cached_generation, check_packed, check_rows_apart
from newtongue.attaching.port import CHILD
from streams import Part, Row, batch, english, ids_of, rows, run
from worlds import KINDS, SOME, bare_twin, logits, same, world

over_kinds = pytest.mark.parametrize(("architecture", "dtype"), KINDS, ids=["-".join(kind) for kind in KINDS])
over_some = pytest.mark.parametrize(("architecture", "dtype"), SOME, ids=["-".join(kind) for kind in SOME])
# Padding takes places of a sliding window, of the bare base too.
ALL_SEEING = [kind for kind in KINDS if kind[0] != "gemma3_text"]
over_all_seeing = pytest.mark.parametrize(("architecture", "dtype"), ALL_SEEING, ids=map("-".join, ALL_SEEING))
mixed = rows("tr", "ja")
fewer = settings(max_examples=max(2, settings.default.max_examples // 4))


@over_kinds
@given(stream=st.lists(mixed, min_size=2, max_size=3), side=st.sampled_from(["left", "right"]))
def test_a_row_does_not_see_the_others_of_its_batch(
    architecture: str, dtype: str, stream: list[Row], side: str
) -> None:
    check_rows_apart(world(architecture, dtype), stream, side, dtype)


@over_kinds
@given(row=mixed, extra=st.integers(1, 9), positions=st.booleans())
def test_padding_on_the_left_equals_padding_on_the_right(
    architecture: str, dtype: str, row: Row, extra: int, positions: bool
) -> None:
    model = world(architecture, dtype)
    ids = ids_of(row, model)
    left, right = (batch([ids], side, len(ids) + extra) for side in ("left", "right"))
    if not positions:
        del left["position_ids"], right["position_ids"]
    alone = logits(model, **batch([ids]))[0]
    assert same(logits(model, **left)[0, extra:], alone, dtype)
    assert same(logits(model, **right)[0, :-extra], alone, dtype)


@over_all_seeing
@given(row=mixed, follows=rows(), gaps=st.tuples(st.integers(0, 5), st.integers(1, 5)), cached=st.booleans())
def test_padding_inside_a_row_changes_no_answer(
    architecture: str, dtype: str, row: Row, follows: Row, gaps: tuple[int, int], cached: bool
) -> None:
    model = world(architecture, dtype)
    first, rest, later = (ids_of(part, model) for part in (row[:1], row[1:], follows))
    alone = logits(model, input_ids=torch.tensor([[*first, *rest, *later]]))[:, -len(later) :]
    ids = torch.tensor([[*first, *[0] * gaps[0], *rest, *[0] * gaps[1], *later]])
    mask = torch.tensor([[*[1] * len(first), *[0] * gaps[0], *[1] * len(rest), *[0] * gaps[1], *[1] * len(later)]])
    positions = (mask.cumsum(1) - 1).masked_fill(mask == 0, 0)  # As generate counts.
    past, cache = ids.shape[1] - len(later) - gaps[1] if cached else 0, None
    with torch.no_grad():
        if past:
            told = {"attention_mask": mask[:, :past], "position_ids": positions[:, :past]}
            cache = model(ids[:, :past], **told, use_cache=True).past_key_values
        out = model(ids[:, past:], attention_mask=mask, position_ids=positions[:, past:], past_key_values=cache)
    assert same(out.logits[:, -len(later) :].float(), alone, dtype)


@over_kinds
@given(stream=st.tuples(rows(), rows("tr"), rows("ja"), mixed).flatmap(st.permutations))
def test_packed_rows_equal_separate_rows(architecture: str, dtype: str, stream: list[Row]) -> None:
    model = world(architecture, dtype)
    check_packed(model, [ids_of(row, model) for row in stream], dtype)


@given(first=run("tr"), second=run("tr"))
def test_runs_of_neighbouring_packed_rows_are_not_read_as_one(first: Part, second: Part) -> None:
    model = world()
    separate = [[1, *part.ids(model)] for part in (first, second)]
    separate[1] = [*separate[1][1:], 9]  # The second row opens with its run, right after the first row's.
    check_packed(model, separate)


@over_kinds
@given(stream=st.lists(mixed, min_size=1, max_size=2), answer=english)
def test_a_cached_step_equals_one_whole_forward(architecture: str, dtype: str, stream: list[Row], answer: Part) -> None:
    model = world(architecture, dtype)
    prompt = batch([ids_of(row, model) for row in stream], "left")
    step = torch.tensor(answer.ids(model)).expand(len(stream), -1)
    with torch.no_grad():
        cache = model(**prompt, use_cache=True).past_key_values
        got = []
        mask, positions = prompt["attention_mask"], prompt["position_ids"][:, -1:]
        for one in step.unbind(1):
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1)
            positions = positions + 1
            out = model(input_ids=one[:, None], attention_mask=mask, position_ids=positions, past_key_values=cache)
            got.append(out.logits[:, 0].float())
    places = torch.arange(1, step.shape[1] + 1)
    whole = logits(
        model,
        input_ids=torch.cat([prompt["input_ids"], step], 1),
        attention_mask=mask,
        position_ids=torch.cat([prompt["position_ids"], prompt["position_ids"][:, -1:] + places], 1),
    )
    assert same(torch.stack(got, 1), whole[:, -step.shape[1] :], dtype)


@over_kinds
@fewer
@given(stream=st.lists(mixed, min_size=1, max_size=3))
def test_generation_with_a_cache_equals_generation_without(architecture: str, dtype: str, stream: list[Row]) -> None:
    model = world(architecture, dtype)
    check_cached_generation(model, batch([ids_of(row, model) for row in stream], "left"), dtype)


@over_kinds
@given(stream=st.lists(rows(), min_size=1, max_size=2), others=st.lists(mixed, max_size=2))
def test_english_rows_are_bit_identical_to_the_bare_base_in_a_mixed_batch(
    architecture: str, dtype: str, stream: list[Row], others: list[Row]
) -> None:
    model, bare = world(architecture, dtype), bare_twin(architecture, dtype)
    lines = [ids_of(row, model) for row in (*stream, *others)]
    inputs = batch(lines, "left")
    adapted = logits(model, **inputs)[: len(stream)]
    inputs["input_ids"][len(stream) :].clamp_(max=9)  # The bare base gets other rows there, of the same shape.
    assert torch.equal(adapted, logits(bare, **inputs)[: len(stream)])


@over_kinds
@fewer
@given(stream=rows(), other=mixed)
def test_english_rows_generate_bit_for_bit_what_the_bare_base_does(
    architecture: str, dtype: str, stream: Row, other: Row
) -> None:
    model, bare = world(architecture, dtype), bare_twin(architecture, dtype)
    inputs = batch([ids_of(row, model) for row in (stream, other)], "left")
    del inputs["position_ids"]
    options = {
        "max_new_tokens": 5,
        "min_new_tokens": 5,
        "do_sample": False,
        "output_logits": True,
        "return_dict_in_generate": True,
    }
    adapted = model.generate(**inputs, **options)
    inputs["input_ids"][1:].clamp_(max=9)
    plain = bare.generate(**inputs, **options)
    width = inputs["input_ids"].shape[1]
    assert torch.equal(adapted.sequences[0, width:], plain.sequences[0, width:])
    for one, other_step in zip(adapted.logits, plain.logits, strict=True):
        assert torch.equal(one[0], other_step[0])


@over_kinds
def test_each_language_reads_and_answers_for_itself(architecture: str, dtype: str) -> None:
    """The other properties would hold of a port that does nothing; this one would not."""
    model = world(architecture, dtype)
    start = {language: getattr(model, CHILD).ranges[language].start for language in ("tr", "ja")}
    lines = {"en": [[1, 20, 30, 31, 32, 40]]}
    lines |= {name: [[1, 20, at + 30, at + 31, at + 32, 40]] for name, at in start.items()}
    out = {name: logits(model, input_ids=torch.tensor(line))[0, -1] for name, line in lines.items()}
    for one, other in (("en", "tr"), ("en", "ja"), ("tr", "ja")):
        assert not same(out[one], out[other], "bfloat16")
