"""Losses that ask a head for scores at labelled positions alone: most of a row has no label.

In stage 1 it is the encoder's, and ModernBERT can do so itself. In stage 2 it is the base's. In stage 3 TRL's trainer
does the same, but for a language that writes: it would read base and voice as one matrix, gradients and all, where here
they score what counts, in the grammar of decoding.
"""

import functools
from types import MethodType
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from trl.trainer.utils import FusedCausalLMOutput

from newtongue import AttachedModel
from newtongue.attaching.port import CHILD, Port
from newtongue.writing.head import Head
from newtongue_recipes.settings import SCORED_AT_ONCE

REWRITTEN = ("final_logit_softcapping", "logit_scale", "logits_scaling", "output_multiplier", "lm_head_multiplier")


def score_masked(model: Any) -> None:
    """Make a masked language model score masked positions alone, if it is one that can: the loss is the same."""
    if hasattr(model, "sparse_prediction"):
        model.sparse_prediction = True


def labelled_loss(model: AttachedModel, labels: Tensor, **inputs: Any) -> Tensor:
    """Mean cross-entropy of the base's next tokens, as `model(labels=labels, **inputs).loss`.

    Args:
        labels: `[batch, positions]`, -100 where nothing is to be said.
        inputs: of the base's decoder.
    """
    if _adds_to(model):
        loss: Tensor = model(labels=labels, **inputs).loss
        return loss
    states = model.base_model(**inputs, use_cache=False).last_hidden_state[:, :-1]
    labels = labels[:, 1:].to(states.device)
    mask = labels != -100
    logits: Tensor = model.get_output_embeddings()(states[mask])
    return torch.nn.functional.cross_entropy(logits.float(), labels[mask])


def score_labelled(model: AttachedModel) -> None:
    """Make `model(…, labels=…, fused_lm_head=True)`, as TRL's trainers call it, score labelled positions alone.

    Nothing is changed where no language writes, or where the base's own forward adds something to what its head scores.
    """
    head = getattr(model, CHILD).head
    if head is None or _adds_to(model):
        return
    given = model.forward

    @functools.wraps(given)
    def forward(
        self: Any, *args: Any, fused_lm_head: bool = False, labels: Tensor | None = None, **options: Any
    ) -> Any:
        if not fused_lm_head or labels is None:
            told = {} if labels is None else {"labels": labels}
            return given(*args, fused_lm_head=fused_lm_head, **told, **options)
        counted = options.pop("num_items_in_batch", None)
        states = self.base_model(*args, **{**options, "use_cache": False}).last_hidden_state[:, :-1]
        labels = labels[:, 1:].to(states.device)
        mask = labels != -100
        spoken = (states, labels, *_spoken(getattr(self, CHILD), labels))
        log_probs, entropy, right = (
            one.new_zeros(mask.shape).masked_scatter(mask, one) for one in _at(head, *(one[mask] for one in spoken))
        )
        loss = -log_probs.sum() / (mask.sum().clamp(min=1) if counted is None else counted)
        return FusedCausalLMOutput(
            loss=loss, log_probs=log_probs, entropy=entropy, is_top1=right.bool(), label_mask=mask
        )

    model.forward = MethodType(forward, model)


def _adds_to(model: AttachedModel) -> bool:
    """Whether the base's own forward does more than score states: rewrites scores, or adds a loss of its experts."""
    config = model.config.get_text_config()
    routed = bool(getattr(config, "output_router_logits", False))
    return routed or any(getattr(config, name, None) not in (None, 1.0) for name in REWRITTEN)


def _spoken(port: Port, labels: Tensor) -> tuple[Tensor, Tensor]:
    """What the positions of the latest forward answer to, and what they go on writing, where `labels` are."""
    nobody = torch.full_like(labels, -1)
    answers, inside = (
        nobody if one is None else one[:, :-1].to(labels.device) for one in (port.answers_to, port.inside)
    )
    return answers, inside


def _at(head: Head, *given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probability, entropy, and whether the label is the likeliest, each `[labelled positions]`.

    Where there are many, each lot is scored again on the way back, so that the scores of one are all that is kept.
    """
    lots = list(zip(*(one.split(SCORED_AT_ONCE) for one in given), strict=True))
    if len(lots) == 1:
        return _score(head, *lots[0])
    found = [checkpoint(_score, head, *lot, use_reentrant=False) for lot in lots]
    log_probs, entropy, right = (torch.cat(part) for part in zip(*found, strict=True))
    return log_probs, entropy, right


def _score(
    head: Head, states: Tensor, labels: Tensor, answers: Tensor, inside: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    everything = head.logits(states, answers, inside).float().log_softmax(-1)
    with torch.no_grad():
        chances = everything.exp()
        entropy = torch.special.entr(chances, out=chances).sum(-1)
        right = (everything.argmax(-1) == labels).float()
    return everything.gather(-1, labels[:, None])[:, 0], entropy, right
