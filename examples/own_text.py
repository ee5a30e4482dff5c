"""Teach a base a language from text, translations and questions of your own: the three stages.

python examples/own_text.py demo/base text.txt pairs.tsv questions.tsv run

`text.txt` holds a sentence a line; `pairs.tsv` English<TAB>translation; `questions.tsv` question<TAB>answer. The steps
are for trying it out; `newtongue recipes` has settings for real sizes.
"""

import sys
from pathlib import Path

from newtongue_recipes.loading import load_base
from newtongue_recipes.stages import Map, Represent, Training, Tune, map_language, represent, tune
from newtongue_recipes.stages.map import Pair

if len(sys.argv) != 6:
    raise SystemExit(__doc__)
where, text, pairs, questions, output = sys.argv[1:]
language = "tr"


def lines(path: str) -> list[list[str]]:
    return [line.split("\t") for line in Path(path).read_text(encoding="utf-8").splitlines()]


small = {"vocabulary": 400, "width": 64, "layers": 2, "heads": 4, "positions": 64}
encoder = represent([line for (line,) in lines(text)], Represent(Training(20), **small), f"{output}/encoder")

adapter = map_language(
    load_base(where, trainable=True),
    encoder,
    [Pair(english, other) for english, other in lines(pairs)],
    Map(toward=Training(10), through=Training(10)),
    f"{output}/map",
    language=language,
)
chats = [
    [{"role": "user", "content": question, "language": language}, {"role": "assistant", "content": answer}]
    for question, answer in lines(questions)
]
adapter = tune(load_base(where, trainable=True), adapter, chats, Tune(Training(10)), f"{output}/tune")
adapter.describe(licence="cc0-1.0", data="My own.").save_pretrained(f"{output}/adapter")
print(f"{output}/adapter: {adapter.config.vocabulary} ids of {language}")
