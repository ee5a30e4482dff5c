"""Score an adapter on questions of your own, beside a control, and share it with the figures in its card.

python examples/evaluate_and_share.py demo/base demo/tr questions.tsv you/phi-nano-turkish
"""

import sys
from pathlib import Path

import numpy
from transformers import AutoModelForCausalLM

from newtongue import ModalityAdapter
from newtongue_evaluation.answers import answer
from newtongue_evaluation.measures.intervals import score
from newtongue_evaluation.measures.text import exact

if len(sys.argv) != 5:
    raise SystemExit(__doc__)
where, adapter, questions, name = sys.argv[1:]
rows = [line.split("\t") for line in Path(questions).read_text(encoding="utf-8").splitlines()]

turkish = ModalityAdapter.from_pretrained(adapter)
model = turkish.attach(AutoModelForCausalLM.from_pretrained(where))


def measure(language: str | None):
    """Exact match, with its 95% interval."""
    asked = [[{"role": "user", "content": question, "language": language}] for question, _ in rows]
    said = answer(model, model.tokenizer, asked, max_new_tokens=8)
    right = [[exact(one, [gold], "en"), 1.0] for one, (_, gold) in zip(said, rows, strict=True)]
    return score(numpy.array(right))


read, raw = measure("tr"), measure(None)
print(f"read as Turkish {read.value:.2f} [{read.low:.2f}, {read.high:.2f}]; as raw text {raw.value:.2f}")
result = {
    "task": "my questions",
    "metric": "exact match",
    "value": read.value,
    "interval": [read.low, read.high],
    "controls": {"the same as raw text": raw.value},
    "questions": len(rows),
    "command": "python examples/evaluate_and_share.py",
}
print(turkish.describe(results=[result]).push_to_hub(name))
