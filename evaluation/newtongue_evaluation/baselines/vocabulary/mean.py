"""Mean initialisation: every new token begins as the mean of the base's embeddings."""

import torch
from torch import Tensor

from .sides import Vocabularies


def mean(sides: Vocabularies) -> Tensor:
    """Nothing known of any token, which makes each the mean (Hewitt, 2021, «Initializing new word embeddings»)."""
    return torch.zeros(len(sides.own), len(sides.base), layout=torch.sparse_coo)
