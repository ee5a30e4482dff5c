"""Sound in place of text: a port takes any encoder with a `last_hidden_state`.

python examples/sound.py demo/base out 60

Clips are cut into frames, and a frame's loudest frequency is its id, so that a clip is a run of ids as a sentence is.
A small encoder reads them, and the base learns to say whether the pitch rises or falls; scored on clips never heard.
"""

import random
import sys

import torch
from datasets import Dataset
from peft import LoraConfig
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, BertConfig, BertModel, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

from newtongue import Encoder, ModalityAdapter
from newtongue_evaluation.answers import answer

if len(sys.argv) != 4:
    raise SystemExit(__doc__)
where, output, steps = sys.argv[1:]
FRAMES, SAMPLES, MARKS = 12, 128, ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]


def clip(rises: bool) -> str:
    """A tone that glides, with noise, as the ids of its frames."""
    low, high = sorted(random.sample(range(6, 58), 2))
    pitch = torch.linspace(*((low, high) if rises else (high, low)), FRAMES)[:, None]
    wave = torch.sin(2 * torch.pi * pitch * torch.arange(SAMPLES) / SAMPLES) + 0.3 * torch.randn(FRAMES, SAMPLES)
    return " ".join(f"f{one}" for one in torch.fft.rfft(wave).abs().argmax(dim=1).tolist())


vocabulary = {token: number for number, token in enumerate([*MARKS, *(f"f{bin_}" for bin_ in range(SAMPLES))])}
words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
names = dict(zip(("pad_token", "cls_token", "sep_token", "unk_token"), MARKS, strict=True))
shape = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
torch.manual_seed(0)
random.seed(0)
listener = BertModel(BertConfig(vocab_size=len(vocabulary), **shape))
ears = Encoder(listener, PreTrainedTokenizerFast(tokenizer_object=words, **names))

base = AutoModelForCausalLM.from_pretrained(where)
lora = LoraConfig(r=8, target_modules="all-linear")
model = ModalityAdapter.create(base, ears, language="art-x-sound", lora=lora).attach(base, trainable=True)
heard = [(clip(rises), "up" if rises else "down") for rises in random.choices([True, False], k=1100)]
chats = [([{"role": "user", "content": one, "language": "art-x-sound"}], answer_) for one, answer_ in heard]
rows = [{"prompt": said, "completion": [{"role": "assistant", "content": gold}]} for said, gold in chats]
settings = {"max_steps": int(steps), "per_device_train_batch_size": 16, "learning_rate": 2e-3, "bf16": False}
arguments = SFTConfig(output, report_to="none", save_strategy="no", **settings)
SFTTrainer(model, arguments, train_dataset=Dataset.from_list(rows[:1000]), processing_class=model.tokenizer).train()
said = answer(model.eval(), model.tokenizer, [prompt for prompt, _ in chats[1000:]], max_new_tokens=4)
right = sum(one == gold for one, (_, gold) in zip(said, chats[1000:], strict=True))
print(f"{right} of {len(said)} clips never heard")
