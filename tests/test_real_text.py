"""The example on real text runs end to end, here on made-up lines in the same file formats."""

import gzip
import json
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "real_text"
NAMES = ["Ada", "Bora", "Cem", "Deniz", "Ece", "Fatma"]
FOODS = [("apples", "elma"), ("bread", "ekmek"), ("soup", "çorba"), ("fish", "balık")]
PAIRS = [(f"{name} likes {food}.", f"{name} {yemek} seviyor.") for name in NAMES for food, yemek in FOODS]
JUDGED = [(f"{name} eats {food}.", f"{name} {yemek} yiyor.") for name in NAMES for food, yemek in FOODS]
STEPS = ["base", "mlm", "words", "toward", "through", "tune"]
SMALL = {
    "base-width": 16,
    "base-layers": 2,
    "base-heads": 2,
    "base-rows": 320,
    "base-batch": 8,
    "vocabulary": 320,
    "width": 16,
    "layers": 1,
    "heads": 2,
    "aligned-words": 3,
    "mlm-batch": 4,
    "map-batch": 4,
    "tune-batch": 4,
    "held-out": 3,
    "rank": 2,
    **{f"{part}-steps": 2 for part in STEPS},
}


def zipped(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    zipped(folder / "parallel" / "en-tr.tsv.gz", [f"{english}\t{other}" for english, other in PAIRS])
    zipped(folder / "mono" / "tr.txt.gz", [other for _, other in PAIRS])
    asked = {"en": ("what does {} like", 0), "tr": ("{} ne seviyor", 1)}
    for language, (question, column) in asked.items():
        rows = [
            {
                "id": f"mkqa/{place}",
                "question": question.format(name),
                "answer": FOODS[place % 4][column],
                "source": "x",
            }
            for place, name in enumerate(NAMES)
        ]
        rows.append({"id": "ms/1", "question": "?", "answer": "…", "source": "x"})
        zipped(folder / "qa" / f"{language}.jsonl.gz", [json.dumps(row, ensure_ascii=False) for row in rows])
    (folder / "eval").mkdir()
    (folder / "eval" / "tatoeba.tr-en.tsv").write_text("tr\ten\n" + "".join(f"{o}\t{e}\n" for e, o in JUDGED))
    return folder


def run(data: Path, output: Path, monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    options = [f"--{name}={value}" for name, value in {**SMALL, **changes}.items()]
    monkeypatch.setenv("NEWTONGUE_DATA", str(data))
    monkeypatch.setattr(sys, "argv", ["real_text", "--language=tr", f"--output={output}", *options])
    runpy.run_path(str(EXAMPLE), run_name="__main__")


def test_real_text_runs_goes_on_and_refuses_other_settings(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "output"
    run(data, output, monkeypatch)
    report = json.loads((output / "report.json").read_text())
    assert list(report["retrieval"]["after"]) == ["represent", "map words", "map toward", "map through", "tune"]
    assert report["bits_per_byte"]["n"] == 3
    for who in ("adapter", "bare base, raw text", "LoRA on raw text"):
        scored = report["bits_per_byte"]["of"][who]
        assert scored["in_english"] > 0 and scored["in_language"] > 0
    assert len(report["examples"]) == 3
    assert {"base", "represent", "through", "tune", "answer"} <= set(report["seconds"])
    assert str(tmp_path) not in (output / "report.json").read_text()

    run(data, output, monkeypatch)
    again = json.loads((output / "report.json").read_text())
    assert again["retrieval"] == report["retrieval"]
    assert again["bits_per_byte"]["of"]["adapter"] == report["bits_per_byte"]["of"]["adapter"]

    with pytest.raises(Exception, match="begun with other settings"):
        run(data, output, monkeypatch, rank=4)
