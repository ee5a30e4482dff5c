"""The demo's report in words: `report.json` for programs, `report.md` for people."""

import json
from pathlib import Path
from typing import Any

from newtongue_evaluation.report import table
from newtongue_recipes.demo.exam import Score
from newtongue_recipes.demo.lessons import NAMES


def write_report(report: dict[str, Any], output: Path) -> None:
    """Write `report.json` and `report.md` into `output`."""
    (output / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (output / "report.md").write_text(as_markdown(report), encoding="utf-8")


def score_table(report: dict[str, Any]) -> str:
    """The scores as a Markdown table."""
    languages = report["heldout"]
    head = ["held-out facts, exact match", *(NAMES[language] for language in languages)]
    lines = {
        "asked in the language, answered in English": "in_english",
        "asked and answered in the language": "in_language",
        "control: another subject's question": "shuffled",
        "control: chance, the most frequent answer": "chance",
        "control: LoRA on raw text, answered in English": "raw_lora",
        "control: LoRA on raw text, answered in the language": "raw_lora_in_language",
        "questions": "n",
    }
    return table(head, [[name, *(languages[one][key] for one in languages)] for name, key in lines.items()])


def card_results(score: Score, language: str, command: str) -> list[dict[str, Any]]:
    """Rows for the `results` note of a language's adapter, as `newtongue.card.results` has them.

    Args:
        score: of the language.
        language: its tag.
        command: what prints the scores again.
    """
    name = NAMES[language]
    controls = {
        "answered in English": {"another subject's question": score.shuffled, "chance": score.chance}
        | ({} if score.raw_lora is None else {"LoRA on raw text": score.raw_lora}),
        f"answered in {name}": {}
        if score.raw_lora_in_language is None
        else {"LoRA on raw text": score.raw_lora_in_language},
    }
    return [
        {
            "task": f"held-out facts of the atlas, asked in {name}, {how}",
            "metric": "exact match",
            "value": round(value, 4),
            "interval": score.intervals[key],
            "questions": score.n,
            "controls": {control: round(share, 4) for control, share in controls[how].items()},
            "command": command,
        }
        for how, key, value in zip(
            controls, ("in_english", "in_language"), (score.in_english, score.in_language), strict=True
        )
    ]


def as_markdown(report: dict[str, Any]) -> str:
    """The whole report."""
    same = "the same, all of them, to the last bit" if report["english_identical"] else "NOT the same"
    relations = sorted({name for scores in report["by_relation"].values() for name in scores})
    by_relation = table(
        ["relation", *(NAMES[one] for one in report["by_relation"])],
        [[name, *(scores.get(name) for scores in report["by_relation"].values())] for name in relations],
    )
    examples = table(
        ["question", "gold", "in English", "gold, in the language", "in the language"],
        [
            [one[key] for key in ("question", "gold", "in_english", "gold_in_language", "in_language")]
            for one in report["examples"]
        ],
    )
    seconds = "\n".join(
        f"- {name}: " + ", ".join(f"{stage} {value:.0f} s" for stage, value in parts.items())
        for name, parts in report["seconds_by_stage"].items()
    )
    hardware, versions = report["hardware"], report["versions"]
    return f"""# Two languages for phi-nano

phi-nano, a tiny English-only Phi in 4 bits, was taught to read Turkish and Japanese. Questions about 70% of the
subjects were shown in each language. The score is on the other 30%, whose facts were never asked or stated in it:
what is answered was known in English.

{score_table(report)}

English: the base answers {report["english"]:.0%} of all facts; with the adapters attached its answers and logits are
**{same}**.

![accuracy by method](accuracy.png)

## By relation, answered in English

{by_relation}

## Some answers

{examples}

## How it was made

Seed {report["seed"]}, {report["seconds"]:.0f} seconds without the raw-text control, on {hardware["processor"]},
{hardware["cores"]} cores{", " + hardware["gpu"] if hardware["gpu"] else ""}. Steps: {
        ", ".join(f"{name} {value}" for name, value in report["steps"].items())
    }.

{seconds}

Versions: {", ".join(f"{name} {value}" for name, value in versions.items())}.

![losses](losses.png)
"""
