"""What vLLM's `prompt_embeds` input takes, so that vLLM runs the base and the LoRA, and newtongue reads the language.

python examples/vllm_prompt_embeds.py demo/base demo/tr prompt.pt

With vLLM, on its machine:

    llm = LLM(base, enable_prompt_embeds=True, enable_lora=True, max_lora_rank=32)
    llm.generate({"prompt_embeds": torch.load("prompt.pt")}, lora_request=LoRARequest("tr", 1, "demo/tr/lora"))

Its OpenAI server (`vllm serve BASE --enable-prompt-embeds`) takes the printed text as `prompt_embeds` of a completion.
"""

import base64
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from newtongue import ModalityAdapter

if len(sys.argv) != 4:
    raise SystemExit(__doc__)
where, adapter, output = sys.argv[1:]
model = ModalityAdapter.from_pretrained(adapter).attach(AutoModelForCausalLM.from_pretrained(where))

chat = [{"role": "user", "content": "Fransa'nın başkenti neresidir?", "language": "tr"}]
ids = model.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")["input_ids"]
with torch.no_grad():
    embeds = model.embed(ids)[0].to(model.dtype).cpu()  # [positions, width], as vLLM wants one prompt.
torch.save(embeds, output)
print(base64.b64encode(Path(output).read_bytes()).decode())
