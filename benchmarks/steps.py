"""A bare training step, and bases prepared for one."""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from newtongue import AttachedModel

from .shapes import Shape, make_adapter, make_base
from .timing import Job


def training_step(model: nn.Module, ids: Tensor) -> Job:
    """Forward, backward and one step of AdamW over all positions of `ids`."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, fused=True)

    def step() -> None:
        model(input_ids=ids, labels=ids.clamp(max=model.config.vocab_size - 1), use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def plain_lora(shape: Shape, device: str, *, to_embeddings: bool = False) -> PreTrainedModel:
    """A base with PEFT's own LoRA in float32; `to_embeddings`: gradients go on down to them, as in a stock QLoRA."""
    base = make_base(shape, device)
    base.add_adapter(shape.lora)
    for name, parameter in base.named_parameters():
        parameter.requires_grad_("lora_" in name)
        if "lora_" in name:
            parameter.data = parameter.data.float()
    if to_embeddings:
        base.enable_input_require_grads()
    return ready(base, device)


def ported(shape: Shape, device: str, *, frozen: bool = False) -> AttachedModel:
    """A base with an adapter that trains; `frozen`: encoder and mapper do not."""
    base = make_base(shape, device)
    model = make_adapter(base, shape).attach(base, trainable=True)
    if frozen:
        model.adapter("tr").requires_grad_(False)
    return ready(model, device)


def ready(model: PreTrainedModel, device: str) -> PreTrainedModel:
    """In training, on a GPU with checkpointing as in the recipes."""
    if device == "cuda":
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model.train()
