"""What a model makes of sentences, layer by layer: the states that alignment is measured on."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

_HERE = "\ue000"  # Stands where the sentence will; of no script.


@torch.no_grad()
def sentence_states(
    model: Any,
    texts: Sequence[str],
    *,
    language: str | None = None,
    say: str = "",
    batch: int = 32,
    progress: Callable[[int], None] = lambda _done: None,
) -> Tensor:
    """Mean states of sentences over their own positions, prompt and run boundaries left out.

    Args:
        model: attached.
        texts: sentences; each stands at the beginning of what the user says.
        language: read through its port; None reads them in the base's own vocabulary, on the bare base.
        say: what the user says before, such as "Repeat:".
        progress: told how many more are done.

    Returns:
        `[layers + 1, sentences, width]`, float32, on the CPU; the first layer is what the base reads.
    """
    rows = [placed(model.tokenizer, text, language, say) for text in texts]
    order = sorted(range(len(rows)), key=lambda at: sum(map(len, rows[at])))
    found: list[Tensor | None] = [None] * len(rows)
    for start in range(0, len(rows), batch):
        chosen = order[start : start + batch]
        ids = pad_sequence([torch.tensor([*rows[at][0], *rows[at][1]]) for at in chosen], True)
        seen = torch.zeros_like(ids)
        inside = torch.zeros(ids.shape, dtype=torch.bool)  # [batch, positions]
        for place, at in enumerate(chosen):
            before, own = rows[at]
            seen[place, : len(before) + len(own)] = 1
            inside[place, len(before) : len(before) + len(own)] = True
        if language is not None:
            inside &= ~model.tokenizer.ranges[language].bounds(ids)
        states = model(
            input_ids=ids.to(model.device), attention_mask=seen.to(model.device), output_hidden_states=True
        ).hidden_states
        inside = inside.to(model.device)
        for place, at in enumerate(chosen):
            found[at] = torch.stack([layer[place, inside[place]].float().mean(0) for layer in states]).cpu()
        progress(len(chosen))
    return torch.stack([one for one in found if one is not None], dim=1)


def placed(tokenizer: Any, text: str, language: str | None, say: str) -> tuple[list[int], list[int]]:
    """Ids before and of a sentence, as `sentence_states` reads it."""
    before = tokenizer.prompt([{"role": "user", "content": f"{say}{_HERE}"}]).partition(_HERE)[0]
    opened = tokenizer(before, add_special_tokens=not tokenizer.chat_template)["input_ids"]
    if language is None:
        spaced = f" {text}" if say else text
        return opened, tokenizer(spaced, add_special_tokens=False)["input_ids"]
    return opened, tokenizer(text, language=language, add_special_tokens=False)["input_ids"]
