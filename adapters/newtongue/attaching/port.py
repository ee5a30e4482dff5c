"""The port: what a base's languages own, and which of them each position of a forward answers to.

Text comes in by the `Lookup` of the base's embedding and goes out by the `Head`; between, a gate lets LoRAs answer.
The port is kept as the child module `newtongue` of the base so that `.to()`, `.train()`, optimizers and distributed
wrappers see the encoders and mappers.
"""

import warnings
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from newtongue.answering.gate import Gate
from newtongue.answering.lora import peft_names
from newtongue.base import decoder_of, embedding_table
from newtongue.errors import NewtongueError
from newtongue.languages import module_name
from newtongue.ranges import Range, Ranges
from newtongue.reading.lookup import Lookup
from newtongue.reading.runs import language_of_positions, segments
from newtongue.writing.head import Head
from newtongue.writing.voice import Voice

from .memory import Memory, latest, recall, remember
from .turn import Turn

if TYPE_CHECKING:
    from newtongue.adapter import ModalityAdapter

CHILD = "newtongue"  # Name of the port among the base's children.
UNREAD = 16  # Batches without a word in any language after which a training is told that it learns nothing.


class Port(nn.Module):
    """Attached languages, and what each position of the latest forward has to do with them.

    Attributes:
        ranges: which ids belong to whom.
        adapters: the attached `ModalityAdapter`s by `module_name` of their language.
        lookup: the base's embedding, with what languages read.
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
        self.ranges = Ranges(len(embedding_table(base)))
        self.adapters = nn.ModuleDict()
        self.head: Head | None = None
        self.answers_to: Tensor | None = None
        self.inside: Tensor | None = None
        self.gate = Gate(base)
        self.others = peft_names(base)
        self.was_trainable: list[tuple[nn.Parameter, bool]] = []
        self._base = [base]  # In a list, so that the base does not become a child.
        self._memory: Memory = ()
        self._unread: int | None = 0  # Batches of a training that taught nothing; none once one taught something.
        self.turn = Turn()
        self.lookup = Lookup(base, self)
        decoder = decoder_of(base)
        self._hooks = [
            base.register_forward_pre_hook(self._before_base, with_kwargs=True),
            decoder.register_forward_pre_hook(self._before_decoder, with_kwargs=True),
            decoder.register_forward_hook(self._after_decoder),
        ]

    def close(self) -> None:
        """Take the hooks off the base."""
        if self.head is not None:
            self.head.close()
        self.lookup.close()
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
        """Let gradients reach this language's encoder, mapper and LoRA, and nothing of the base; or not.

        Without training the base's flags stay as they are: how it multiplies hangs on them, to the last bit.
        """
        if trainable:
            for parameter in self._own_parameters(loras=True):
                parameter.requires_grad_(False)
        for _, parameter in self.adapter(language).trainable_parameters():
            parameter.requires_grad_(trainable)

    def end_forward(self) -> None:
        """Let go of what belongs to one forward, which may have failed half-way."""
        self._memory = ()
        self.lookup.end_forward()
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

    def _before_decoder(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = kwargs.get("input_ids", args[0] if args else None)
        cache = kwargs.get("past_key_values")
        past = 0 if cache is None else int(cache.get_seq_length())
        self._memory = recall(cache, past)
        silent = ids is None or ids.numel() == 0 or int(ids.max()) < self.ranges.base_rows
        if silent and not self._memory:
            self.lookup.sequence = None
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
        sequence = self.lookup.sequence = segments(spoken.shape, kwargs.get("position_ids"), spoken.device, real)
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
            learns = last.requires_grad
            if not learns and self._trains():
                last.requires_grad_()  # In rows of the base alone nothing trains: to go back through them does nothing.
            self._watch(learns)
        for state in (last, *(getattr(output, "hidden_states", None) or ())):
            if state is not None and state.requires_grad:
                state.register_hook(partial(self.gate.go_back, self.gate.elsewhere))
        remember(getattr(output, "past_key_values", None), self._memory)

    def _watch(self, learns: bool) -> None:
        """Warn of a training that changes the base, which nobody may have meant, or begins without any language."""
        base, language = self._base[0], next(iter(self.ranges))
        if self._unread is None or not base.training:
            return
        self._unread = None if learns else self._unread + 1
        if learns and not self._trains() and any(one.requires_grad for one in self._own_parameters()):
            warnings.warn(
                f"The base itself is being trained, for {language} is attached to answer, not to learn. Attach it with "
                "trainable=True, which freezes the base; or go on if this is what you want.",
                UserWarning,
                stacklevel=2,
            )
        if self._unread == UNREAD and self._trains():
            warnings.warn(
                f"In the first {UNREAD} batches no text was marked as {language}, so nothing was learned. A trainer "
                "that tokenizes needs the model's own tokenizer, as SFTTrainer(..., processing_class=model.tokenizer), "
                f"and texts that name their language, as a message with 'language': {language!r} does.",
                UserWarning,
                stacklevel=2,
            )

    def _own_parameters(self, *, loras: bool = False) -> Iterator[nn.Parameter]:
        """Those of the base itself, with LoRAs of others if so wanted."""
        adapters = (self.adapter(one) for one in self.ranges)
        of_languages = {id(one) for adapter in adapters for _, one in adapter.trainable_parameters()}
        for name, parameter in self._base[0].named_parameters():
            if id(parameter) not in of_languages and (loras or ".lora_" not in name):
                yield parameter

    def _trains(self) -> bool:
        """Whether a part of some language does."""
        adapters = (self.adapter(language) for language in self.ranges)
        return any(parameter.requires_grad for one in adapters for _, parameter in one.trainable_parameters())


def port_of(base: PreTrainedModel) -> Port:
    """The port of an attached model."""
    return cast(Port, getattr(base, CHILD))
