"""Stage 2's objectives: what they are zero for, what they prefer, and that padding does not count."""

import pytest
import torch

from newtongue_recipes.stages.objectives import aligned_mse, candidates, contrast, lexical, pad_runs, transport


def everything(values: torch.Tensor) -> torch.Tensor:
    return torch.ones(values.shape[:2], dtype=torch.bool)


@pytest.mark.parametrize("rows,length,width", [(1, 1, 4), (3, 5, 8)])
def test_transport_is_nearly_free_onto_the_same_vectors_in_another_order(rows: int, length: int, width: int) -> None:
    targets = torch.eye(length, width)[None].repeat(rows, 1, 1) * 3
    shuffled = targets[:, torch.randperm(length)]
    seen = everything(targets)
    moved = transport(shuffled, seen, targets, seen, unit=9.0, entropy=0.05)
    far = transport(-shuffled, seen, targets, seen, unit=9.0, entropy=0.05)
    assert moved < 1e-3 < 1 < far


def test_transport_matches_masses_so_that_one_token_cannot_serve_for_all() -> None:
    targets = torch.eye(4)[None]
    seen = everything(targets)
    collapsed = targets[:, :1].repeat(1, 4, 1)
    assert transport(collapsed, seen, targets, seen, 1.0, 0.05) > 1.0


def test_transport_ignores_padding() -> None:
    torch.manual_seed(0)
    soft, targets = torch.randn(2, 3, 6), torch.randn(2, 5, 6)
    plain = transport(soft, everything(soft), targets, everything(targets), 6.0, 0.1)
    padded_soft = torch.cat([soft, torch.randn(2, 4, 6)], 1)
    padded_targets = torch.cat([targets, torch.randn(2, 2, 6)], 1)
    seen = torch.tensor([[True] * 3 + [False] * 4] * 2)
    wanted = torch.tensor([[True] * 5 + [False] * 2] * 2)
    torch.testing.assert_close(transport(padded_soft, seen, padded_targets, wanted, 6.0, 0.1), plain)


def test_transport_plan_carries_no_gradient_but_the_distances_do() -> None:
    soft = torch.randn(1, 3, 4, requires_grad=True)
    targets = torch.randn(1, 2, 4)
    transport(soft, everything(soft), targets, everything(targets), 4.0, 0.1).backward()
    assert soft.grad is not None
    assert soft.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "targets,expected",
    [
        pytest.param([1.0, 5.0], [1.0, 5.0], id="equal lengths are compared position by position"),
        pytest.param([1.0, 2.0, 3.0, 4.0], [1.5, 3.5], id="twice as many are compared two by two"),
        pytest.param([3.0], [3.0, 3.0], id="a single one stands for all"),
        pytest.param([1.0, 2.0, 6.0], [4 / 3, 14 / 3], id="others by the share they lie over"),
    ],
)
def test_aligned_mse(targets: list[float], expected: list[float]) -> None:
    soft = torch.tensor(expected)[None, :, None]
    target = torch.tensor(targets)[None, :, None]
    soft, seen = torch.cat([soft, torch.ones(1, 3, 1)], 1), torch.tensor([[True] * 2 + [False] * 3])
    target = torch.cat([target, torch.ones(1, 2, 1)], 1)
    wanted = torch.arange(target.shape[1])[None] < len(targets)
    assert aligned_mse(soft, seen, target, wanted, 1.0).item() == pytest.approx(0, abs=1e-6)
    assert aligned_mse(soft + 1, seen, target, wanted, 1.0).item() == pytest.approx(1, abs=1e-5)


TABLE = torch.eye(9) * 3  # Squared norm 9.
SAID = torch.tensor([[1, 2, 4], [8, 0, 3]])


def likelihood(soft: torch.Tensor, said: torch.Tensor = SAID) -> float:
    return lexical(soft, everything(soft), said, everything(said), TABLE, unit=9.0).item()


@pytest.mark.parametrize(
    "soft",
    [
        pytest.param(TABLE[SAID.roll(1, 0)], id="tokens of the other row"),
        pytest.param(TABLE[SAID[:, :1].expand(-1, 3)], id="one token for all"),
        pytest.param(torch.zeros(2, 3, 9), id="nothing"),
        pytest.param(TABLE[SAID].mean(1, keepdim=True).expand(-1, 3, -1), id="their mean"),
    ],
)
def test_tokens_are_likeliest_where_each_is_said(soft: torch.Tensor) -> None:
    own = TABLE[SAID.flip(1)]  # In another order.
    assert likelihood(own) < likelihood(soft) - 0.01


def test_likelihood_ignores_padding_and_a_row_of_nothing_but_it() -> None:
    torch.manual_seed(0)
    soft = torch.randn(2, 4, 9)
    more = torch.cat([soft, torch.randn(2, 2, 9)], 1)
    seen, wanted = torch.tensor([[True] * 4 + [False] * 2] * 2), torch.tensor([[True] * 3 + [False] * 2] * 2)
    said = torch.cat([SAID, torch.zeros(2, 2, dtype=torch.long)], 1)
    assert lexical(more, seen, said, wanted, TABLE, 9.0).item() == pytest.approx(likelihood(soft))
    seen[1] = wanted[1] = False
    assert lexical(more, seen, said, wanted, TABLE, 9.0).isfinite()


@pytest.mark.parametrize("rows,most", [(9, 9), (1000, 4)], ids=["all", "some"])
def test_what_is_said_is_among_the_candidates(rows: int, most: int) -> None:
    ids, places = candidates(SAID, rows, most)
    assert torch.equal(ids[places], SAID)
    assert len(ids) <= max(rows if rows <= most else 0, most + SAID.numel())


def test_contrast_prefers_rows_that_find_their_own_and_ignores_padding() -> None:
    torch.manual_seed(0)
    targets = torch.randn(6, 4, 16)
    seen = everything(targets)
    own, others = contrast(targets, seen, targets, seen), contrast(targets.roll(1, 0), seen, targets, seen)
    assert own < 0.1 < 2 < others
    padded, real = torch.cat([targets, torch.randn(6, 3, 16)], 1), torch.tensor([[True] * 4 + [False] * 3] * 6)
    torch.testing.assert_close(contrast(padded, real, targets, seen), own)


def test_pad_runs_keeps_order_and_marks_what_is_real() -> None:
    values = torch.arange(8.0).view(2, 4, 1)
    here = torch.tensor([[False, True, False, True], [True, False, False, False]])
    collected, real = pad_runs(values, here)
    assert collected[0, :, 0].tolist() == [1.0, 3.0]
    assert collected[1, 0, 0].item() == 4.0
    assert real.tolist() == [[True, True], [True, False]]
