"""A modality adapter: encoder, mapper and LoRA of one language, as one thing to attach, save and share."""

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from .answering.lora import MEANING, State, check_lora, load_lora, lora_parameters, lora_state
from .base import BaseInfo, embedding_table, is_hub_id, table_factor
from .errors import AdapterFormatError, NewtongueError
from .float32 import Float32
from .languages import check_language
from .reading.encoder import Encoder
from .reading.mapper import Mapper
from .saving.config import MapperConfig, ModalityConfig
from .saving.folder import write_folder
from .saving.parts import read_parts, write_parts
from .saving.precision import check_dtype
from .sharing import hub
from .writing.voice import Voice, make_voice

if TYPE_CHECKING:
    from .attaching.attached import AttachedModel


class ModalityAdapter(Float32):
    """A language for a base model.

    Args:
        config: language, base and shapes.
        encoder, mapper: the modules; kept in float32 whatever the base's type.
        lora: LoRA for the base, if it is tuned; its weights, or None for fresh ones.
        voice: what the language writes with in its own tokens, if it does.
    """

    def __init__(
        self,
        config: ModalityConfig,
        encoder: Encoder,
        mapper: Mapper,
        lora: LoraConfig | None = None,
        lora_weights: State | None = None,
        voice: Voice | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.mapper = mapper
        self.voice = voice
        self.lora = lora
        self._lora_weights = lora_weights
        self._host: list[PreTrainedModel] = []  # In a list, so that the base does not become a child.

    @classmethod
    def create(
        cls,
        base: PreTrainedModel,
        encoder: Encoder,
        *,
        language: str,
        hidden: int | None = None,
        dropout: float = 0.05,
        sharpness: float = 0.0,
        borrows: bool = False,
        lora: LoraConfig | None = None,
        notes: dict[str, Any] | None = None,
    ) -> "ModalityAdapter":
        """Make a new adapter; shapes and the initial scale are read off the base and the encoder.

        Args:
            base: the model it will attach to; only looked at.
            encoder: reads the language.
            language: BCP 47 tag.
            hidden: the mapper's inner size, 1 or more; twice the larger of the two widths when not given.
            dropout: in the mapper, from 0 to 1.
            sharpness: how sharply soft tokens settle on the base's own tokens, 0 or more; 0 leaves them as they are.
            borrows: leave to the base's own tokens words in Latin letters, or, in a language that is itself written so,
                words that are shorter in them.
            lora: how to tune the base; none by default (add it later with `with_lora`).

        Raises:
            NewtongueError: a number is out of bounds.
        """
        check_language(language)
        info = BaseInfo.of(base)
        mapper = MapperConfig(
            encoder_width=encoder.width,
            hidden=2 * max(encoder.width, info.width) if hidden is None else hidden,
            base_width=info.width,
            scale=embedding_scale(base),
            dropout=dropout,
            sharpness=sharpness,
        )
        config = ModalityConfig(language, encoder.vocabulary, info, mapper, notes=notes or {}, borrows=borrows)
        try:
            config.check()
        except TypeError as error:
            raise NewtongueError(
                f"{error}. An adapter made so could not be loaded again: give ModalityAdapter.create another value."
            ) from error
        return cls(config, encoder, Mapper(mapper).float(), check_lora(lora, info.width) if lora else None)

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
    ) -> "ModalityAdapter":
        """Load an adapter from a folder or a Hub repository.

        Raises:
            AdapterFormatError: a part is missing, damaged, of an unknown format or forbidden.
            NewtongueError: the Hub has no such repository, refuses it or cannot be reached.
        """
        folder = hub.locate(
            name, revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only
        )
        config = ModalityConfig.read(folder)
        return cls(config, *read_parts(folder, config)).eval()

    @property
    def language(self) -> str:
        """BCP 47 tag of the language."""
        return self.config.language

    @property
    def device(self) -> torch.device:
        """Where the encoder and the mapper are."""
        return self.mapper.boundary.device

    @property
    def attached(self) -> bool:
        """Whether a base carries this adapter now."""
        return bool(self._host)

    def forward(self, runs: list[Tensor]) -> Tensor:
        """Read runs of the language's own ids, `[tokens]` each, into soft tokens `[all tokens, base width]`.

        Attached, these settle on the base's own tokens, where the mapper is made so.
        """
        soft: Tensor = self.mapper(self.encoder(runs))
        if not self._host:
            return soft
        base = self._host[0]
        return self.mapper.settle(soft, embedding_table(base).detach(), table_factor(base))

    def attach(
        self,
        base: PreTrainedModel,
        *,
        tokenizer: PreTrainedTokenizerBase | None = None,
        trainable: bool = False,
        ignore_base_name: bool = False,
    ) -> "AttachedModel":
        """Attach this language to a base model; see `newtongue.attach`."""
        from .attaching.attached import attach

        return attach(base, self, tokenizer=tokenizer, trainable=trainable, ignore_base_name=ignore_base_name)

    def with_lora(self, lora: LoraConfig) -> "ModalityAdapter":
        """Add a fresh LoRA to an adapter that has none and is not attached; returns the adapter.

        Raises:
            NewtongueError: it has one, or is attached.
        """
        if self.attached or self.lora is not None:
            raise NewtongueError(
                f"The adapter for {self.language!r} {'is attached' if self.attached else 'has a LoRA already'}. "
                "Give LoRA to a detached adapter without one."
            )
        self.lora = check_lora(lora, self.config.mapper.base_width)
        return self

    def with_voice(self, base: PreTrainedModel) -> "ModalityAdapter":
        """Add a voice to an adapter that has none and is not attached; returns the adapter.

        It begins as the mapper, turned round: what each token means to `base`, which is only looked at.

        Raises:
            NewtongueError: it has one, or is attached, or its tokenizer opens and closes a text with one token.
        """
        if self.attached or self.voice is not None:
            raise NewtongueError(
                f"The adapter for {self.language!r} {'is attached' if self.attached else 'has a voice already'}. "
                "Give a voice to a detached adapter without one."
            )
        if self.encoder.opens == self.encoder.closes:
            raise NewtongueError(
                f"The tokenizer of {self.language!r} opens and closes a text with the same token, so nobody could tell "
                "where what is written ends. Set its cls_token and sep_token to different tokens of its vocabulary."
            )
        self.voice = make_voice(self, base)
        return self

    def lora_weights(self) -> State | None:
        """The LoRA's weights under PEFT's keys: those of the base it is attached to, else those loaded."""
        if self._host and self.lora is not None:
            return lora_state(self._host[0], self.language)
        return self._lora_weights

    def trainable_parameters(self) -> Iterable[tuple[str, nn.Parameter]]:
        """Names and parameters of encoder, mapper, voice and, when attached, LoRA."""
        yield from self.named_parameters()
        if self._host and self.lora is not None:
            for number, parameter in enumerate(lora_parameters(self._host[0], self.language)):
                yield f"lora.{number}", parameter

    def name_base(self, name: str, *, revision: str | None = None) -> "ModalityAdapter":
        """Say which Hub id the base has that was loaded from a folder; returns the adapter.

        Raises:
            NewtongueError: the name is no Hub id.
        """
        if not is_hub_id(name):
            raise NewtongueError(f"{name!r} is not a Hub id. Name the base as others load it: microsoft/phi-2.")
        self.config = replace(self.config, base=replace(self.config.base, id=name, revision=revision))
        return self

    def describe(self, **notes: Any) -> "ModalityAdapter":
        """Add what the model card should say (`data=`, `licence=`, `results=` …); returns the adapter.

        Raises:
            NewtongueError: `license` is given, which the card would not take for one, or results that are no rows.
        """
        if "license" in notes:
            raise NewtongueError(f"describe(license={notes['license']!r}) is spelled licence here: licence=….")
        results = notes.get("results") or []
        if not isinstance(results, list) or not all(isinstance(row, dict) for row in results):
            raise NewtongueError(f"Results are a list of rows, a dictionary each; got {results!r}.")
        self.config = replace(self.config, notes={**self.config.notes, **notes})
        return self

    def save_pretrained(
        self, folder: str | Path, *, overwrite: bool = False, dtype: torch.dtype = torch.float32
    ) -> None:
        """Write the adapter's folder: whole, or not at all.

        Args:
            folder: where to.
            overwrite: replace an adapter that is there.
            dtype: of the weights in its files, such as `torch.float16` for half the size; loaded they are float32.

        Raises:
            NewtongueError: the folder exists and `overwrite` is False, or the disk refused; the old one is whole.
        """
        write_folder(Path(folder), partial(write_parts, self, check_dtype(dtype)), overwrite=overwrite)

    def load_weights(self, folder: str | Path) -> None:
        """Fill encoder, mapper, voice and LoRA with the weights of a saved adapter of the same making, checked.

        Raises:
            AdapterFormatError: the folder is damaged, holds other shapes, or is of another language or LoRA; nothing
                has changed then.
        """
        saved = ModalityAdapter.from_pretrained(folder)
        weights = saved.lora_weights()
        ours, theirs = (one._making() for one in (self, saved))
        if ours != theirs or (weights is None) != (self.lora is None):
            differs = min(
                (key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)), default="LoRA"
            )
            raise AdapterFormatError(
                f"{folder} holds an adapter of another shape or making; the first part that differs is {differs!r}: "
                f"{theirs.get(differs)} there, {ours.get(differs)} here. Give the folder of an adapter made with the "
                "same language, encoder, mapper, voice and LoRA."
            )
        if self._host and weights is not None:
            load_lora(self._host[0], self.language, weights)
        self.load_state_dict(saved.state_dict())
        self._lora_weights = weights

    def _making(self) -> dict[str, Any]:
        """What two adapters must have in common so that the weights of one mean the same in the other."""
        said = {} if self.lora is None else {f"LoRA {name}": getattr(self.lora, name) or None for name in MEANING}
        lora = {name: sorted(one) if isinstance(one, (list, set, tuple)) else one for name, one in said.items()}
        return {"language": self.language, **lora, **{key: tuple(one.shape) for key, one in self.state_dict().items()}}

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        token: str | None = None,
        commit_message: str | None = None,
        revision: str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> str:
        """Upload the adapter to the Hub, as a new repository or a new commit; returns the commit's address.

        Args:
            repo_id: where to.
            private: whether a new repository is private.
            token: None for the one logged in with.
            commit_message: what the commit is called.
            revision: branch to push to, made if there is none; the main one by default.
            dtype: of the weights, as for `save_pretrained`.

        Raises:
            NewtongueError: the Hub refuses or cannot be reached.
        """
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "adapter"
            self.save_pretrained(folder, dtype=dtype)
            message = commit_message or f"Adapter for {self.language}, made with newtongue"
            return hub.push(folder, repo_id, private=private, token=token, message=message, revision=revision)


def embedding_scale(base: PreTrainedModel, sample: int = 4096) -> float:
    """Root mean square of a component of the base's embeddings, as its forward gives them (median over rows).

    Read from the output, since some bases (Gemma) scale what their table holds.
    """
    table = embedding_table(base)
    rows = torch.linspace(0, len(table) - 1, sample, device=table.device, dtype=torch.float32).long().unique()
    with torch.no_grad():
        embedded = base.get_input_embeddings()(rows[None])[0].float()  # [sampled rows, width]
    norms = embedded.norm(dim=-1)
    return float(norms[norms > 0].median() / embedded.shape[-1] ** 0.5)
