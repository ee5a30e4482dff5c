"""Attach an adapter, ask in its language, take it off again.

python examples/attach_and_ask.py demo/base demo/tr "Fransa'nın başkenti neresidir?"
"""

import sys

import torch
from transformers import AutoModelForCausalLM

from newtongue import ModalityAdapter

if len(sys.argv) != 4:
    raise SystemExit(__doc__)
where, adapter, question = sys.argv[1:]

base = AutoModelForCausalLM.from_pretrained(where)
english = torch.tensor([[1, 20, 30, 40]])
before = base(english).logits

turkish = ModalityAdapter.from_pretrained(adapter)
model = turkish.attach(base)
chat = [{"role": "user", "content": question, "language": turkish.language}]
ids = model.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")
answer = model.generate(**ids, max_new_tokens=16, do_sample=False)
print(model.tokenizer.decode(answer[0, ids["input_ids"].shape[1] :], skip_special_tokens=True))

print("English logits are the same, to the bit:", torch.equal(model(english).logits, before))
model.detach(turkish.language)
print("and so they are after detaching:", torch.equal(base(english).logits, before))
