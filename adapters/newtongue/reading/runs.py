"""Where the languages are in a batch of ids, and which language each position answers to.

All functions work on plain tensors. `-1` stands for "no language": the base's own ids.
"""

import torch
from torch import Tensor


def find_runs(in_language: Tensor, opens: Tensor, closes: Tensor, sequence: Tensor) -> tuple[Tensor, Tensor]:
    """Cut the positions of one language into runs.

    A run is a stretch of neighbouring positions of the language in one sequence. An opening id starts a new run
    and a closing id ends one, so two runs that touch stay two.

    Args:
        in_language, opens, closes: `[batch, positions]`, bool: the position belongs to the language; is its
            opening id; is its closing id.
        sequence: `[batch, positions]`, from `segments`.

    Returns:
        `inside` `[batch, positions]`, bool: positions that the encoder reads (all but opening and closing),
        and `lengths` `[runs]`: how many of them each run has, in row-major order. Runs of none are left out.
    """
    before = torch.zeros_like(in_language)
    before[:, 1:] = in_language[:, :-1] & ~closes[:, :-1] & (sequence[:, :-1] == sequence[:, 1:])
    starts = in_language & (opens | ~before)
    inside = in_language & ~opens & ~closes
    run_of_position = starts.flatten().cumsum(0) - 1  # [batch * positions]
    lengths = torch.bincount(run_of_position[inside.flatten()])
    return inside, lengths[lengths > 0]


def segments(
    shape: torch.Size, position_ids: Tensor | None, device: torch.device, real: Tensor | None = None
) -> Tensor:
    """Number the sequences of a batch: rows, or the examples inside packed rows.

    Args:
        shape: `(batch, positions)`.
        position_ids: `[batch or 1, positions]` or None; an example starts wherever they do not go on by one.
        real: `[batch, positions]`, bool, or None: what is no padding. No example starts at padding, nor after it where
            they go on from the one before it.

    Returns:
        `[batch, positions]`, a number of its own for each sequence, below batch · positions.
    """
    batch, positions = shape
    first = torch.zeros(shape, dtype=torch.bool, device=device)
    if position_ids is not None and position_ids.dim() == 2 and position_ids.shape[1] == positions:
        place = position_ids.to(device).expand(batch, -1)
        first[:, 1:] = place.diff() != 1
        if real is not None and real.shape == shape:
            real = real.to(device)
            before = torch.where(real, torch.arange(positions, device=device), -1).cummax(1).values[:, :-1]
            goes_on = (before < 0) | (place[:, 1:] - place.gather(1, before.clamp(min=0)) == 1)
            first[:, 1:] &= real[:, 1:] & ~goes_on
    first[:, 0] = True
    return (first.flatten().cumsum(0) - 1).view(shape)


def language_of_positions(languages: Tensor, sequence: Tensor, before: Tensor | None = None) -> Tensor:
    """Spread each sequence's language over all its positions: the last one read in it wins.

    Args:
        languages: `[batch, positions]`, the language of each id, or -1.
        sequence: `[batch, positions]`, from `segments`.
        before: `[batch]` or None: the language of what a cache already holds of each row.

    Returns:
        `[batch, positions]`: the language that each position answers to, or -1.
    """
    order = torch.arange(languages.numel(), device=languages.device)
    spoken = languages.flatten() >= 0
    last = torch.full_like(order, -1).scatter_reduce(
        0, sequence.flatten(), torch.where(spoken, order, -1), reduce="amax"
    )
    last = last[sequence.flatten()]
    answers = torch.where(last >= 0, languages.flatten()[last.clamp(min=0)], -1).view(languages.shape)
    if before is not None:
        goes_on = sequence == sequence[:, :1]
        answers = torch.where(goes_on & (answers < 0), before[:, None], answers)
    return answers
