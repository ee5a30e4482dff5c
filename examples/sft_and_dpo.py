"""TRL's SFTTrainer and DPOTrainer on an attached model, in a script of your own.

python examples/sft_and_dpo.py demo/base demo/tr tuned
"""

import sys

from datasets import Dataset
from transformers import AutoModelForCausalLM
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from newtongue import ModalityAdapter

if len(sys.argv) != 4:
    raise SystemExit(__doc__)
where, name, output = sys.argv[1:]
settings = {"max_steps": 2, "per_device_train_batch_size": 2, "report_to": "none", "bf16": False, "save_strategy": "no"}


def load(*, trainable: bool):
    """The base, frozen, with the adapter on it; encoder, mapper and LoRA train."""
    base = AutoModelForCausalLM.from_pretrained(where)
    return ModalityAdapter.from_pretrained(name).attach(base, trainable=trainable)


asked = [{"role": "user", "content": "Fransa'nın başkenti neresidir?", "language": "tr"}]
right, wrong = ([{"role": "assistant", "content": answer}] for answer in ("Paris", "Ankara"))

model = load(trainable=True)
rows = Dataset.from_list([{"prompt": asked, "completion": right}] * 8)
SFTTrainer(model, SFTConfig(f"{output}/sft", **settings), train_dataset=rows, processing_class=model.tokenizer).train()

rows = Dataset.from_list([{"prompt": asked, "chosen": right, "rejected": wrong}] * 8)
DPOTrainer(
    model,
    load(trainable=False),  # The reference: TRL would load the base alone, which has no ids for Turkish.
    args=DPOConfig(f"{output}/dpo", **settings),
    train_dataset=rows,
    processing_class=model.tokenizer,
).train()
model.adapter("tr").save_pretrained(f"{output}/adapter")
