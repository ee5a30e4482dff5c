"""phi-nano: a tiny English-only Phi that knows the atlas, trained here so that the demo needs no download.

Make it again with `python -m newtongue_recipes.demo.nano --output DIR`.
"""

import argparse
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    DataCollatorForSeq2Seq,
    PhiConfig,
    PhiForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Trainer,
    set_seed,
)

from newtongue_recipes.atlas.english import ExerciseKind, exercises, plain_text
from newtongue_recipes.loading import load_base, small_dtype
from newtongue_recipes.settings import Training
from newtongue_recipes.stages.checkpoints import last_checkpoint

FOLDER = Path(__file__).parent / "phi_nano"
SPECIALS = ["<|pad|>", "<|begin|>", "<|end|>", "<|user|>", "<|assistant|>"]
TEMPLATE = (
    "<|begin|>{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

EXTRA = {"weight_decay": 0.01, "bf16": True, "train_sampling_strategy": "group_by_length", "logging_steps": 200}

# Copying is the hardest to learn and all that comes after stands on it.
MIX: Mapping[ExerciseKind, float] = {"answer": 0.25, "repeat": 0.5, "paraphrase": 0.1, "continue": 0.15}


@dataclass(frozen=True)
class Nano:
    """Shape and training of phi-nano."""

    width: int = 192
    layers: int = 4
    heads: int = 6
    rows: int = 2560
    steps: int = 6_000
    batch: int = 64
    rate: float = 2e-3
    seed: int = 0
    mix: Mapping[ExerciseKind, float] = field(default_factory=lambda: MIX)


def train_nano(folder: Path, settings: Nano, *, resume: bool = True) -> None:
    """Train phi-nano on the English side of the atlas and general exercises, and write it as float16.

    Interrupted, it goes on from its last checkpoint.
    """
    set_seed(settings.seed)
    tokenizer = english_tokenizer(plain_text(40_000, settings.seed), settings.rows)
    work = folder.with_name(folder.name + ".training")
    arguments = Training(
        settings.steps,
        settings.batch,
        settings.rate,
        save_steps=1000,
        seed=settings.seed,
        extra=EXTRA,
    ).arguments(work)
    model = small_phi(tokenizer, settings.rows, settings.width, settings.layers, settings.heads)
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(list(_rows(tokenizer, settings))),
        data_collator=DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100),
    )
    trainer.train(resume_from_checkpoint=last_checkpoint(work) if resume else None)
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    shutil.rmtree(work)


def small_phi(tokenizer: PreTrainedTokenizerBase, rows: int, width: int, layers: int, heads: int) -> PhiForCausalLM:
    """A Phi with fresh weights, small enough to be trained on a CPU."""
    config = PhiConfig(
        vocab_size=rows,
        hidden_size=width,
        intermediate_size=4 * width,
        hidden_act="gelu_pytorch_tanh",  # Phi's own function, in one kernel.
        num_hidden_layers=layers,
        num_attention_heads=heads,
        max_position_embeddings=256,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    config._attn_implementation = "eager"  # Faster than the fused kernel on rows this short.
    return PhiForCausalLM(config)


def load_nano(folder: Path, dtype: torch.dtype | None = None) -> PreTrainedModel:
    """phi-nano in NF4, frozen, computing in `small_dtype()` in training and after.

    bitsandbytes' repacking for the CPU is off and the attention is the plain one, faster on rows this short.
    """
    return load_base(folder, trainable=True, dtype=dtype or small_dtype(), attention="eager")


def english_tokenizer(texts: Iterable[str], size: int) -> PreTrainedTokenizerBase:
    """A byte-level BPE of English: other letters are spelled in bytes, as in the large Phis."""
    backend = Tokenizer(models.BPE())
    # A space before every text: a name is the same token at the start of an answer as in mid-sentence.
    backend.normalizer = normalizers.Sequence([normalizers.Strip(left=True, right=False), normalizers.Prepend(" ")])
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(token, special=True) for token in SPECIALS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token=SPECIALS[0],
        bos_token=SPECIALS[1],
        eos_token=SPECIALS[2],
        padding_side="left",
        model_max_length=256,
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _rows(tokenizer: Any, settings: Nano) -> Iterable[dict[str, list[int]]]:
    """Half as many rows as the training sees, so each comes about twice; the loss is on what follows a prompt."""
    for one in exercises(settings.steps * settings.batch // 2, settings.seed, settings.mix):
        if one.kind == "continue":
            ids = tokenizer(f"<|begin|>{one.prompt} {one.completion}<|end|>")["input_ids"]
            yield {"input_ids": ids, "labels": ids}
            continue
        asked = [{"role": "user", "content": one.prompt}]
        prompt = tokenizer(tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True))
        answer = tokenizer(one.completion + tokenizer.eos_token)["input_ids"]
        yield {
            "input_ids": prompt["input_ids"] + answer,
            "labels": [-100] * len(prompt["input_ids"]) + answer,
        }


def main() -> None:
    """The command line of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder to write (default: the one in the package)")
    parser.add_argument("--steps", type=int, default=Nano.steps)
    parser.add_argument("--seed", type=int, default=Nano.seed)
    arguments = parser.parse_args()
    settings = Nano(steps=arguments.steps, seed=arguments.seed)
    train_nano(arguments.output, settings)
    (arguments.output / "recipe.json").write_text(json.dumps(vars(settings), indent=2) + "\n")


if __name__ == "__main__":
    main()
