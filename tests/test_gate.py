"""Properties of the gate: each LoRA runs where its language is answered, and on other rows as little as it can."""

import copy
from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch
from peft import LoraConfig
from torch import Tensor, nn
from transformers import DynamicCache

from newtongue import AttachedModel, NewtongueError
from newtongue.attaching.memory import REMEMBERED
from newtongue.languages import module_name
from streams import Part, Row, batch, ids_of
from worlds import KINDS, attach_two, bare_base, bare_twin, logits, same, world

ENGLISH: Row = (Part(None, 7, 1),)
TURKISH: Row = (Part(None, 2, 2), Part("tr", 5, 3), Part(None, 3, 4))
JAPANESE: Row = (Part(None, 3, 5), Part("ja", 6, 6), Part(None, 2, 7))
MORE: Row = (Part("tr", 2, 8), Part(None, 9, 9))
ROWS = (TURKISH, ENGLISH, JAPANESE, MORE)


def rows_seen(model: AttachedModel, inputs: dict[str, Tensor]) -> dict[str, set[int]]:
    """How many rows the LoRA of each language is given, by language."""
    seen: dict[str, set[int]] = {}

    def note(name: str, args: tuple[Tensor, ...]) -> None:
        seen.setdefault(name, set()).add(len(args[0]))

    parts = [(path.split("."), module) for path, module in model.named_modules()]
    hooks = [
        module.register_forward_pre_hook(lambda _module, args, name=path[-1]: note(name, args))
        for path, module in parts
        if "lora_A" in path[:-1]
    ]
    model(**inputs, use_cache=False)
    for hook in hooks:
        hook.remove()
    return {language: seen.get(module_name(language), set()) for language in model.languages}


def hooks_of(model: nn.Module) -> list[int]:
    return [len(module._forward_pre_hooks) + len(module._forward_hooks) for module in model.modules()]


@pytest.mark.parametrize(("architecture", "dtype"), KINDS, ids=["-".join(kind) for kind in KINDS])
def test_rows_in_several_languages_are_as_they_are_alone(architecture: str, dtype: str) -> None:
    model = world(architecture, dtype)
    together = batch([ids_of(row, model) for row in ROWS], "left")
    whole = logits(model, **together)
    for number, row in enumerate(ROWS):
        alone = logits(model, **batch([ids_of(row, model)]))[0]
        assert same(whole[number, -len(alone) :], alone, dtype)
    bare = logits(bare_twin(architecture, dtype), **{**together, "input_ids": together["input_ids"].clamp(max=299)})
    assert torch.equal(whole[1], bare[1])


def rows_of(*rows: Row) -> Callable[[AttachedModel], dict[str, Tensor]]:
    return lambda model: batch([ids_of(row, model) for row in rows], "left")


def packed(model: AttachedModel) -> dict[str, Tensor]:
    """Rows of two sequences each, and one of a single one as long."""
    one, other = ids_of(TURKISH, model), ids_of(JAPANESE, model)
    english = ids_of((Part(None, len(one) + len(other), 1),), model)
    first, second, whole = range(len(one)), range(len(other)), range(len(english))
    return {
        "input_ids": torch.tensor([[*one, *other], english, [*other, *one]]),
        "position_ids": torch.tensor([[*first, *second], [*whole], [*second, *first]]),
    }


CASES = {
    "one language a row": (rows_of(*ROWS), True, {"tr": {2}, "ja": {1}}),
    "two in packed ones": (packed, True, {"tr": {3}, "ja": {3}}),
    "one language": (rows_of(TURKISH, ENGLISH), True, {"tr": {2}, "ja": set()}),
    "with gradients": (rows_of(*ROWS), False, {"tr": {4}, "ja": {4}}),
}


@pytest.mark.parametrize(("inputs", "without_gradients", "expected"), CASES.values(), ids=CASES)
def test_a_lora_runs_on_its_own_rows_where_each_has_one_language(
    inputs: Callable[[AttachedModel], dict[str, Tensor]], without_gradients: bool, expected: dict[str, set[int]]
) -> None:
    model = world()
    with torch.no_grad() if without_gradients else nullcontext():
        assert rows_seen(model, inputs(model)) == expected


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")
def test_a_lora_of_somebody_else_answers_in_all_rows() -> None:
    model = attach_two(bare_base())
    inputs = batch([ids_of(row, model) for row in ROWS], "left")
    model.add_adapter(LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False), adapter_name="style")
    model.set_adapter("style")
    whole = logits(model, **inputs)
    for number, row in enumerate(ROWS):
        alone = logits(model, **batch([ids_of(row, model)]))[0]
        assert same(whole[number, -len(alone) :], alone)


def test_nothing_of_it_stays_in_the_layers() -> None:
    model = attach_two(bare_base())
    before = hooks_of(model)
    inputs = batch([ids_of(row, model) for row in ROWS], "left")
    logits(model, **inputs)
    assert hooks_of(model) == before
    layer = next(module for path, module in model.named_modules() if path.endswith("mlp"))
    fault = layer.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        logits(model, **inputs)
    fault.remove()
    english = batch([ids_of(ENGLISH, model)])
    assert torch.equal(logits(model, **english), logits(bare_twin(), **english))
    assert hooks_of(model) == before


def go_on(model: AttachedModel, ids: list[int], cache: DynamicCache, rows: int = 1) -> Tensor:
    """The logits of these ids after what is cached of `rows` rows."""
    with torch.no_grad():
        out: Tensor = model(torch.tensor([ids] * rows), past_key_values=cache).logits
    return out


@pytest.mark.parametrize("steps", [0, 3], ids=["", "steps"])
@pytest.mark.parametrize("apart", [True, False], ids=["apart", "at once"])
@pytest.mark.parametrize(("kept", "reads"), [(7, False), (6, False), (1, False), (13, True), (8, True)])
def test_a_cropped_cache_remembers_what_it_still_holds(kept: int, reads: bool, apart: bool, steps: int) -> None:
    model, cache = world(), DynamicCache()
    english, turkish = ids_of(ENGLISH, model), ids_of((Part("tr", 5, 3),), model)
    for ids in (english, turkish) if apart else ([*english, *turkish],):
        go_on(model, ids, cache)
    for step in range(steps):
        go_on(model, [50 + step], cache)
    cache.crop(kept - cache.get_seq_length())
    answer = [60, 61, 62]
    found = go_on(model, answer, copy.deepcopy(cache))
    delattr(cache, REMEMBERED)
    assert torch.equal(found, go_on(model, answer, cache)) is not reads


def test_a_cache_whose_rows_were_thinned_out_goes_on_where_their_language_is_known() -> None:
    model, inputs = world(), [ids_of(row, world()) for row in (TURKISH, TURKISH, JAPANESE)]
    for rows, kept in ((inputs[:2] * 2, [1, 2, 3]), (inputs, [0, 2])):
        cache = DynamicCache()
        with torch.no_grad():
            model(**batch(rows, "left"), past_key_values=cache)
        cache.batch_select_indices(torch.tensor(kept))
        if len(rows) == 4:
            alone = DynamicCache()
            go_on(model, inputs[0], alone)
            assert same(go_on(model, [60], cache, len(kept))[0], go_on(model, [60], alone)[0])
        else:
            with pytest.raises(NewtongueError, match="languages of 3 rows, and 2 go on"):
                go_on(model, [60], cache, len(kept))


def test_a_step_of_decoding_writes_nothing_into_the_cache() -> None:
    model, cache = world(), DynamicCache()
    go_on(model, ids_of(TURKISH, model), cache)
    before = getattr(cache, REMEMBERED)
    go_on(model, [60], cache)
    after = getattr(cache, REMEMBERED)
    assert len(before) == len(after) == 1 and before[0] is after[0]
