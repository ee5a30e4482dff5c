"""A frozen base shared out among the processes that train together, by torch's FSDP2.

Each process keeps its share of every decoder layer and puts a layer together while it runs. What is trained stays
whole in each process, as DDP has it: it is small, and so checkpoints, resuming and optimizers are the same as without.
"""

from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from newtongue import AttachedModel


def shard(model: AttachedModel) -> None:
    """Share out the decoder layers of an attached base, which then stays so.

    FSDP shards floating point alone, so 4-bit weights must be stored as such (`load_base(sharded=True)`); bfloat16 of
    what is frozen and float32 of what is trained do not meet, for the latter is left out.
    """
    names = set(model._no_split_modules or ())
    whole = {one for one in model.parameters() if one.requires_grad}
    whole |= set(model.get_input_embeddings().parameters())  # The port reads them outside of the decoder's forward.
    decoder = model.base_model
    for layer in [one for one in decoder.modules() if type(one).__name__ in names]:
        fully_shard(layer, ignored_params=whole)
    fully_shard(decoder, ignored_params=whole)


def hide_shards(model: nn.Module) -> None:
    """Let DDP leave out what FSDP keeps."""
    shards = [name for name, parameter in model.named_parameters() if isinstance(parameter, DTensor)]
    if shards:
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, shards)
