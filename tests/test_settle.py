"""Soft tokens that settle on the base's own: where they end, and that lots and gradients are those of the whole."""

import pytest
import torch

from newtongue.base import embeddings_as_read
from newtongue.reading import mapper
from newtongue.reading.mapper import Mapper
from newtongue.saving.config import MapperConfig
from tiny import ROWS
from worlds import bare_base

TABLE = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))


def settling(sharpness: float) -> Mapper:
    return Mapper(MapperConfig(encoder_width=4, hidden=8, base_width=8, scale=1.0, sharpness=sharpness)).eval()


@pytest.mark.parametrize("off", ["sharpness", "settles"])
def test_what_is_not_to_settle_stays(off: str) -> None:
    one = settling(0.0 if off == "sharpness" else 8.0)
    one.settles = off == "sharpness"
    soft = torch.randn(3, 8)
    assert one.settle(soft, TABLE) is soft


def test_a_token_of_the_base_stays_and_what_lies_near_it_comes_to_it() -> None:
    near = TABLE[:9] + 0.05 * torch.randn(9, 8)
    for soft in (TABLE[:9], near):
        torch.testing.assert_close(settling(200.0).settle(soft, TABLE), TABLE[:9], atol=1e-3, rtol=0)


def test_what_lies_far_off_comes_between_the_tokens_of_the_base() -> None:
    ends = settling(8.0).settle(100 * torch.randn(20, 8), TABLE)
    directions = torch.randn(64, 8)
    assert bool(((ends @ directions.T).amax(0) <= (TABLE @ directions.T).amax(0) + 1e-4).all())  # In their hull.


def test_a_base_that_multiplies_its_table_is_settled_on_at_its_size() -> None:
    soft = 16 * torch.randn(5, 8)
    torch.testing.assert_close(settling(0.1).settle(soft, TABLE, 16.0), settling(0.1).settle(soft, 16 * TABLE))


@pytest.mark.parametrize("architecture", ["phi", "gemma3_text"])
def test_embeddings_are_as_the_base_reads_them(architecture: str) -> None:
    base = bare_base(architecture)
    assert torch.equal(embeddings_as_read(base), base.get_input_embeddings()(torch.arange(ROWS)))


def test_lots_are_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for at_once in (1, 3 * len(TABLE), 2**25):  # Lots of 1, of 3 and of all.
        monkeypatch.setattr(mapper, "AT_ONCE", at_once)
        soft = torch.linspace(-1, 1, 80).view(10, 8).requires_grad_(True)
        ends = settling(8.0).settle(soft, TABLE)
        ends.square().sum().backward()
        made.append((ends.detach(), soft.grad))
    torch.testing.assert_close(made[0], made[2])
    torch.testing.assert_close(made[1], made[2])
    assert made[0][1].abs().sum() > 0
