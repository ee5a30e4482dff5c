"""transformers' own pipeline, and its own streamer, on an attached model.

python examples/pipeline_and_streamer.py demo/base demo/tr
"""

import sys

from transformers import AutoModelForCausalLM, TextStreamer, pipeline

from newtongue import ModalityAdapter

if len(sys.argv) != 3:
    raise SystemExit(__doc__)
where, adapter = sys.argv[1:]
model = ModalityAdapter.from_pretrained(adapter).attach(AutoModelForCausalLM.from_pretrained(where))

generate = pipeline("text-generation", model=model, tokenizer=model.tokenizer)
chat = [{"role": "user", "content": "Fransa'nın başkenti neresidir?", "language": "tr"}]
print("pipeline:", generate(chat, max_new_tokens=8, do_sample=False)[0]["generated_text"][-1]["content"])

ids = model.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")
print("streamer: ", end="")
model.generate(**ids, max_new_tokens=8, do_sample=False, streamer=TextStreamer(model.tokenizer, skip_prompt=True))
