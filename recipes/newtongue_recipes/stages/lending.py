"""A base lent to a training: an adapter is attached for as long as it lasts, and nothing of it stays behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import PreTrainedModel

from newtongue import AttachedModel, ModalityAdapter

from .sharding import shard

FORWARDS = ("forward", "_original_forward")  # What trainers put around a model's own, and what accelerate keeps of it.


@contextmanager
def lent(
    base: PreTrainedModel, adapter: ModalityAdapter, tokenizer: Any, *, sharded: bool = False
) -> Iterator[AttachedModel]:
    """The base with an adapter that can be trained; then without it, in the modes and with the forward it came with.

    Trainers leave a model in training mode, where it drops out, and with a forward of theirs around its own.

    Args:
        base, adapter: attached to each other for as long as it lasts.
        tokenizer: the base's own; loaded from where the base came from if None.
        sharded: share the base out among the processes that train together; it stays so.
    """
    modes = [(module, module.training) for module in base.modules()]
    own = {name: vars(base)[name] for name in FORWARDS if name in vars(base)}
    model = adapter.attach(base, tokenizer=tokenizer, trainable=True)
    try:
        if sharded:
            shard(model)
        yield model
    finally:
        model.detach(adapter.language)
        for name in FORWARDS:
            vars(base).pop(name, None)
        vars(base).update(own)
        for module, training in modes:
            module.training = training
