"""Published bridges: an encoder read by a frozen base through a map that its own loss trains."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import TrainerCallback, set_seed

from newtongue import Encoder, ModalityAdapter
from newtongue.base import embedding_table
from newtongue.reading.mapper import Mapper
from newtongue.saving.config import MapperConfig
from newtongue_evaluation.answers import Messages

from .budget import Budget
from .forms import beside
from .lessons import Lessons
from .method import Learned, Stopwatch
from .training import Ids, Through, encode, train


class Line(Mapper):
    """A linear map in a mapper's place, at the scale of the base's embeddings, with its boundary vectors."""

    def __init__(self, config: MapperConfig) -> None:
        nn.Module.__init__(self)
        self.config = config
        self.line = nn.Linear(config.encoder_width, config.base_width)
        self.boundary = nn.Parameter(torch.randn(2, config.base_width))

    def forward(self, states: Tensor) -> Tensor:
        """`[..., encoder_width]` to `[..., base_width]`."""
        soft: Tensor = self.line(states) * self.config.scale
        return soft


def langbridge(lessons: Lessons, budget: Budget, folder: Path, callbacks: Sequence[TrainerCallback] = ()) -> Learned:
    """In the manner of LangBridge (Yoon et al., ACL 2024): a linear map, trained by the language-model loss alone.

    Encoder and base stay frozen. The published one trains on English read by a multilingual encoder; an encoder of one
    language reads no English, so here the map is trained on translations and then on the questions.
    """
    return _bridge(lessons, budget, folder, callbacks, line=True, doubled=False)


def mindmerger(lessons: Lessons, budget: Budget, folder: Path, callbacks: Sequence[TrainerCallback] = ()) -> Learned:
    """In the manner of MindMerger (Huang et al., NeurIPS 2024): a mapping stage, then soft tokens beside raw text.

    Encoder and base stay frozen; a two-layer map learns on translations, then on questions that stand both as soft
    tokens and as the base's own text.
    """
    return _bridge(lessons, budget, folder, callbacks, line=False, doubled=True)


def _bridge(
    lessons: Lessons,
    budget: Budget,
    folder: Path,
    callbacks: Sequence[TrainerCallback],
    *,
    line: bool,
    doubled: bool,
) -> Learned:
    watch = Stopwatch()
    set_seed(budget.seed)
    encoder = Encoder.from_pretrained(lessons.encoder_folder("This bridge"))
    base = lessons.load()
    adapter = ModalityAdapter.create(base, encoder, language=lessons.language, dropout=0.0)
    if line:
        adapter.mapper = Line(adapter.config.mapper)
    model = adapter.attach(base, tokenizer=lessons.tokenizer, trainable=True)
    adapter.encoder.requires_grad_(False)

    def put(messages: Messages) -> Messages:
        return beside(messages) if doubled else messages

    def read(conversations: Sequence[Messages]) -> list[Ids]:
        """Those that are read through the bridge: the others teach nothing, where encoder and base stay as they are."""
        rows = encode(model.tokenizer, conversations, budget)
        return [row for row in rows if max(row["input_ids"]) >= len(embedding_table(base))]

    rows = read(lessons.translations)
    train(Through(model), rows, model.tokenizer, budget.reading, budget, folder / "read", callbacks)
    rows = read([put(one) for one in lessons.questions])
    trained = train(Through(model), rows, model.tokenizer, budget.answering, budget, folder / "answer", callbacks)
    return Learned(model, model.tokenizer, lambda one: put(one.messages), budget.steps, watch.seconds, trained)
