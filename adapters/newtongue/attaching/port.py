"""The port: where a base's embeddings and the languages meet.

```
 input_ids     7   12   V+2  V+91 V+4  V+3   15        one row; V = rows of the base's embedding
               │    │    │    └──┬─┘    │     │
            embedding  opens  encoder  closes embedding     the run is read in both directions, then mapped
               │    │    │    ┌──┴─┐    │     │
 embeddings    ▪    ▪    ▫    ▫    ▫    ▫     ▪        [batch, positions, width]
```

The base's embedding module stays where it is, with its hooks, its tied weight and its name in a state dict; the
port stands around it by a hook before and a hook after its forward. It is kept as the child module `newtongue`
of the base so that `.to()`, `.train()`, optimizers and distributed wrappers see the encoders and mappers.
"""

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from newtongue.answering.gate import Gate
from newtongue.answering.lora import peft_names
from newtongue.base import decoder_of, embedding_table
from newtongue.errors import NewtongueError
from newtongue.float32 import computing_as
from newtongue.languages import module_name
from newtongue.ranges import Range, Ranges
from newtongue.reading.runs import find_runs, language_of_positions, segments
from newtongue.writing.head import Head
from newtongue.writing.voice import Voice

from .memory import Memory, latest, recall, remember
from .turn import Turn

if TYPE_CHECKING:
    from newtongue.adapter import ModalityAdapter

CHILD = "newtongue"  # Name of the port among the base's children.
UNREAD = 16  # Batches without a word in any language after which a training is told that it learns nothing.


class Port(nn.Module):
    """Reads the ids of attached languages where a base looks up its embeddings.

    Attributes:
        ranges: which ids belong to whom.
        adapters: the attached `ModalityAdapter`s by `module_name` of their language.
        head: the base's output head, once a language that writes is attached.
        answers_to: `[batch, positions]`: the language (as an index into `ranges`) that each position of the
            latest forward answers to, -1 for the base alone; None where that holds for all.
        gate: lets LoRAs answer there.
        inside: `[batch, positions]`: the language that goes on being written after each position of the latest
            forward, or -1; None where none can be.
        others: the base's PEFT adapters that are no language's, as they came in by ways that leave languages alone.
        turn: held for a forward, whose state is kept here.
    """

    def __init__(self, base: PreTrainedModel) -> None:
        super().__init__()
        embedding = base.get_input_embeddings()
        self.ranges = Ranges(len(embedding_table(base)))
        self.adapters = nn.ModuleDict()
        self.head: Head | None = None
        self.answers_to: Tensor | None = None
        self.inside: Tensor | None = None
        self.gate = Gate(base)
        self.others = peft_names(base)
        self.was_trainable: list[tuple[nn.Parameter, bool]] = []
        self._base = [base]  # In a list, so that the base does not become a child.
        self._ids: Tensor | None = None
        self._sequence: Tensor | None = None
        self._memory: Memory = ()
        self._unread: int | None = 0  # Batches from which nothing was learned; none once one was learned from.
        self.turn = Turn()
        decoder = decoder_of(base)
        self._hooks = [
            base.register_forward_pre_hook(self._before_base, with_kwargs=True),
            embedding.register_forward_pre_hook(self._before_embedding),
            embedding.register_forward_hook(self._after_embedding),
            decoder.register_forward_pre_hook(self._before_decoder, with_kwargs=True),
            decoder.register_forward_hook(self._after_decoder),
        ]

    def close(self) -> None:
        """Take the hooks off the base."""
        if self.head is not None:
            self.head.close()
        for hook in self._hooks:
            hook.remove()

    def adapter(self, language: str) -> "ModalityAdapter":
        """The adapter attached for `language`.

        Raises:
            LanguageError: none is.
        """
        return cast("ModalityAdapter", self.adapters[module_name(self.ranges.tag(language))])

    def add(self, adapter: "ModalityAdapter") -> None:
        """Hand the next range of ids to an adapter's language.

        Raises:
            LanguageError: it has one already.
        """
        encoder = adapter.encoder
        voice = adapter.voice is not None
        borrows = adapter.config.borrows
        self.ranges.add(
            adapter.language, encoder.tokenizer, encoder.opens, encoder.closes, voice=voice, borrows=borrows
        )
        self.adapters[module_name(adapter.language)] = adapter
        if voice and self.head is None:
            self.head = Head(self._base[0], self)

    def remove(self, language: str) -> None:
        """Take a language's range back and let its adapter go, if it is here."""
        if language in self.ranges:
            self.ranges.remove(language)
            del self.adapters[module_name(language)]
        if self.head is not None and not self.voices():
            self.head.close()
            self.head = None

    def voices(self) -> list[tuple[Range, Voice]]:
        """What the languages write with that do, in the order of their ids."""
        return [
            (self.ranges[one], cast(Voice, self.adapter(one).voice)) for one in self.ranges if self.ranges[one].voice
        ]

    def set_trainable(self, language: str, trainable: bool) -> None:
        """Freeze the base, and let gradients reach this language's encoder, mapper and LoRA, or not.

        What trains of other languages goes on, and what trains of LoRAs of others unless this one trains.
        """
        adapters = (self.adapter(one) for one in self.ranges)
        of_languages = {id(one) for adapter in adapters for _, one in adapter.trainable_parameters()}
        for name, parameter in self._base[0].named_parameters():
            if id(parameter) not in of_languages and (trainable or ".lora_" not in name):
                parameter.requires_grad_(False)
        for _, parameter in self.adapter(language).trainable_parameters():
            parameter.requires_grad_(trainable)

    def end_forward(self) -> None:
        """Let go of what belongs to one forward, which may have failed half-way."""
        self._ids, self._sequence, self._memory = None, None, ()
        self.gate.close()

    def _before_base(self, _module: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Take out labels that nothing can be scored for: a trainer that takes whole rows for labels has them.

        Raises:
            NewtongueError: PEFT was put over the languages, encoders among what it changes and trains.
        """
        if strangers := peft_names(self._base[0]) - self.others:
            raise NewtongueError(
                f"A PEFT adapter ({', '.join(sorted(strangers))}) was put over a model with languages attached, where "
                "it would change their encoders and train the base. Call get_peft_model before attaching, or add it by "
                "model.add_adapter; for SFTTrainer, leave peft_config out: the language has its own LoRA."
            )
        labels = kwargs.get("labels")
        return args, kwargs if labels is None else {**kwargs, "labels": self.ranges.as_labels(labels)}

    def _before_embedding(self, _module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        ids = args[0]
        self._ids = None
        if ids.numel() == 0 or int(ids.max()) < self.ranges.base_rows:
            return None
        self.ranges.check(ids)
        self._ids = ids
        return (ids.where(ids < self.ranges.base_rows, 0), *args[1:])

    def _after_embedding(self, _module: nn.Module, _args: tuple[Tensor, ...], embedded: Tensor) -> Tensor:
        ids, self._ids = self._ids, None
        sequence, self._sequence = self._sequence, None
        if ids is None:
            return embedded
        ids = ids.view(-1, ids.shape[-1])  # [batch, positions]
        if sequence is None or sequence.shape != ids.shape:  # The embedding was called by itself.
            sequence = segments(ids.shape, None, ids.device)
        filled = embedded.view(*ids.shape, -1)
        for language in self.ranges.named(self.ranges.languages_of(ids)):
            filled = self._read(language, ids, sequence.to(ids.device), filled)
            filled = self._hear(language, ids, filled)
        return filled.view_as(embedded)

    def _read(self, language: str, ids: Tensor, sequence: Tensor, embedded: Tensor) -> Tensor:
        """Put the soft tokens of one language at its positions of `embedded` `[batch, positions, width]`."""
        owned = self.ranges[language]
        adapter = self.adapter(language)
        own = ids - owned.start
        here = (own >= 0) & (own < owned.size)
        if not bool(here.any()):
            return embedded
        opens, closes = here & (own == adapter.encoder.opens), here & (own == adapter.encoder.closes)
        inside, lengths = find_runs(here, opens, closes, sequence)
        with computing_as(embedded):
            boundary = adapter.mapper.boundaries().to(embedded)
            embedded = torch.where(opens[..., None], boundary[0], embedded)
            embedded = torch.where(closes[..., None], boundary[1], embedded)
            if len(lengths):
                soft = adapter(list(own[inside].to(adapter.device).split(lengths.tolist())))
                embedded = embedded.masked_scatter(inside[..., None], soft.to(embedded))
        return embedded

    def _hear(self, language: str, ids: Tensor, embedded: Tensor) -> Tensor:
        """Put what the base hears of one language's written tokens at their positions of `embedded`."""
        owned = self.ranges[language]
        here = (ids >= owned.begin) & (ids < owned.start)
        if not bool(here.any()):
            return embedded
        with computing_as(embedded):
            heard = cast(Voice, self.adapter(language).voice).hear(ids[here] - owned.begin)
        return embedded.masked_scatter(here[..., None], heard.to(embedded))

    def _before_decoder(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = kwargs.get("input_ids", args[0] if args else None)
        cache = kwargs.get("past_key_values")
        past = 0 if cache is None else int(cache.get_seq_length())
        self._memory = recall(cache, past)
        silent = ids is None or ids.numel() == 0 or int(ids.max()) < self.ranges.base_rows
        if silent and not self._memory:
            self._sequence = None
            self._answer(None)
            return
        if ids is None:
            embeds = kwargs["inputs_embeds"]
            ids = torch.full(embeds.shape[:2], -1, device=embeds.device)
        cached = latest(self._memory, len(ids))
        if cached is not None:
            cached = cached.to(ids.device)
        if cached is not None and silent and ids.shape[1] == 1:  # A step of decoding.
            self._answer(cached[:, None], ids)
            return
        spoken = self.ranges.languages_of(ids)
        mask = kwargs.get("attention_mask")
        # Only a mask of two dimensions says what is padding, here after that of what is cached.
        real = mask[:, -ids.shape[1] :].bool() if isinstance(mask, Tensor) and mask.dim() == 2 else None
        sequence = self._sequence = segments(spoken.shape, kwargs.get("position_ids"), spoken.device, real)
        answers_to = language_of_positions(spoken, sequence, cached)
        if cached is None or not torch.equal(answers_to[:, -1], cached):
            first = int((spoken >= 0).any(0).int().argmax())
            self._memory = (*self._memory, (past + first, answers_to[:, -1]))
        self._answer(answers_to, ids)

    def _answer(self, answers_to: Tensor | None, ids: Tensor | None = None) -> None:
        """Take down what the positions of a forward answer to and go on writing."""
        self.answers_to = answers_to
        self.inside = None if ids is None or self.head is None else self.ranges.inside(ids)
        self.gate.set(answers_to, self.ranges)

    def _after_decoder(self, _module: nn.Module, _args: tuple[Any, ...], output: Any) -> None:
        self.gate.close()
        last = getattr(output, "last_hidden_state", None)
        if last is not None and torch.is_grad_enabled():
            if last.requires_grad:
                self._unread = None
            elif self._trains():
                last.requires_grad_()  # In rows of the base alone nothing trains: to go back through them does nothing.
                self._count_unread()
        for state in (last, *(getattr(output, "hidden_states", None) or ())):
            if state is not None and state.requires_grad:
                state.register_hook(partial(self.gate.go_back, self.gate.elsewhere))
        remember(getattr(output, "past_key_values", None), self._memory)

    def _count_unread(self) -> None:
        """Warn of a training that has begun with nothing but rows of the base alone."""
        if self._unread is None:
            return
        self._unread += 1
        if self._unread == UNREAD:
            language = next(iter(self.ranges))
            warnings.warn(
                f"In the first {UNREAD} batches no text was marked as {language}, so nothing was learned. A trainer "
                "that tokenizes needs the model's own tokenizer, as SFTTrainer(..., processing_class=model.tokenizer), "
                f"and texts that name their language, as a message with 'language': {language!r} does.",
                UserWarning,
                stacklevel=2,
            )

    def _trains(self) -> bool:
        """Whether a part of some language does."""
        adapters = (self.adapter(language) for language in self.ranges)
        return any(parameter.requires_grad for one in adapters for _, parameter in one.trainable_parameters())


def port_of(base: PreTrainedModel) -> Port:
    """The port of an attached model."""
    return cast(Port, getattr(base, CHILD))
