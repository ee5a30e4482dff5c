"""Two adapters on one base, and both languages in one prompt; which is which can be said or found.

python examples/two_languages.py demo/base demo/tr demo/ja
"""

import sys

from transformers import AutoModelForCausalLM

from newtongue import ModalityAdapter, mark

if len(sys.argv) < 3:
    raise SystemExit(__doc__)
where, *adapters = sys.argv[1:]

model = AutoModelForCausalLM.from_pretrained(where)
for name in adapters:
    model = ModalityAdapter.from_pretrained(name).attach(model)

turkish, japanese = "Fransa'nın başkenti neresidir?", "フランスの首都はどこですか。"
said = {
    "by marks": {"content": f"Compare: {mark(turkish, 'tr')} {mark(japanese, 'ja')}"},
    "in parts": {
        "content": [
            {"type": "text", "text": "Compare: "},
            {"type": "text", "text": turkish, "language": "tr"},
            {"type": "text", "text": " "},
            {"type": "text", "text": japanese, "language": "ja"},
        ]
    },
    "found": {"content": f"Compare these sentences. {turkish} {japanese}", "language": "auto"},
}
for how, message in said.items():
    ids = model.tokenizer.apply_chat_template([{"role": "user", **message}], return_tensors="pt")["input_ids"][0]
    spoken = [model.tokenizer.ranges.language_of(one) or "base" for one in ids.tolist()]
    print(f"{how}: {', '.join(f'{spoken.count(one)} positions {one}' for one in dict.fromkeys(spoken))}")
