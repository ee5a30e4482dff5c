"""Attaching: a base model gains languages and stays the model it was.

The base's object is kept. Its class becomes a subclass of its own class with the few methods of
`AttachedModel`, a port is put around its embedding, LoRA into its layers; `detach` undoes each of these.
"""

import warnings
from collections.abc import Mapping
from functools import partial
from inspect import signature
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

import torch
from peft import PeftType
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from newtongue.answering.lora import add_lora, others_disabled, remove_lora, without_others
from newtongue.base import decoder_of, embedding_table
from newtongue.errors import LanguageError, NewtongueError
from newtongue.tokenizer.ids import check_rows
from newtongue.tokenizer.loading import load_tokenizer
from newtongue.tokenizer.speaking import join_tokenizer

from .bare import bare, out_of_sight, own_state
from .generating import Generating
from .others import BesideOthers
from .port import CHILD, Port, port_of

if TYPE_CHECKING:
    from newtongue.adapter import ModalityAdapter


def attach(
    base: PreTrainedModel,
    adapter: "ModalityAdapter",
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    trainable: bool = False,
    ignore_base_name: bool = False,
) -> "AttachedModel":
    """Attach a language to a base model, quantised or not, or to one that has languages already.

    Args:
        base: any causal language model of transformers.
        adapter: the language.
        tokenizer: the base's own; loaded from where the base came from when it is first needed, if not given.
        trainable: freeze the base and let gradients reach all parts of the adapter; else these are frozen, and the
            base stays as it is: one that was loaded in full precision would be trained by a trainer.
        ignore_base_name: attach also where the base was loaded under another name than the adapter records.

    Returns:
        `base` itself, which now has `tokenizer`, `languages`, `attach` and `detach`.

    Raises:
        BaseMismatchError: the adapter was made for another base.
        NewtongueError: the tokenizer has ids for which the base has no rows.
        LanguageError: the language, or this adapter, is attached already.
    """
    _check_base(base)
    language = adapter.language
    if adapter.attached:
        raise LanguageError(f"This adapter for {language!r} is attached already. Detach it first, or load it again.")
    if hasattr(base, CHILD):
        port_of(base).ranges.check_free(language)
    warning = adapter.config.base.check(base, ignore_name=ignore_base_name)
    if warning:
        warnings.warn(warning, UserWarning, stacklevel=3)
    port = port_of(base) if hasattr(base, CHILD) else _open_port(base)
    try:
        port.add(adapter)
        adapter.to(_device(base, adapter))
        if port.gate.disabled is None and others_disabled(base):
            port.gate.disabled = without_others(base)
        if adapter.lora is not None:
            add_lora(base, language, adapter.lora, partial(port.gate.keep, language), adapter.lora_weights())
        adapter._host.append(base)
        adapter.train(base.training)
        port.set_trainable(language, trainable)
        if trainable:
            adapter.config = adapter.config.trained_on(base)
        if tokenizer is not None:
            base.__dict__["_newtongue_tokenizer"] = _speaking(tokenizer, port)
    except BaseException:
        _take_off(base, adapter)
        raise
    return cast("AttachedModel", base)


def detach(base: PreTrainedModel, language: str) -> "ModalityAdapter":
    """Take a language off a base; with the last one the base is what it was, bit for bit.

    Returns:
        The adapter, with the LoRA weights it has now.

    Raises:
        LanguageError: no such language is attached.
    """
    if not hasattr(base, CHILD):
        raise LanguageError(
            f"No language is attached to this {type(base).__name__}, so {language!r} cannot be detached."
        )
    adapter = port_of(base).adapter(language)
    adapter._lora_weights = adapter.lora_weights()
    _take_off(base, adapter)
    return adapter


class AttachedModel(Generating, BesideOthers):
    """What a base model can do once a language is attached. Not made directly: see `attach`."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The attached languages, in the order of their ids."""
        return tuple(port_of(self).ranges)

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The base's tokenizer, which now also speaks the attached languages (`language="tr"`)."""
        if getattr(self, "_newtongue_tokenizer", None) is None:
            try:
                revision = getattr(self.config, "_commit_hash", None)
                own = load_tokenizer(self.name_or_path or "", revision=revision)
            except (OSError, ValueError) as error:
                raise NewtongueError(
                    f"No tokenizer could be loaded for the base {self.name_or_path!r} ({error}). Give it when "
                    "attaching: adapter.attach(base, tokenizer=...)."
                ) from error
            self._newtongue_tokenizer = _speaking(own, port_of(self))
        return self._newtongue_tokenizer

    def attach(self, adapter: "ModalityAdapter", **options: Any) -> "AttachedModel":
        """Attach one more language; options as in `newtongue.attach`."""
        return attach(self, adapter, **options)

    def detach(self, language: str) -> "ModalityAdapter":
        """Take a language off and return its adapter."""
        return detach(self, language)

    def adapter(self, language: str) -> "ModalityAdapter":
        """The adapter attached for `language`.

        Raises:
            LanguageError: none is.
        """
        return port_of(self).adapter(language)

    @property
    def loss_function(self) -> Any:
        """The base's own, over as many logits as there are: languages that write add some."""
        own = super().loss_function

        def loss(logits: Tensor, labels: Tensor, vocab_size: int, **options: Any) -> Any:
            return own(logits=logits, labels=labels, vocab_size=logits.shape[-1], **options)

        return loss

    @loss_function.setter
    def loss_function(self, value: Any) -> None:
        self._loss_function = value

    def get_output_embeddings(self) -> Any:
        """The base's own head; with languages that write, one that offers its `weight` and `bias` with theirs."""
        port = self._modules.get(CHILD)
        head = port.head if isinstance(port, Port) else None
        return super().get_output_embeddings() if head is None else head  # type: ignore[no-untyped-call]

    def __call__(self, *args: Any, **options: Any) -> Any:
        """A forward, one at a time: threads that share the model would change each other's languages."""
        port = port_of(self)
        with port.turn:
            try:
                return super().__call__(*args, **options)
            finally:
                port.end_forward()

    def resize_token_embeddings(self, *args: Any, **options: Any) -> Any:
        """Not while languages are attached: their ids begin where the base's end.

        Raises:
            NewtongueError: always.
        """
        raise NewtongueError(
            f"The ids of {', '.join(self.languages)} begin after the base's {port_of(self).ranges.base_rows} rows, so "
            "none can be added or taken away now. Detach the languages and resize the base; an adapter that was made "
            "for the old number of rows will not attach to the new one."
        )

    def _replicate_for_data_parallel(self) -> Any:
        raise NewtongueError(
            "nn.DataParallel makes replicas of modules alone, and languages are more than modules. Start one process a "
            "GPU instead, with `accelerate launch`, or show the process one GPU with CUDA_VISIBLE_DEVICES."
        )

    def embed(self, input_ids: Tensor) -> Tensor:
        """What the base reads: embeddings and soft tokens of `input_ids`, `[batch, positions, width]`.

        For engines that take embeddings. This model itself should be given ids: they tell it where a LoRA answers.
        """
        with port_of(self).turn:
            embedded: Tensor = self.get_input_embeddings()(input_ids)
        return embedded

    def save_pretrained(
        self,
        save_directory: str | PathLike[Any],
        is_main_process: bool = True,
        state_dict: dict[str, Any] | None = None,
        *args: Any,
        **options: Any,
    ) -> None:
        """Save the base alone, under its own keys; adapters save themselves.

        Args:
            save_directory, is_main_process, args, options: as for the base.
            state_dict: of this model, gathered from several processes; the base's part of it is saved.
        """
        if state_dict is not None:
            state_dict = own_state(state_dict)
        with bare(self):
            super().save_pretrained(save_directory, is_main_process, state_dict, *args, **options)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """Fill the model, its languages included.

        Raises:
            NewtongueError: they are not in it, as in what `save_pretrained` writes.
        """
        if not any(key.startswith(f"{CHILD}.") for key in state_dict):
            raise NewtongueError(
                f"What is to be loaded has no part of {', '.join(self.languages)}: a stock trainer's checkpoint holds "
                "the base alone. Load an adapter with load_weights, or resume with newtongue's stages."
            )
        return super().load_state_dict(state_dict, *args, **options)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by the base's own class, since this one is made at run time."""
        return _unpickled, (type(self).__bases__[1],), self.__dict__


def _check_base(base: PreTrainedModel) -> None:
    if not isinstance(base, PreTrainedModel) or not base.can_generate() or base.config.is_encoder_decoder:
        raise NewtongueError(
            f"{type(base).__name__} is not a causal language model of transformers. Attach to what "
            "AutoModelForCausalLM.from_pretrained gives, before any wrapper (PeftModel, DDP)."
        )
    if "past_key_values" not in signature(decoder_of(base).forward).parameters:
        raise NewtongueError(
            f"{type(base).__name__} has no key-value cache, which remembers what language a row is in. Attach to a "
            "base that has one."
        )
    if getattr(base.config.get_text_config(), "hidden_size_per_layer_input", 0):
        raise NewtongueError(
            f"{type(base).__name__} looks its ids up once more for its layers, in a table without those of languages. "
            "Attach to a base whose only table of ids is its input embedding."
        )
    strange = {name: one.peft_type for name, one in getattr(base, "peft_config", {}).items()}
    if any(kind != PeftType.LORA for kind in strange.values()):
        raise NewtongueError(
            f"This {type(base).__name__} carries PEFT adapters other than LoRA ({', '.join(strange)}), beside which "
            "those of languages cannot be switched. Attach to the base without them, or merge them first."
        )


def _device(base: PreTrainedModel, adapter: "ModalityAdapter") -> torch.device:
    """Where the base reads its embedding, which may be offloaded.

    Raises:
        NewtongueError: it is, and soft tokens settle on it; or nobody can tell where it is read.
    """
    device = embedding_table(base).device
    if device.type != "meta":
        return device
    if adapter.config.mapper.sharpness:
        raise NewtongueError(
            f"The soft tokens of {adapter.language!r} settle on the base's embedding, which is offloaded. Keep it on a "
            "device, in `device_map`."
        )
    found = getattr(getattr(base.get_input_embeddings(), "_hf_hook", None), "execution_device", None)
    if found is None:
        raise NewtongueError("The base's embedding has no weights yet. Load the base before attaching to it.")
    return torch.device(found)


def _speaking(tokenizer: PreTrainedTokenizerBase, port: Port) -> PreTrainedTokenizerBase:
    """A base's tokenizer, held against the base's rows, that speaks the languages of a port."""
    check_rows(tokenizer, port.ranges.base_rows)
    return join_tokenizer(tokenizer, port.ranges)


def _take_off(base: PreTrainedModel, adapter: "ModalityAdapter") -> None:
    """Undo what attaching did, as far as it came."""
    port = port_of(base)
    if adapter.lora is not None:
        with out_of_sight(base):
            remove_lora(base, adapter.language)
    adapter._host.clear()
    port.remove(adapter.language)
    if len(port.ranges) == 0:
        _close_port(base, port)


def _open_port(base: PreTrainedModel) -> Port:
    port = Port(base)
    port.was_trainable = [(parameter, parameter.requires_grad) for parameter in base.parameters()]
    base.add_module(CHILD, port)
    own = type(base)
    base.__class__ = _attached(own)
    return port


def _attached(own: type[PreTrainedModel]) -> type[PreTrainedModel]:
    """The subclass of a base's class that can have languages, under the same name."""
    return type(own.__name__, (AttachedModel, own), {"__module__": own.__module__})


def _unpickled(own: type[PreTrainedModel]) -> PreTrainedModel:
    """An empty model of that class, to be filled."""
    made = _attached(own)
    return made.__new__(made)


def _close_port(base: PreTrainedModel, port: Port) -> None:
    port.close()
    delattr(base, CHILD)
    base.__dict__.pop("_newtongue_tokenizer", None)
    base.__class__ = type(base).__bases__[1]
    if port.gate.disabled:
        base.set_adapter(port.gate.disabled)
        base.disable_adapters()
    for parameter, flag in port.was_trainable:
        parameter.requires_grad_(flag)
