"""Where runs begin and end, and which language each position answers to."""

import pytest
import torch
from hypothesis import given
from transformers import StaticCache

from newtongue.attaching.port import CHILD
from newtongue.reading.runs import find_runs, language_of_positions, segments
from streams import Part, run
from worlds import bare_base, bare_twin, logits, recomputing, same, world

# One letter a position: . base, ( opens, a token, ) closes, | a sequence begins here.
RUNS = {
    "one": ("..(aa)..", [2]),
    "without its opening id": ("..aa)..", [2]),
    "without its closing id": ("..(aa..", [2]),
    "without either": ("..aa..", [2]),
    "at both ends": ("aa..aaa", [2, 3]),
    "touching": ("(aa)(a)", [2, 1]),
    "touching, the first not closed": ("(aa(a)", [2, 1]),
    "touching, the second not opened": ("(aa)a)", [2, 1]),
    "touching across sequences": ("aa|aaa", [2, 3]),
    "empty ones": ("()..(aa)()()", [2]),
    "none": ("....", []),
    "boundaries alone": ("((.))", []),
}


@pytest.mark.parametrize(("drawing", "lengths"), RUNS.values(), ids=RUNS)
def test_runs_are_cut_where_they_end(drawing: str, lengths: list[int]) -> None:
    sequence = torch.tensor([[drawing[: place + 1].count("|") for place in range(len(drawing))]])
    kept = [place for place, letter in enumerate(drawing) if letter != "|"]
    letters = [drawing[place] for place in kept]
    here, opens, closes = (torch.tensor([[letter in which for letter in letters]]) for which in ("(a)", "(", ")"))
    inside, found = find_runs(here, opens, closes, sequence[:, kept])
    assert inside.tolist() == [[letter == "a" for letter in letters]]
    assert found.tolist() == lengths


def test_a_run_does_not_go_on_in_the_next_row() -> None:
    here = torch.tensor([[False, True], [True, True]])
    nowhere = torch.zeros_like(here)
    _, lengths = find_runs(here, nowhere, nowhere, segments(here.shape, None, here.device))
    assert lengths.tolist() == [1, 2]


@given(first=run("tr"), second=run("tr", "ja"))
def test_touching_runs_are_read_each_by_itself(first: Part, second: Part) -> None:
    model = world()
    one, other = first.ids(model), second.ids(model)
    if (first.language == second.language and not first.closed and not second.opened) or not one or not other:
        return  # Nothing tells these two apart.
    with torch.no_grad():
        together = model.embed(torch.tensor([[*one, *other]]))
        apart = [model.embed(torch.tensor([ids])) for ids in (one, other)]
    torch.testing.assert_close(together, torch.cat(apart, 1), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("architecture", ["phi", "gemma3_text"])
def test_each_position_holds_what_was_read_there(architecture: str) -> None:
    model = world(architecture)
    adapter, owned = model.adapter("ja"), getattr(model, CHILD).ranges["ja"]
    own = torch.tensor([30, 40, 50])
    ids = torch.tensor([[1, owned.start + owned.opens, *(owned.start + own).tolist(), owned.start + owned.closes, 9]])
    with torch.no_grad():
        embedded = model.embed(ids)[0]
        opens, closes = adapter.mapper.boundaries()
        bare = bare_twin(architecture).get_input_embeddings()(torch.tensor([1, 9]))
        expected = torch.stack([bare[0], opens, *adapter([own]), closes, bare[1]])
    torch.testing.assert_close(embedded, expected)


SEQUENCES = {
    "rows": (None, [[0, 0, 0, 0], [4, 4, 4, 4]]),
    "counted": ([[0, 1, 2, 3], [0, 1, 2, 3]], [[0, 0, 0, 0], [4, 4, 4, 4]]),
    "one line for all rows": ([[0, 1, 2, 3]], [[0, 0, 0, 0], [4, 4, 4, 4]]),
    "packed": ([[0, 1, 0, 1], [0, 0, 1, 2]], [[0, 0, 2, 2], [4, 5, 5, 5]]),
    "padded on the left": ([[1, 1, 0, 1], [0, 1, 2, 3]], [[0, 1, 2, 2], [4, 4, 4, 4]]),
}
# One row: what is no padding, positions, and the sequence of each position.
PADDED = {
    "on the left": ("001111", [0, 0, 0, 1, 2, 3], [0, 0, 0, 0, 0, 0]),
    "on the left, after what is cached": ("001111", [0, 0, 7, 8, 9, 10], [0, 0, 0, 0, 0, 0]),
    "on the right": ("111100", [0, 1, 2, 3, 3, 3], [0, 0, 0, 0, 0, 0]),
    "inside, as generate counts": ("110011", [0, 1, 0, 0, 2, 3], [0, 0, 0, 0, 0, 0]),
    "inside, counted": ("110011", [0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 0, 0]),
    "twice": ("101011", [0, 1, 1, 1, 2, 3], [0, 0, 0, 0, 0, 0]),
    "between packed examples": ("110011", [0, 1, 1, 1, 0, 1], [0, 0, 0, 0, 1, 1]),
    "inside a packed example": ("111011", [0, 0, 1, 1, 2, 0], [0, 1, 1, 1, 1, 2]),
    "nowhere": ("111111", [0, 1, 0, 0, 1, 2], [0, 0, 1, 2, 2, 2]),
}


@pytest.mark.parametrize(("positions", "expected"), SEQUENCES.values(), ids=SEQUENCES)
def test_a_sequence_begins_where_positions_do_not_go_on(
    positions: list[list[int]] | None, expected: list[list[int]]
) -> None:
    given_positions = None if positions is None else torch.tensor(positions)
    numbers = segments(torch.Size((2, 4)), given_positions, torch.device("cpu"))
    for row, wanted in zip(numbers.tolist(), expected, strict=True):
        assert [one == other for one in row for other in row] == [one == other for one in wanted for other in wanted]
    assert not set(numbers[0].tolist()) & set(numbers[1].tolist())


@pytest.mark.parametrize(("real", "positions", "expected"), PADDED.values(), ids=PADDED)
def test_padding_parts_no_sequence(real: str, positions: list[int], expected: list[int]) -> None:
    shown = torch.tensor([[one == "1" for one in real]])
    numbers = segments(shown.shape, torch.tensor([positions]), torch.device("cpu"), shown)
    assert numbers.tolist() == [expected]


ANSWERS = {
    "none": ([-1, -1], [0, 0], None, [-1, -1]),
    "all of a sequence": ([-1, 7, -1], [0, 0, 0], None, [7, 7, 7]),
    "the last one wins": ([7, -1, 9, -1], [0, 0, 0, 0], None, [9, 9, 9, 9]),
    "each sequence its own": ([7, -1, -1, 9, -1], [0, 0, 1, 2, 2], None, [7, 7, -1, 9, 9]),
    "what the cache holds": ([-1, -1], [0, 0], [7], [7, 7]),
    "a new run after what the cache holds": ([-1, 9], [0, 0], [7], [9, 9]),
}


@pytest.mark.parametrize(("spoken", "sequence", "before", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_positions_answer_to_the_last_language_of_their_sequence(
    spoken: list[int], sequence: list[int], before: list[int] | None, expected: list[int]
) -> None:
    cached = None if before is None else torch.tensor(before)
    assert language_of_positions(torch.tensor([spoken]), torch.tensor([sequence]), cached).tolist() == [expected]


def test_a_cache_repeated_for_more_rows_remembers_its_language() -> None:
    model = world()
    start = getattr(model, CHILD).ranges["tr"].start
    prompt, steps = torch.tensor([[1, start + 30, start + 40]]), torch.tensor([[50], [60], [70]])
    with torch.no_grad():
        cache = model(prompt, use_cache=True).past_key_values
        cache.batch_repeat_interleave(3)
        out = model(steps, past_key_values=cache).logits[:, -1]
    assert same(out, logits(model, input_ids=torch.cat([prompt.expand(3, -1), steps], 1))[:, -1])


@pytest.mark.parametrize("through", ["logits", "a layer"])
@pytest.mark.parametrize("between", ["other", "english"])
def test_layers_run_again_for_their_gradients_answer_as_in_their_own_forward(through: str, between: str) -> None:
    gradients = []
    for checkpointing in (False, True):
        model = recomputing(bare_base(), checkpointing)
        tr, ja = (getattr(model, CHILD).ranges[language].start for language in ("tr", "ja"))
        asked = torch.tensor([[1, tr + 30, 40], [1, 30, 40], [1, ja + 30, 50]])
        out = model(asked, output_hidden_states=True, use_cache=False)
        model(asked.flip(0) if between == "other" else torch.tensor([[1, 30]]), use_cache=False)
        (out.logits if through == "logits" else out.hidden_states[1]).square().mean().backward()
        gradients.append([p.grad for name in model.languages for _, p in model.adapter(name).trainable_parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        assert (plain is None) == (recomputed is None)
        if plain is not None:
            torch.testing.assert_close(recomputed, plain, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("fresh", ["reset", "new"])
def test_a_cache_used_again_for_english_forgets_the_language(fresh: str) -> None:
    model = world()
    start = getattr(model, CHILD).ranges["tr"].start
    cache = StaticCache(config=model.config, max_cache_len=16)
    english = torch.tensor([[1, 30, 40]])
    with torch.no_grad():
        model(torch.tensor([[1, start + 30, 9]]), past_key_values=cache)
        if fresh == "reset":
            cache.reset()
        else:
            cache = StaticCache(config=model.config, max_cache_len=16)
        out = model(english, past_key_values=cache).logits
    assert same(out, logits(model, input_ids=english))
