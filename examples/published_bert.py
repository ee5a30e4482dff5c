"""Start from a published BERT of the language in place of stage 1.

python examples/published_bert.py microsoft/phi-2 dbmdz/bert-base-turkish-cased pairs.tsv run
"""

import sys
from pathlib import Path

from newtongue import Encoder
from newtongue_recipes.loading import load_base
from newtongue_recipes.stages import Map, Training, map_language
from newtongue_recipes.stages.map import Pair

if len(sys.argv) != 5:
    raise SystemExit(__doc__)
where, bert, pairs, output = sys.argv[1:]

encoder = Encoder.from_pretrained(bert)  # Any encoder that AutoModel reads, with its own tokenizer.
print(f"{type(encoder.model).__name__} of width {encoder.width}: {encoder.vocabulary} ids, {encoder.capacity} at once")

sentences = [line.split("\t") for line in Path(pairs).read_text(encoding="utf-8").splitlines()]
adapter = map_language(
    load_base(where, trainable=True),
    encoder,
    [Pair(english, other) for english, other in sentences],
    Map(toward=Training(10), through=Training(10)),
    output,
    language="tr",
)
print(f"{output}/adapter: {adapter.config.mapper.encoder_width} → {adapter.config.mapper.base_width}")
