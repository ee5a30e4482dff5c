"""Objectives of stage 2 that draw soft tokens toward the embeddings of their translation."""

import torch
from torch import Tensor

from newtongue.reading.mapper import nearness

TELLING = 0.2  # Weight of what a soft token says being of the translation, beside all of the translation being said.


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


def lexical(
    soft: Tensor, seen: Tensor, said: Tensor, wanted: Tensor, table: Tensor, unit: float, sharpness: float = 8.0
) -> Tensor:
    """How unlikely the tokens of each row's translation are, each said by one of its soft tokens, whichever.

    IBM's first model (Brown et al., 1993) with a reader in place of its table: a soft token says each of the base's
    tokens with a probability that falls with the squared distance to its embedding, so that it is told from all the
    others and not only drawn to the right one. The other way round, each soft token should say something of the
    translation; that counts less, for not every part of a word has an English token.

    Args:
        soft: `[batch, soft tokens, width]`; `seen` `[batch, soft tokens]`, bool, marks the real ones.
        said: `[batch, target tokens]`, rows of `table`; `wanted` likewise marks the real ones.
        table: `[candidates, width]`, embeddings of the tokens that are told apart.
        unit: squared norm of a typical embedding; distances are measured in it.
        sharpness: of the probabilities.

    Returns:
        Mean over the rows, in nats a token.
    """
    soft, table = soft.float(), table.float()
    scores = nearness(soft, table, sharpness / unit).log_softmax(-1)  # [batch, soft tokens, candidates]
    here = scores.gather(2, said[:, None, :].expand(-1, soft.shape[1], -1))
    here = here.masked_fill(~(seen[:, :, None] & wanted[:, None, :]), torch.finfo(here.dtype).min / 4)
    tokens, targets = seen.sum(1).clamp(min=1), wanted.sum(1).clamp(min=1)
    told = ((here.logsumexp(1) - tokens.log()[:, None]) * wanted).sum(1) / targets
    telling = ((here.logsumexp(2) - targets.log()[:, None]) * seen).sum(1) / tokens
    return -(told + TELLING * telling).mean()


def candidates(said: Tensor, rows: int, most: int = 8_192) -> tuple[Tensor, Tensor]:
    """The tokens that `lexical` tells apart: all the base's where they are few, else those said and some at random.

    Args:
        said: ids of the base.
        rows: of its embedding.
        most: how many are told apart.

    Returns:
        Their ids, and for each id of `said` its place among them, in the shape of `said`.
    """
    if rows <= most:
        return torch.arange(rows, device=said.device), said
    drawn = torch.randint(rows, (most,), device=said.device)
    ids, places = torch.unique(torch.cat([said.flatten(), drawn]), return_inverse=True)
    return ids, places[: said.numel()].view_as(said)


def aligned_mse(soft: Tensor, seen: Tensor, targets: Tensor, wanted: Tensor, unit: float) -> Tensor:
    """Mean squared error of pairs that mean the same throughout: dictionary entries, aligned sentences.

    `L = 1/N Σ_n ‖ f(e_n) − e_LLM,n ‖²`, position by position where a pair has equal lengths. Elsewhere both sides
    are laid over the same stretch, and a soft token's target is the mean of the embeddings it lies over, each by
    the share it lies over. Arguments and unit as in `transport`.
    """
    over = _overlap(seen.sum(1), wanted.sum(1), soft.shape[1], targets.shape[1])  # [batch, soft tokens, target tokens]
    square = ((soft.float() - over @ targets.float()) ** 2).sum(-1) * seen
    return (square.sum(1) / seen.sum(1).clamp(min=1)).mean() / unit


def contrast(soft: Tensor, seen: Tensor, targets: Tensor, wanted: Tensor, temperature: float = 0.05) -> Tensor:
    """How hard it is to tell each row's translation from those of the other rows, by pooled embeddings.

    InfoNCE in both directions (van den Oord et al., 2018; as LaBSE ranks translations, Feng et al., 2022). Each side is
    the mean over a row's positions less the mean over rows, so that what all rows share does not count. Arguments as
    in `transport`.
    """
    near = _pooled(soft, seen) @ _pooled(targets, wanted).T / temperature  # [batch, batch]
    own = torch.arange(len(near), device=near.device)
    entropy = torch.nn.functional.cross_entropy
    return (entropy(near, own) + entropy(near.T, own)) / 2


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


def _pooled(values: Tensor, real: Tensor) -> Tensor:
    mean = (values.float() * real[..., None]).sum(1) / real.sum(1, keepdim=True).clamp(min=1)
    return torch.nn.functional.normalize(mean - mean.mean(0), dim=-1)


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


def _overlap(lengths: Tensor, others: Tensor, longest: int, longest_other: int) -> Tensor:
    """How two rows of tokens share a stretch: for each token of the one, the shares of the other's tokens under it."""
    one = torch.arange(longest, device=lengths.device)[None, :, None] / lengths[:, None, None]
    two = torch.arange(longest_other, device=lengths.device)[None, None, :] / others[:, None, None]
    width, width_other = 1 / lengths[:, None, None], 1 / others[:, None, None]
    common = torch.minimum(one + width, two + width_other) - torch.maximum(one, two)  # [batch, longest, longest other]
    real = (one < 1) & (two < 1)
    shared = common.clamp(min=0) * real
    return shared / shared.sum(-1, keepdim=True).clamp(min=1e-9)
