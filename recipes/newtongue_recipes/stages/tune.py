"""Stage 3, tune: Q&A with LoRA on the base, encoder and mapper following at a lower rate."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from datasets import Dataset, interleave_datasets
from peft import LoraConfig
from transformers import PreTrainedModel, TrainerCallback, set_seed
from trl import SFTConfig, SFTTrainer

from newtongue import AttachedModel, ModalityAdapter, NewtongueError
from newtongue_recipes.settings import Tune

from .checkpoints import AdapterTrainer, last_checkpoint, write_once
from .fitting import Messages, fitting
from .labelled import score_labelled
from .lending import lent
from .twins import WEIGHT, Comparison, Twin, WithEnglish, twin_rows

FAST = (".lora_", ".voice.")  # In the names of parameters that learn at the full rate.


class TuneTrainer(AdapterTrainer, SFTTrainer):
    """`SFTTrainer` for an attached model, whose encoder and mapper learn at `slower` times the rate of the others."""

    slower = 1.0

    def __init__(self, model: AttachedModel, **options: Any) -> None:
        super().__init__(model=model, **options)
        score_labelled(model)
        self.data_collator = WithEnglish(cast(Any, self.data_collator))
        self.comparison = Comparison(model)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The stock trainer's, and how far twins are apart."""
        found: Any = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)  # type: ignore[no-untyped-call]
        if self.comparison.apart is None:
            return found
        self._metrics["train"]["twins"].append(self.comparison.apart.item())
        # The mean of a micro-batch, where the stock loss counts the tokens of all of them.
        steps = 1 if num_items_in_batch is None else self.current_gradient_accumulation_steps
        more = WEIGHT * self.comparison.apart / steps
        return (found[0] + more, found[1]) if return_outputs else found + more

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """The optimizer that the arguments name, each group of parameters parted by rate."""
        optimizer: torch.optim.Optimizer = super().create_optimizer(model)
        trained = cast(torch.nn.Module, self.model if model is None else model)
        names = {id(parameter): name for name, parameter in trained.named_parameters()}
        groups, optimizer.param_groups[:] = list(optimizer.param_groups), []
        for group in groups:
            fast = [one for one in group["params"] if any(part in names[id(one)] for part in FAST)]
            slow = [one for one in group["params"] if not any(part in names[id(one)] for part in FAST)]
            for params, share in ((fast, 1.0), (slow, self.slower)):
                if params:
                    optimizer.add_param_group({**group, "params": params, "lr": group["lr"] * share})
        return optimizer

    def create_model_card(self, *args: Any, **options: Any) -> None:
        """The stock one is of a whole model; the adapter has a card of its own."""


def tune(
    base: PreTrainedModel,
    adapter: ModalityAdapter,
    conversations: Sequence[Messages],
    settings: Tune,
    folder: str | Path,
    *,
    twins: Sequence[Twin] = (),
    tokenizer: Any = None,
    sharded: bool = False,
    resume: bool = False,
    callbacks: Sequence[TrainerCallback] = (),
) -> ModalityAdapter:
    """Tune an adapter on conversations that end with an answer, and write it.

    Args:
        base: the model, 4-bit or not, not attached to; it comes back as it was.
        adapter: what stage 2 made; gains a LoRA if it has none, and else goes on with its own.
        conversations: lists of messages; questions carry `"language"`, answers come last.
        settings: LoRA and training.
        folder: where the adapter is written; checkpoints below it.
        twins: what is to be understood as its English is, without an answer; `settings.twins` says how often.
        tokenizer: the base's own; loaded from where the base came from if not given.
        sharded: share the base out among the processes that train together; it stays so.
        resume: go on from the last checkpoint in `folder`, if there is one.
        callbacks: of the trainer.

    Returns:
        The adapter, detached.

    Raises:
        NewtongueError: there are no conversations, or none to learn from; or twins are wanted and there are none, or
            rows are packed; or the adapter's LoRA is another than the settings ask for.
    """
    if not conversations:
        raise NewtongueError("Stage 3 was given no questions and answers. Name a source of them.")
    if settings.twins and not twins:
        raise NewtongueError("Stage 3 was given no translations for 'twins'. Name a source of them, or set it to 0.")
    check_same_lora(adapter, settings)
    folder = Path(folder)
    set_seed(settings.training.seed)
    if adapter.lora is None:
        adapter.with_lora(
            LoraConfig(
                r=settings.rank,
                lora_alpha=settings.alpha,
                lora_dropout=settings.lora_dropout,
                target_modules=settings.target_modules,
                task_type="CAUSAL_LM",
            )
        )
    if settings.answer == "own" and adapter.voice is None:
        adapter.with_voice(base)
    with lent(base, adapter, tokenizer, sharded=sharded) as model:
        fit = fitting(model.tokenizer, conversations, settings, adapter.language)
        if not fit.rows:
            raise fit.refused[0]
        for said in fit.told():
            warnings.warn(said, stacklevel=2)
        arguments = settings.training.arguments(
            folder,
            SFTConfig,
            packing=settings.packing,
            max_length=settings.max_length,
            bf16=False,
            activation_checkpointing=False,
            ddp_find_unused_parameters=True,  # Runs without a token do not reach the encoder.
            dataset_kwargs={"skip_prepare_dataset": bool(settings.twins)},  # TRL drops rows without labels.
        )
        trainer = TuneTrainer(
            model=model,
            args=arguments,
            train_dataset=_rows(model.tokenizer, fit.rows, twins, settings),
            processing_class=model.tokenizer,
            callbacks=list(callbacks),
        )
        trainer.slower = settings.encoder_rate
        trainer.train(resume_from_checkpoint=last_checkpoint(folder) if resume else None)
    adapter.eval()
    write_once(lambda: adapter.save_pretrained(folder / "adapter", overwrite=True))
    return adapter


def check_same_lora(adapter: ModalityAdapter, settings: Tune) -> None:
    """See that the LoRA of an adapter that has one is what the settings ask for: it is trained further as it is.

    Raises:
        NewtongueError: it is another.
    """
    lora = adapter.lora
    if lora is None:
        return
    own = {"rank": lora.r, "alpha": lora.lora_alpha, "lora_dropout": lora.lora_dropout}
    if lora.target_modules is not None:  # Else PEFT has chosen them.
        own["target_modules"] = _listed(lora.target_modules)
    asked = {name: _listed(getattr(settings, name)) for name in own}
    other = [f"tune.{name}={value} (now {asked[name]})" for name, value in own.items() if value != asked[name]]
    if other:
        raise NewtongueError(
            f"The adapter for {adapter.language!r} has a LoRA, which stage 3 trains further as it is. Set "
            f"{', '.join(other)}; or start from an adapter without one, as stage 2 makes it."
        )


def _listed(value: Any) -> Any:
    """Names of layers in one order, whatever holds them."""
    return sorted(value) if isinstance(value, list | set) else value


def _rows(tokenizer: Any, rows: list[dict[str, Any]], twins: Sequence[Twin], settings: Tune) -> Dataset:
    """The rows, and among them as many twins as are wanted; what there is less of comes again."""
    answered = Dataset.from_list(rows)
    if not settings.twins:
        return answered
    fit = twin_rows(tokenizer, twins, settings.max_length)
    lost = f"{len(twins) - len(fit):,} of {len(twins):,} twins are left out of stage 3: they are too long."
    if not fit:
        raise NewtongueError(f"{lost} Raise tune.max_length (now {settings.max_length:,}), or set 'twins' to 0.")
    if len(fit) < len(twins):
        warnings.warn(f"{lost} Raise tune.max_length to have them.", stacklevel=3)
    unanswered = Dataset.from_list(fit)
    shares = [1 - settings.twins, settings.twins]
    answered = answered.add_column("english", [[]] * len(answered)).cast(unanswered.features)
    return interleave_datasets(
        [answered, unanswered], shares, seed=settings.training.seed, stopping_strategy="all_exhausted"
    )
