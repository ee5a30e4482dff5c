"""Stage 2, map: the mapper, and the encoder with it, learn to say in the base's embeddings what they read."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor, nn
from transformers import DataCollatorForSeq2Seq, PreTrainedModel, TrainerCallback, set_seed

from newtongue import AttachedModel, Encoder, ModalityAdapter, NewtongueError
from newtongue.base import embeddings_as_read
from newtongue.reading.mapper import Mapper
from newtongue_recipes.settings import Map, Training

from .checkpoints import AdapterTrainer, last_checkpoint, write_once
from .dictionary import mine_dictionary
from .fitting import fitting_pairs, longest_pair, told_of_pairs
from .labelled import labelled_loss
from .lending import lent
from .objectives import aligned_mse, candidates, contrast, lexical, pad_runs, transport


@dataclass(frozen=True)
class Pair:
    """A text of the language and its English translation; `aligned` if they match word for word."""

    english: str
    other: str
    aligned: bool = False


def map_language(
    base: PreTrainedModel,
    encoder: str | Path | Encoder,
    pairs: Sequence[Pair],
    settings: Map,
    folder: str | Path,
    *,
    language: str,
    tokenizer: Any = None,
    sharded: bool = False,
    resume: bool = False,
    callbacks: Sequence[TrainerCallback] = (),
) -> ModalityAdapter:
    """Train a mapper for a frozen base and write the adapter.

    Args:
        base: the model, not attached to; it comes back as it was.
        encoder: what stage 1 wrote, or a published encoder.
        pairs: translations; the English side is what the base should take a sentence for.
        settings: objectives and training of the three parts.
        folder: where the adapter is written; checkpoints below it.
        language: BCP 47 tag.
        tokenizer: the base's own; loaded from where the base came from if not given.
        sharded: share the base out among the processes that train together; it stays so.
        resume: go on from the last checkpoint in `folder`, if there is one.
        callbacks: of the trainers.

    Returns:
        The adapter, detached.

    Raises:
        NewtongueError: there are no pairs that fit, or no aligned one for the part on words.
    """
    if not pairs:
        raise NewtongueError(f"Stage 2 was given no sentence pairs for {language!r}. Name a source of translations.")
    folder = Path(folder)
    encoder = encoder if isinstance(encoder, Encoder) else Encoder.from_pretrained(encoder)
    if settings.masked and encoder.tokenizer.mask_token is None:
        raise NewtongueError(
            "Stage 2 was to mask what it reads, and the encoder's tokenizer has no mask. Set 'masked' to 0."
        )
    given = len(pairs)
    if settings.mined:
        found = mine_dictionary((pair.english, pair.other) for pair in pairs)
        pairs = [*pairs, *(Pair(*entry, aligned=True) for entry in found * settings.mined)]
    parts = settings.parts
    if "words" in parts and not any(pair.aligned for pair in pairs):
        if not settings.mined or len(parts) == 1:
            raise NewtongueError(
                "Stage 2 was to begin with words and no pair is aligned. Name a dictionary, have one mined from more "
                "pairs, or leave the part out."
            )
        del parts["words"]
        warnings.warn("No word could be mined from the pairs: stage 2 goes without its part on words.", stacklevel=2)
    set_seed(next(iter(parts.values())).seed if parts else 0)
    adapter = ModalityAdapter.create(
        base,
        encoder,
        language=language,
        hidden=settings.hidden,
        dropout=settings.dropout,
        sharpness=settings.sharpness,
        borrows=settings.borrows,
    )
    with lent(base, adapter, tokenizer, sharded=sharded) as model:
        if not settings.train_encoder:
            adapter.encoder.requires_grad_(False)
        most = longest_pair(settings, base.config)
        fit = fitting_pairs(model.tokenizer, pairs, settings.say, language, most)
        if not fit or ("words" in parts and not any(row["aligned"] for row in fit)):
            raise NewtongueError(
                f"No pair {'that is aligned ' if fit else ''}fits into {most:,} positions. Raise map.max_length (now "
                f"{settings.max_length:,}), or split the texts."
            )
        for said in told_of_pairs(len(pairs) - len(fit), given, most):
            warnings.warn(said, stacklevel=2)
        rows = Dataset.from_list(fit)
        words = rows.filter(lambda row: row["aligned"])
        for name, training in parts.items():
            seen = words if name == "words" else rows
            settling = Settling(adapter.mapper, {"toward": settings.settled, "through": 1.0}.get(name, 0.0))
            _train(model, seen, settings, training, name, folder / name, resume, [settling, *callbacks])
    adapter.mapper.settles = True
    adapter.eval()
    write_once(lambda: adapter.save_pretrained(folder / "adapter", overwrite=True))
    return adapter


class Objective(nn.Module):
    """An attached model whose loss is that of a part of stage 2: `through · L_base + toward · L_toward`.

    `L_base` is the frozen base's loss on the translation. `L_toward` draws soft tokens toward the embeddings of its
    tokens: the likelihood of each of them and contrast between rows on all, mean squared error on aligned rows,
    transport on the others. A module rather than a trainer's own loss, so that processes that train together share
    their gradients as always.
    """

    def __init__(self, model: AttachedModel, settings: Map, *, through: float, toward: float) -> None:
        super().__init__()
        self.attached, self.settings = model, settings
        self.through, self.toward = through, toward
        self.prompt = _prompt_ids(model.tokenizer, settings.say)

    def forward(self, input_ids: Tensor, labels: Tensor, aligned: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """The loss of `[batch, positions]` ids and labels, with `[batch]` marks of which rows are aligned."""
        embedded = self.attached.embed(self._masked(input_ids) if self.settings.masked and self.training else input_ids)
        loss = embedded.new_zeros(())
        if self.through:
            said = labelled_loss(self.attached, labels, inputs_embeds=embedded, attention_mask=attention_mask)
            loss = loss + self.through * said
        if self.toward:
            loss = loss + self.toward * self._toward(input_ids, labels, aligned.bool(), embedded)
        return {"loss": loss}

    def activation_checkpointing_enable(self, **options: Any) -> None:
        """The base's."""
        self.attached.activation_checkpointing_enable(**options)

    def _masked(self, ids: Tensor) -> Tensor:
        """The ids with the encoder's mask in place of some that are read; every position stays."""
        owned = self.attached.tokenizer.ranges[self.attached.languages[0]]
        chosen = self._read(ids) & (torch.rand(ids.shape, device=ids.device) < self.settings.masked)
        return ids.masked_fill(chosen, owned.start + owned.tokenizer.mask_token_id)

    def _read(self, ids: Tensor) -> Tensor:
        """Which ids are the language's, but for those that open and close a run."""
        read: Tensor = self.attached.tokenizer.ranges[self.attached.languages[0]].reads(ids)
        return read

    def _borrowed(self, ids: Tensor, labels: Tensor) -> Tensor:
        """Which labels the language borrows, so that the base reads them in its own tokens and no soft token need."""
        owned = self.attached.tokenizer.ranges[self.attached.languages[0]]
        if not owned.borrows:
            return torch.zeros_like(labels, dtype=torch.bool)
        foreign = (labels >= 0) | (ids >= owned.begin) | torch.isin(ids, ids.new_tensor(self.prompt))
        taken = ids.masked_fill(foreign, -1)  # Not -100, which labels have.
        found: Tensor = (labels[:, :, None] == taken[:, None, :]).any(-1)
        return found

    def _toward(self, ids: Tensor, labels: Tensor, aligned: Tensor, embedded: Tensor) -> Tensor:
        model, settings = self.attached, self.settings
        soft, seen = pad_runs(embedded, self._read(ids))
        said = (labels >= 0) & ~_is_special(model.tokenizer, labels)
        new = said & ~self._borrowed(ids, labels)
        said = torch.where(new.any(1, keepdim=True), new, said)
        targets, wanted = pad_runs(embedded.detach(), said)
        unit = model.adapter(model.languages[0]).config.mapper.unit
        loss = embedded.new_zeros(())
        free, share = ~aligned, aligned.float().mean()
        if settings.transport and bool(free.any()):
            cost = transport(soft[free], seen[free], targets[free], wanted[free], unit, settings.entropy)
            loss = settings.transport * (1 - share) * cost
        if settings.mse and bool(aligned.any()):
            error = aligned_mse(soft[aligned], seen[aligned], targets[aligned], wanted[aligned], unit)
            loss = loss + settings.mse * share * error
        if settings.lexical:
            tokens, _ = pad_runs(labels.clamp(min=0), said)
            table = embeddings_as_read(model)
            known, places = candidates(tokens, len(table))
            loss = loss + settings.lexical * lexical(soft, seen, places, wanted, table[known], unit)
        if settings.contrast and len(ids) > 1:
            loss = loss + settings.contrast * contrast(soft, seen, targets, wanted)
        return loss


class Settling(TrainerCallback):
    """Soft tokens settle in the last share of a training's steps: what has learned nothing would settle amid all."""

    def __init__(self, mapper: Mapper, share: float) -> None:
        self.mapper, self.share = mapper, share

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Another step begins."""
        self.mapper.settles = state.global_step >= (1 - self.share) * state.max_steps


def _prompt_ids(tokenizer: Any, say: str) -> list[int]:
    """What stands in every row, whatever the sentence."""
    asked = tokenizer.prompt([{"role": "user", "content": say}])
    return [one for text in (say, asked) for one in tokenizer(text, add_special_tokens=False)["input_ids"]]


def _is_special(tokenizer: Any, ids: Tensor) -> Tensor:
    special = ids.new_tensor(tokenizer.all_special_ids)
    return (ids[..., None] == special).any(-1)


def _train(
    model: Any,
    rows: Dataset,
    settings: Map,
    training: Training,
    name: str,
    folder: Path,
    resume: bool,
    callbacks: Sequence[TrainerCallback],
) -> None:
    weights = {"through": 1.0, "toward": settings.anchor} if name == "through" else {"through": 0.0, "toward": 1.0}
    trainer = AdapterTrainer(
        model=Objective(model, settings, **weights),
        args=training.arguments(folder, ddp_find_unused_parameters=True),  # Empty runs do not reach the encoder.
        train_dataset=rows,
        data_collator=DataCollatorForSeq2Seq(model.tokenizer, label_pad_token_id=-100),
        callbacks=list(callbacks),
    )
    trainer.train(resume_from_checkpoint=last_checkpoint(folder) if resume else None)
