"""Stage 1, represent: a masked-language-model encoder and its tokenizer, from raw text."""

from collections.abc import Sequence
from pathlib import Path

from datasets import Dataset
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    DataCollatorForLanguageModeling,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    set_seed,
)

from newtongue import NewtongueError

from .checkpoints import last_checkpoint
from .settings import Represent
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
        texts: raw text, one sentence or paragraph each.
        settings: shape and training, or the published encoder to continue from.
        folder: where the encoder and its tokenizer are written; checkpoints below it.
        resume: go on from the last checkpoint in `folder`, if there is one.
        callbacks: of the trainer.

    Returns:
        `folder`, which `Encoder.from_pretrained` reads.

    Raises:
        NewtongueError: there is no text.
    """
    folder = Path(folder)
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise NewtongueError("Stage 1 was given no text to learn the language from. Name a source of raw text.")
    set_seed(settings.training.seed)
    model, tokenizer = _start(texts, settings)
    dataset = Dataset.from_dict({"text": texts}).map(
        lambda batch: tokenizer(
            batch["text"], truncation=True, max_length=settings.positions, return_special_tokens_mask=True
        ),
        batched=True,
        remove_columns=["text"],
    )
    collator = DataCollatorForLanguageModeling(
        tokenizer, mlm=True, mlm_probability=settings.mask, whole_word_mask=settings.whole_words
    )
    trainer = Trainer(
        model=model,
        args=settings.training.arguments(folder),
        train_dataset=dataset,
        data_collator=collator,
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )
    trainer.train(resume_from_checkpoint=last_checkpoint(folder) if resume else None)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _start(texts: Sequence[str], settings: Represent) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if settings.start_from is not None:
        model = AutoModelForMaskedLM.from_pretrained(settings.start_from)
        return model, AutoTokenizer.from_pretrained(settings.start_from)
    tokenizer = train_vocabulary(texts, settings.vocabulary, settings.positions)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=4 * settings.width,
        max_position_embeddings=settings.positions,
        pad_token_id=tokenizer.pad_token_id,
    )
    return BertForMaskedLM(config), tokenizer
