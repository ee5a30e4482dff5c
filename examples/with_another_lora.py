"""A PEFT LoRA of somebody else on the same base, together with an adapter of a language.

python examples/with_another_lora.py demo/base demo/tr you/phi-style
"""

import sys

from transformers import AutoModelForCausalLM

from newtongue import ModalityAdapter

if len(sys.argv) != 4:
    raise SystemExit(__doc__)
where, adapter, style = sys.argv[1:]

base = AutoModelForCausalLM.from_pretrained(where)
base.load_adapter(style, adapter_name="style")  # Answers on every row; before attaching or after is the same.
model = ModalityAdapter.from_pretrained(adapter).attach(base)

chat = [{"role": "user", "content": "Fransa'nın başkenti neresidir?", "language": "tr"}]
ids = model.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")
for what in ("with both", "with the language alone"):
    answer = model.generate(**ids, max_new_tokens=8, do_sample=False)[0, ids["input_ids"].shape[1] :]
    print(f"{what}: {model.tokenizer.decode(answer, skip_special_tokens=True)}")
    if "style" in model.peft_config:
        model.delete_adapter("style")
