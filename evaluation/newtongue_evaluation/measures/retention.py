"""Whether English is what it was: every logit, by its digest, before and after a language is attached."""

import hashlib
from collections.abc import Sequence
from typing import Any

import torch


@torch.no_grad()
def logit_digests(model: Any, tokenizer: Any, texts: Sequence[str]) -> list[bytes]:
    """A digest of the logits at each position of each text: equal where every bit of them is."""
    digests = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt")["input_ids"].to(model.device)
        logits = model(input_ids=ids, use_cache=False).logits[0]  # [positions, rows]
        rows = logits.contiguous().view(torch.uint8).cpu().numpy()
        digests += [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows]
    return digests


def share_identical(before: Sequence[bytes], after: Sequence[bytes]) -> float:
    """Share of positions whose digests are the same."""
    return sum(one == other for one, other in zip(before, after, strict=True)) / len(before)
