"""The facts of an adapter for a reader in a terminal."""

from typing import Any

from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from newtongue_recipes.inspecting.facts import Facts

UNKNOWN = "?"
FAR = 5.0  # Soft tokens this many times larger or smaller than embeddings are worth a word.


def render(facts: Facts) -> RenderableType:
    """What the adapter is, its health, the state of its parts, and what its maker says."""
    about = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in _rows(facts):
        about.add_row(Text(name, style="bold"), Text(value))
    parts = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("part", "sha256"):
        parts.add_column(heading)
    for path, good in facts["verified"].items():
        parts.add_row(Text(path), Text("✓" if good else "✗ not what was saved", style="green" if good else "red"))
    return Group(about, Text(), parts, *_notes(facts["notes"]))


def _rows(facts: Facts) -> list[tuple[str, str]]:
    language, base, encoder, mapper, lora = (facts[key] for key in ("language", "base", "encoder", "mapper", "lora"))
    sizes = facts["bytes"]
    at = f" at {base['revision']}" if base["revision"] else ""
    rows = [
        ("adapter", facts["adapter"] + (f" at {facts['commit']}" if facts["commit"] else "")),
        ("language", f"{language['name']} ({language['tag']}), {facts['vocabulary']:,} ids"),
        ("", "some words are left to the base's own tokens" if facts["borrows"] else ""),
        ("base", f"{base['id'] or 'unnamed'}{at}: {base['architecture']}, {base['rows']:,} rows of {base['width']:,}"),
        (
            "encoder",
            f"{_of(encoder['architecture'])}, {_of(encoder['layers'])} layers of {_of(encoder['width'])}, "
            f"{_of(encoder['positions'])} positions, {_weight(encoder, sizes['encoder'])}",
        ),
        ("mapper", f"{' → '.join(f'{size:,}' for size in mapper['shape'])}, {_weight(mapper, sizes['mapper'])}"),
        ("", f"its soft tokens settle, sharpness {mapper['sharpness']:g}" if mapper["sharpness"] else ""),
        ("", _mapper_health(mapper["health"])),
    ]
    if facts["voice"]:
        rows.append(("voice", f"writes its own tokens, {_weight(facts['voice'], sizes['voice'])}"))
    if lora:
        targets = ", ".join(lora["targets"]) if isinstance(lora["targets"], list) else _of(lora["targets"])
        shape = f"rank {_of(lora['rank'])}, alpha {_of(lora['alpha'])} on {targets}"
        rows.append(("LoRA", f"{shape}, {_weight(lora, sizes['lora'])}"))
        rows.append(("", _lora_health(lora["health"])))
    else:
        rows.append(("LoRA", "none: the base is not tuned"))
    rows.append(("all parts", decimal(sum(sizes.values()))))
    rows.append(("made with", f"newtongue {facts['newtongue_version']}, format {facts['format_version']}"))
    return [row for row in rows if row[1]]


def _mapper_health(health: dict[str, Any] | None) -> str:
    if health is None:
        return "not read"
    if not health["finite"]:
        return "BROKEN: some weights are infinite or no numbers; train it again from an earlier checkpoint"
    soft = health["soft_tokens"]
    text = f"soft tokens {soft:.2f} and boundaries {health['boundaries']:.2f} times the size of an embedding"
    return text if 1 / FAR < soft < FAR else f"{text}: FAR from the base's own, which it may not understand"


def _lora_health(health: dict[str, bool] | None) -> str:
    if health is None:
        return ""
    if not health["finite"]:
        return "BROKEN: some weights are infinite or no numbers; train it again from an earlier checkpoint"
    return "" if health["changes_the_base"] else "changes nothing: it has not been trained"


def _notes(notes: dict[str, Any]) -> list[RenderableType]:
    """What the maker says: data, training, licence, limits, results."""
    shown: list[RenderableType] = []
    for heading, body in notes.items():
        shown += [Text(), Text(heading, style="bold")]
        if isinstance(body, list) and body and all(isinstance(row, dict) for row in body):
            table = Table(box=None, padding=(0, 2, 0, 0))
            for key in body[0]:
                table.add_column(Text(str(key)))
            for row in body:
                table.add_row(*(Text(str(row.get(key, ""))) for key in body[0]))
            shown.append(table)
        elif isinstance(body, dict):
            shown.append(Text(", ".join(f"{key}: {value}" for key, value in body.items())))
        else:
            shown.append(Text("\n".join(map(str, body)) if isinstance(body, list) else str(body)))
    return shown


def _weight(part: dict[str, Any], size: int) -> str:
    return f"{_of(part['parameters'])} parameters, {decimal(size)}"


def _of(value: Any) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,}" if isinstance(value, int) else str(value)
