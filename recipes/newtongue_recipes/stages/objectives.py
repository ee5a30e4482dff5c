"""Objectives of stage 2 that draw soft tokens toward the embeddings of their translation."""

import torch
from torch import Tensor


def transport(soft: Tensor, seen: Tensor, targets: Tensor, wanted: Tensor, unit: float, entropy: float) -> Tensor:
    """Cost of carrying each row's soft tokens onto the embeddings of its translation.

    Length and word order of a sentence and its translation differ, so positions are matched softly, by
    entropic optimal transport over the squared distance (Cuturi, 2013), solved without gradient; the
    gradient flows through the distances alone.

    Args:
        soft: `[batch, soft tokens, width]`; `seen` `[batch, soft tokens]`, bool, marks the real ones.
        targets: `[batch, target tokens, width]`; `wanted` `[batch, target tokens]` likewise.
        unit: squared norm of a typical embedding; distances are measured in it.
        entropy: softness of the matching, in the same unit.

    Returns:
        Mean cost of a row, in `unit`.
    """
    cost = (torch.cdist(soft.float(), targets.float()) ** 2) / unit  # [batch, soft tokens, target tokens]
    plan = _sinkhorn(cost.detach(), seen, wanted, entropy)
    return (plan * cost).sum((1, 2)).mean()


def aligned_mse(soft: Tensor, seen: Tensor, targets: Tensor, wanted: Tensor, unit: float) -> Tensor:
    """Mean squared error of pairs that mean the same throughout: dictionary entries, aligned sentences.

    `L = 1/N Σ_n ‖ f(e_n) − e_LLM,n ‖²`, position by position where a pair has equal lengths; the means of both
    sides where it has not. Arguments and unit as in `transport`.
    """
    equal = seen.sum(1) == wanted.sum(1)  # [batch]
    length = min(soft.shape[1], targets.shape[1])
    both = (seen[:, :length] & wanted[:, :length])[..., None]
    square = (soft[:, :length] - targets[:, :length]).float() ** 2
    by_position = (square * both).sum((1, 2)) / both.sum((1, 2)).clamp(min=1)
    by_mean = ((_mean(soft, seen) - _mean(targets, wanted)) ** 2).sum(-1)
    return torch.where(equal, by_position, by_mean).mean() / unit


def pad_runs(values: Tensor, here: Tensor) -> tuple[Tensor, Tensor]:
    """Collect the marked positions of each row at its start.

    Args:
        values: `[batch, positions, …]`; here: `[batch, positions]`, bool.

    Returns:
        `[batch, longest, …]` and, bool, which of its positions are real.
    """
    order = torch.argsort(here.int(), dim=1, descending=True, stable=True)[:, : int(here.sum(1).max())]
    index = order[(...,) + (None,) * (values.dim() - 2)].expand(-1, -1, *values.shape[2:])
    return values.gather(1, index), here.gather(1, order)


def _sinkhorn(cost: Tensor, seen: Tensor, wanted: Tensor, entropy: float, rounds: int = 20) -> Tensor:
    """The transport plan between uniform masses on the real positions, in the log domain."""
    nothing = torch.finfo(cost.dtype).min / 4
    rows = torch.where(seen, -seen.sum(1, keepdim=True).float().log(), nothing)
    columns = torch.where(wanted, -wanted.sum(1, keepdim=True).float().log(), nothing)
    kernel = -cost / entropy
    left, right = rows, torch.where(wanted, 0.0, nothing)
    for _ in range(rounds):
        left = rows - torch.logsumexp(kernel + right[:, None, :], dim=2)
        right = columns - torch.logsumexp(kernel + left[:, :, None], dim=1)
    return (kernel + left[:, :, None] + right[:, None, :]).exp()


def _mean(values: Tensor, here: Tensor) -> Tensor:
    weights = here[..., None].float()
    return (values.float() * weights).sum(1) / weights.sum(1).clamp(min=1)
