"""Stage 1, represent: a masked-language-model encoder and its tokenizer, from raw text."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from safetensors import SafetensorError
from transformers import (
    AutoModelForMaskedLM,
    BatchEncoding,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    TrainerCallback,
    set_seed,
)

from newtongue import NewtongueError
from newtongue.tokenizer.loading import load_tokenizer
from newtongue_recipes.settings import REPLACED, Represent

from .checkpoints import last_checkpoint, write_once
from .exact import ExactTrainer, MaskByBatch, hush
from .labelled import score_masked
from .vocabulary import train_vocabulary


def represent(
    texts: Sequence[str],
    settings: Represent,
    folder: str | Path,
    *,
    resume: bool = False,
    callbacks: Sequence[TrainerCallback] = (),
) -> Path:
    """Train an encoder to predict masked tokens, `L = − Σ_{i∈M} log P(x_i | x_∖i)`.

    Args:
        texts: raw text, one sentence or paragraph each; what is longer than `positions` becomes several rows.
        settings: shape and training, or the published encoder to continue from.
        folder: where the encoder and its tokenizer are written; checkpoints below it.
        resume: go on from the last checkpoint in `folder`, if there is one.
        callbacks: of the trainer.

    Returns:
        `folder`, which `Encoder.from_pretrained` reads.

    Raises:
        NewtongueError: there is no text, or no encoder to continue from.
    """
    folder = Path(folder)
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise NewtongueError("Stage 1 was given no text to learn the language from. Name a source of raw text.")
    set_seed(settings.training.seed)
    model, tokenizer = _start(texts, settings)
    score_masked(model)
    dataset = Dataset.from_dict({"text": texts}).map(
        lambda batch: _encode(tokenizer, batch["text"], settings), batched=True, remove_columns=["text"]
    )
    trainer = ExactTrainer(
        model=model,
        args=settings.training.arguments(folder, ddp_find_unused_parameters=False),
        train_dataset=dataset,
        data_collator=_collator(tokenizer, settings),
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )
    hush(trainer)
    trainer.train(resume_from_checkpoint=last_checkpoint(folder) if resume else None)
    write_once(lambda: (model.save_pretrained(folder), tokenizer.save_pretrained(folder)))
    return folder


def check_mask(tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    """See that stage 1 can train a published encoder further.

    Raises:
        NewtongueError: its tokenizer has nothing to mask with.
    """
    if tokenizer.mask_token is None:
        raise NewtongueError(
            f"The tokenizer of {name!r} has no mask token, so stage 1 cannot train it further. Leave stage 1 out and "
            "name it as 'encoder'."
        )


def _encode(tokenizer: PreTrainedTokenizerBase, texts: list[str], settings: Represent) -> BatchEncoding:
    """Rows of at most so many positions: a text that is longer becomes several."""
    encoded: BatchEncoding = tokenizer(
        texts,
        truncation=True,
        max_length=settings.positions,
        return_overflowing_tokens=tokenizer.is_fast,  # The others give what is left as bare ids, for some texts alone.
        return_special_tokens_mask=True,
        split_special_tokens=True,  # A text's own "[SEP]" is text.
    )
    encoded.pop("overflow_to_sample_mapping", None)
    if settings.whole_words:
        encoded["offset_mapping"] = [_words(encoded.word_ids(row)) for row in range(len(encoded["input_ids"]))]
    return encoded


def _words(word_ids: list[int | None]) -> list[tuple[int, int]]:
    """Spans in which the tokens of a word touch and words do not, which is how the collator tells words apart.

    A tokenizer's own offsets will not do: where a token holds the space before it, all tokens touch.
    """
    starts = [place + (word or 0) for place, word in enumerate(word_ids)]
    return [(start, start + 1) for start in starts]


def _collator(tokenizer: PreTrainedTokenizerBase, settings: Represent) -> Callable[[list[dict[str, Any]]], Any]:
    mask = MaskByBatch(
        tokenizer,
        mlm=True,
        mlm_probability=settings.mask,
        whole_word_mask=settings.whole_words,
        mask_replace_prob=1.0 if settings.whole_words else 1 - REPLACED - settings.kept,
        random_replace_prob=0.0 if settings.whole_words else REPLACED,
        seed=settings.training.seed,
    )

    def pad_spans(rows: list[dict[str, Any]]) -> Any:
        longest = max(len(row["input_ids"]) for row in rows)
        padded = [
            {**row, "offset_mapping": [*row["offset_mapping"], *[(0, 0)] * (longest - len(row["input_ids"]))]}
            for row in rows
        ]
        return mask(padded)

    return pad_spans if settings.whole_words else mask


def _start(texts: Sequence[str], settings: Represent) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if settings.start_from is not None:
        try:
            model = AutoModelForMaskedLM.from_pretrained(settings.start_from)
            own = load_tokenizer(settings.start_from)
        except (OSError, ValueError, SafetensorError) as error:
            raise NewtongueError(
                f"{settings.start_from!r} cannot be read as a masked language model with its tokenizer: {error} Name "
                "another in represent.start_from, or set it to null."
            ) from error
        check_mask(own, settings.start_from)
        return model, own
    tokenizer = train_vocabulary(
        texts, settings.vocabulary, settings.positions, settings.tokens, joined=settings.joined
    )
    special = {name: getattr(tokenizer, f"{name}_token_id") for name in ("pad", "cls", "sep")}
    return ModernBertForMaskedLM(encoder_config(settings, len(tokenizer), **special)), tokenizer


def encoder_config(
    settings: Represent, vocabulary: int, *, pad: int = 0, cls: int = 0, sep: int = 0
) -> ModernBertConfig:
    """Shape of an encoder trained from scratch, with the ids of its special tokens.

    ModernBERT's norms come before the layers they belong to, so it takes higher rates and learns from less than BERT.
    """
    return ModernBertConfig(
        vocab_size=vocabulary,
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=2 * settings.width,
        max_position_embeddings=settings.positions,
        layer_types=["full_attention"] * settings.layers,
        pad_token_id=pad,
        cls_token_id=cls,
        sep_token_id=sep,
        bos_token_id=cls,
        eos_token_id=sep,
    )
