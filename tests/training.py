"""A small world for training whole recipes: a base, an encoder, data files, and the overrides that put them in."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import BertForMaskedLM

import tiny
from newtongue_recipes.recipe import load_recipe

PLACES = ["Paris", "Ankara", "Tokyo", "Berlin", "Roma", "Madrid", "Oslo", "Londra", "Kahire", "Lima", "Bern", "Riga"]
ALL_PARTS = {"through.batch": 4, "through.rate": 2e-3, "transport": 1.0, "anchor": 3.0}
CPU = "adamw_torch"  # In place of the paged optimizer, which is a GPU's.


def make_world(folder: Path) -> Path:
    """A folder with `base`, `bert`, `text.txt`, `pairs.tsv` and `questions.jsonl`."""
    folder.mkdir(parents=True, exist_ok=True)
    tiny.save_base(folder / "base")
    made = tiny.tiny_encoder(tiny.TURKISH + tiny.JAPANESE)
    torch.manual_seed(0)
    BertForMaskedLM(made.model.config).save_pretrained(folder / "bert")
    made.tokenizer.save_pretrained(folder / "bert")
    texts = [f"{place} {said}" for place in PLACES for said in (*tiny.TURKISH, *tiny.JAPANESE)]
    (folder / "text.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    pairs = [f"I like {place}.\t{place} güzel, {place} büyük.\t0" for place in PLACES]
    words = [f"{place}\t{place.lower()}\t1" for place in PLACES]
    (folder / "pairs.tsv").write_text("\n".join(["english\tother\taligned", *pairs, *words]) + "\n", encoding="utf-8")
    questions = [
        {"question": f"{place} hangi ülkede? {number}", "answer": place} for place in PLACES for number in (1, 2)
    ]
    lines = [json.dumps(one, ensure_ascii=False) for one in questions]
    (folder / "questions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def small(name: str, world: Path, steps: int = 2, **more: object) -> list[str]:
    """Overrides that make a shipped recipe small and local, and nothing else another one."""
    recipe = load_recipe(name)
    changes: dict[str, object] = {"base.name": world / "base", "data.tokens": "null", "data.detect": "false"}
    for kind, file in (("text", "text.txt"), ("pairs", "pairs.tsv"), ("questions", "questions.jsonl")):
        if getattr(recipe.data, kind):
            changes[f"data.{kind}"] = f"[{{path: {world / file}}}]"
    if recipe.represent:
        shape = {"vocabulary": 400, "width": 16, "layers": 1, "heads": 2, "positions": 32}
        changes |= {f"represent.{key}": value for key, value in shape.items()}
    if recipe.encoder:
        changes["encoder"] = world / "bert"
    changes |= {"tune.rank": 2, "tune.alpha": 4, "tune.max_length": 96}
    parts = {"represent.training": recipe.represent and recipe.represent.training}
    parts |= {f"map.{part}": getattr(recipe.map, part) for part in ("words", "toward", "through")}
    parts["tune.training"] = recipe.tune and recipe.tune.training
    for place, training in parts.items():
        if training:
            changes |= {f"{place}.steps": steps, f"{place}.batch": 4}
            if "paged" in str(training.extra.get("optim")):
                changes[f"{place}.extra.optim"] = CPU
    changes |= more
    return [f"{key}={value}" for key, value in changes.items()]


def all_parts(steps: int) -> dict[str, object]:
    """Overrides with which the demo's recipe trains through the base too, and by all objectives."""
    return {f"map.{key}": value for key, value in ALL_PARTS.items()} | {"map.through.steps": steps}


def weights(adapter: Path) -> dict[str, torch.Tensor]:
    """All weights of an adapter's folder."""
    files = sorted(adapter.rglob("*.safetensors"))
    assert files
    return {f"{path.name}:{name}": value for path in files for name, value in load_file(path).items()}


def tuned(run: Path) -> Path:
    """The adapter of a run as it was trained; the finished one is rounded."""
    return run / "tune" / "adapter"


def differ(one: Path, other: Path) -> list[str]:
    """Names of the weights in which two adapters differ."""
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    return [name for name in first if not torch.equal(first[name], second[name])]
