"""The voice: how a language writes, in its own tokens, what the base has to say.

Both of its sides are linear in the encoder's embeddings of the tokens:

```
 the base's last state        →  query  →  · each token's embedding  →  scores of what is written next
 a written token's embedding  →  echo   →  what the base hears at its position
```

They begin as the mapper turned round. A token read alone lies among the embeddings of those tokens of the base that
mean it: the base is to write it where it would say those, and hears it as it reads it.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from newtongue.base import embedding_table

if TYPE_CHECKING:
    from newtongue.adapter import ModalityAdapter
    from newtongue.reading.encoder import Encoder

NEAREST = 8  # Tokens of the base that a token may mean.
SHARPNESS = 20.0  # Of the choice among them, by the cosine.
RIDGE = 1e-3


class Voice(nn.Module):
    """Scores a language's tokens from the base's last states, and lets the base hear what it has written.

    Args:
        encoder: whose tokens they are.
        base_width: size of a base embedding.
    """

    def __init__(self, encoder: "Encoder", base_width: int) -> None:
        super().__init__()
        self._encoder = [encoder]  # In a list, so that it does not become a child.
        vocabulary, width = self.tokens.shape
        self.query = nn.Linear(base_width, width)
        self.echo = nn.Linear(width, base_width)
        norms = self.tokens.detach().float().norm(dim=-1)
        self.gain = nn.Parameter(1 / norms.where(norms > 0, norms.mean()))  # [vocabulary]; padding may be zero.
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    @property
    def tokens(self) -> Tensor:
        """The encoder's embeddings of the tokens, `[vocabulary, encoder width]`."""
        encoder = self._encoder[0]
        table = embedding_table(encoder.model)
        # A slice of all rows would cost a table of zeros on the way back.
        return table if len(table) == encoder.vocabulary else table[: encoder.vocabulary]

    def forward(self, states: Tensor) -> Tensor:
        """Score all tokens after states `[..., base width]`: `[..., vocabulary]`."""
        scores: Tensor = self.query(states.to(self.gain.device).float()) @ self.tokens.T
        return scores * self.gain + self.bias

    def rows(self) -> tuple[Tensor, Tensor]:
        """The same as a linear layer: its weight `[vocabulary, base width]` and its bias `[vocabulary]`."""
        loud = self.tokens * self.gain[:, None]
        return loud @ self.query.weight, loud @ self.query.bias + self.bias

    def hear(self, ids: Tensor) -> Tensor:
        """What the base hears of written tokens `[...]`: `[..., base width]`."""
        ids = ids.to(self.gain.device)
        heard: Tensor = self.echo(nn.functional.embedding(ids, self.tokens) * self.gain[ids][..., None])
        return heard

    @torch.no_grad()
    def fit(self, soft: Tensor, embeddings: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        """Begin as what the tokens mean to the base.

        Args:
            soft: each token read alone, `[vocabulary, base width]`.
            embeddings: of the base's tokens, `[rows, base width]`.
            weight, bias: of its output head, `[rows, base width]` and `[rows]`.
        """
        loud = self.tokens.float() * self.gain[:, None]
        meant = _means(soft, embeddings, weight if bias is None else torch.cat([weight, bias[:, None]], 1))
        heard = _least_squares(nn.functional.pad(loud, (0, 1), value=1.0), soft)
        self.query.weight.copy_(_least_squares(loud, meant[:, : weight.shape[1]]))
        self.query.bias.zero_()
        self.echo.weight.copy_(heard[:-1].T)
        self.echo.bias.copy_(heard[-1])
        if bias is not None:
            self.bias.copy_(meant[:, -1])


def make_voice(adapter: "ModalityAdapter", base: PreTrainedModel) -> Voice:
    """A voice for an adapter, begun as its mapper turned round; the base is only looked at."""
    embeddings = embedding_table(base)
    rows, width = embeddings.shape
    head: Any = base.get_output_embeddings()
    bias = getattr(head, "bias", None)
    adapter.to(embeddings.device)
    voice = Voice(adapter.encoder, width).to(embeddings.device).train(adapter.training)
    voice.fit(_alone(adapter), embeddings, head.weight[:rows], None if bias is None else bias[:rows])
    return voice


@torch.no_grad()
def _alone(adapter: "ModalityAdapter", batch: int = 1024) -> Tensor:
    """Each of a language's tokens read alone: soft tokens `[vocabulary, base width]`."""
    was_training = adapter.training
    adapter.eval()
    ids = torch.arange(adapter.encoder.vocabulary, device=adapter.device)
    soft = torch.cat([adapter(list(some.split(1))) for some in ids.split(batch)])
    adapter.train(was_training)
    return soft


def _means(soft: Tensor, embeddings: Tensor, rows: Tensor, batch: int = 1024) -> Tensor:
    """For each soft token the mean of the `rows` of those tokens of the base that are nearest to it."""
    found = []
    unit = nn.functional.normalize(embeddings.float(), dim=-1)
    for some in soft.split(batch):
        nearness, places = (nn.functional.normalize(some, dim=-1) @ unit.T).topk(NEAREST, dim=-1)
        found.append(torch.einsum("tk,tkw->tw", (SHARPNESS * nearness).softmax(-1), rows[places].float()))
    return torch.cat(found)


def _least_squares(inputs: Tensor, outputs: Tensor) -> Tensor:
    """The matrix that takes `inputs` nearest to `outputs`, with a little ridge for inputs that are nearly alike."""
    gram = inputs.T @ inputs
    ridge = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), device=gram.device)
    found: Tensor = torch.linalg.solve(gram + ridge, inputs.T @ outputs)
    return found
