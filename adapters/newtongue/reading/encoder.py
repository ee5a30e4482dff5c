"""The encoder: any model of transformers that reads text, with its tokenizer, made to read runs of any length."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    MODEL_FOR_TEXT_ENCODING_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForTextEncoding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from newtongue.base import embedding_table
from newtongue.errors import NewtongueError
from newtongue.tokenizer.ids import count_ids
from newtongue.tokenizer.loading import load_tokenizer

SEE_PADDING = ("convbert", "fnet", "mobilebert", "nystromformer", "yoso")  # Kinds that a mask does not keep from it.
UNLIMITED = 512  # Window of an encoder without a limit of its own (relative positions).


class Encoder(nn.Module):
    """Reads runs of a language's ids in both directions.

    Args:
        model: the transformer; gives `last_hidden_state`. Its pooler, which nothing here reads, is dropped.
        tokenizer: its tokenizer, with tokens that open and close a text (`cls` and `sep`, or `bos` and `eos`).
        capacity: tokens of a run read at once; read off the model when not given.

    Attributes:
        vocabulary: how many ids the language owns: as many as its tokenizer has, with those that are of no token.

    Raises:
        NewtongueError: the tokenizer has no opening or closing token or an id for which the model has no row, or
            the model is an encoder-decoder.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, capacity: int | None = None) -> None:
        super().__init__()
        if getattr(model.config, "is_encoder_decoder", False) and getattr(model, "decoder", None) is not None:
            raise NewtongueError(
                f"{type(model).__name__} is an encoder-decoder; a port reads with an encoder alone. "
                "Give its encoder half, for T5 `T5EncoderModel`."
            )
        if getattr(model, "pooler", None) is not None:
            setattr(model, "pooler", Unpooled())  # noqa: B010 (mypy takes it for a tensor)
        self.model = model
        self.tokenizer = tokenizer
        self.opens, self.closes = _boundary_ids(tokenizer)
        self.capacity = capacity or _capacity(model, tokenizer)
        self.vocabulary = count_ids(tokenizer)  # Kept: a voice asks for it at each step.
        rows = len(embedding_table(model))
        if self.vocabulary > rows:
            raise NewtongueError(
                f"The encoder's tokenizer has ids up to {self.vocabulary - 1} and its model only {rows} rows: they do "
                "not belong together. Load both from the same folder."
            )

    @classmethod
    def from_pretrained(cls, name: str | Path, *, use_safetensors: bool | None = None, **options: Any) -> "Encoder":
        """Load a model and its tokenizer from a folder or the Hub.

        Args:
            name: the folder, or the Hub id.
            use_safetensors: True refuses weights in any other format.
            options: for both (`revision`, `token`, `subfolder` …).

        Raises:
            NewtongueError: it cannot be read, lacks weights, or there is no tokenizer beside it.
        """
        try:
            with _quiet():  # A masked-language-model head leaves keys to spare; what lacks is raised below.
                config = AutoConfig.from_pretrained(name, **options)
                model, report = reading_class(config).from_pretrained(
                    name,
                    config=config,
                    dtype=torch.float32,
                    output_loading_info=True,
                    ignore_mismatched_sizes=True,
                    use_safetensors=use_safetensors,
                    **options,
                )
                tokenizer = load_tokenizer(name, **options)
        except (OSError, ValueError, RuntimeError, LookupError, SafetensorError) as error:
            raise NewtongueError(
                f"{name} cannot be read as an encoder with its tokenizer: {error}. Get it again, or name a folder or a "
                "Hub id that AutoModel and AutoTokenizer load."
            ) from error
        wrong = {key for key in report["missing_keys"] if not key.startswith("pooler.")}
        wrong |= {str(mismatch[0]) for mismatch in report["mismatched_keys"]}
        if wrong:
            raise NewtongueError(
                f"{name} lacks weights of {type(model).__name__} or has other shapes, the first {min(wrong)!r}. "
                "Get the encoder again; a model that only shares its configuration cannot be read."
            )
        return cls(model, tokenizer)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write model and tokenizer as transformers would, the weights in one file."""
        self.model.save_pretrained(folder, max_shard_size="1000TB")
        self.tokenizer.save_pretrained(folder)

    @property
    def width(self) -> int:
        """Size of a state."""
        return int(self.model.config.hidden_size)

    def forward(self, runs: list[Tensor]) -> Tensor:
        """Read runs in one call of the model; of a kind that sees padding, in one call a window.

        A run longer than `capacity` is read in windows that overlap by a quarter; each token's state comes
        from the window in which it stands farthest from an edge.

        Args:
            runs: one tensor of ids `[tokens]` a run, without opening and closing ids.

        Returns:
            `[all tokens, width]`, run after run.
        """
        inputs, kept = [], []
        for run in runs:
            opens, closes = run.new_tensor([self.opens]), run.new_tensor([self.closes])
            for start, stop, keep_from, keep_to in windows(len(run), self.capacity):
                inputs.append(torch.cat([opens, run[start:stop], closes]))
                kept.append((keep_from - start + 1, keep_to - start + 1))
        if self.model.config.model_type in SEE_PADDING:
            states = pad_sequence([self._states([one])[0] for one in inputs], batch_first=True)
        else:
            states = self._states(inputs)
        place, edges = torch.arange(states.shape[1], device=states.device), torch.tensor(kept, device=states.device)
        keep = (place >= edges[:, :1]) & (place < edges[:, 1:])
        return states[keep]

    def _states(self, windows: list[Tensor]) -> Tensor:
        """What one call of the model makes of windows, `[windows, longest, width]`."""
        lengths = torch.tensor([len(window) for window in windows], device=windows[0].device)
        padding = self.tokenizer.pad_token_id or 0
        ids = pad_sequence(windows, batch_first=True, padding_value=padding)  # [windows, longest]
        seen = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
        states: Tensor = self.model(input_ids=ids, attention_mask=seen.long()).last_hidden_state
        return states


class Unpooled(nn.Module):
    """In place of a pooler, which some models call unasked."""

    def forward(self, _states: Tensor) -> None:
        """Nothing."""


def reading_class(config: Any) -> Any:
    """Which of transformers' auto classes loads what reads text by itself: of T5 and its kin the encoder half."""
    return AutoModelForTextEncoding if type(config) in MODEL_FOR_TEXT_ENCODING_MAPPING else AutoModel


def windows(length: int, capacity: int) -> list[tuple[int, int, int, int]]:
    """Cover `length` tokens by windows of at most `capacity`, the last one flush with the end.

    Returns:
        `(start, stop, keep_from, keep_to)` a window; the kept parts follow one another without gap or overlap
        and meet in the middle of each overlap.
    """
    if length <= capacity:
        return [(0, length, 0, length)]
    stride = capacity - capacity // 4
    starts = [*range(0, length - capacity, stride), length - capacity]
    cuts = [0] + [(after + start + capacity) // 2 for start, after in pairwise(starts)] + [length]
    return [(s, s + capacity, a, b) for s, (a, b) in zip(starts, pairwise(cuts), strict=True)]


@contextmanager
def _quiet() -> Iterator[None]:
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _boundary_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[int, int]:
    for opens, closes in (("cls", "sep"), ("bos", "eos")):
        ids = getattr(tokenizer, f"{opens}_token_id"), getattr(tokenizer, f"{closes}_token_id")
        if None not in ids:
            return ids
    raise NewtongueError(
        f"The encoder's tokenizer ({type(tokenizer).__name__}) has no tokens that open and close a text. "
        "Set its cls_token and sep_token to tokens of its vocabulary."
    )


def _capacity(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    positions = getattr(model.config, "max_position_embeddings", None) or 0
    if positions < 1:  # Some say so that they have none.
        positions = UNLIMITED + 2
    for name, module in model.named_modules():
        # RoBERTa and its kin number positions from padding_idx + 1 on.
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            positions -= module.padding_idx + 1
    return int(min(positions, tokenizer.model_max_length)) - 2
