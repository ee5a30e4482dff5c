"""The model card of an adapter, written from what the adapter knows about itself."""

from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData
from peft import LoraConfig

from .config import ModalityConfig
from .languages import language_name

_CARD = """---
{metadata}
---

# {name} for {base}

A modality adapter: it teaches **{base}** to read {name} (`{tag}`). An encoder with its own tokenizer reads the
{name} text, a mapper carries what it read into the base's embedding space, and {tuning}. Rows without
{name} run on the bare base, so what it says in English is unchanged.

## Attach it

```python
from transformers import AutoModelForCausalLM
from newtongue import ModalityAdapter

base = AutoModelForCausalLM.from_pretrained("{base}")
model = ModalityAdapter.from_pretrained("path/or/hub-id").attach(base)
ids = model.tokenizer("…", language="{tag}", return_tensors="pt")
print(model.tokenizer.decode(model.generate(**ids)[0]))
```

## What is inside

| part | |
|---|---|
| vocabulary | {vocabulary:,} ids |
| mapper | {encoder_width} → {hidden} → {base_width} |
| LoRA | {lora} |
| base | {base}{revision}, {rows:,} embedding rows of width {width} |
| made with | newtongue {version} |
{notes}"""


def write_card(folder: Path, config: ModalityConfig, lora: LoraConfig | None) -> None:
    """Write `README.md` into an adapter's folder.

    `config.notes` may hold `licence` (an SPDX id), `datasets` (Hub ids), and any other heading with text, a list
    or a table (a list of dictionaries with the same keys) under it.
    """
    base = config.base.id or f"a {config.base.architecture} model built in memory"
    on_hub = config.base.id.count("/") == 1 and not config.base.id.startswith((".", "/"))
    notes = dict(config.notes)
    metadata = ModelCardData(
        language=config.language,
        license=notes.pop("licence", None),
        library_name="newtongue",
        pipeline_tag="text-generation",
        base_model=config.base.id if on_hub else None,
        base_model_relation="adapter" if on_hub else None,
        datasets=notes.pop("datasets", None),
        tags=["newtongue", "modality-adapter", *(["lora"] if lora else [])],
    )
    text = _CARD.format(
        metadata=metadata.to_yaml(),
        name=language_name(config.language),
        tag=config.language,
        base=base,
        tuning=f"LoRA of rank {lora.r} tunes it to answer" if lora else "the base itself is not tuned",
        lora=f"rank {lora.r}, alpha {lora.lora_alpha}" if lora else "none",
        vocabulary=config.vocabulary,
        encoder_width=config.mapper.encoder_width,
        hidden=config.mapper.hidden,
        base_width=config.mapper.base_width,
        revision=f" at {config.base.revision}" if config.base.revision else "",
        rows=config.base.rows,
        width=config.base.width,
        version=config.newtongue_version,
        notes="".join(
            f"\n## {heading[:1].upper()}{heading[1:]}\n\n{_render(body)}\n" for heading, body in notes.items()
        ),
    )
    ModelCard(text, ignore_metadata_errors=True).save(folder / "README.md")


def _render(body: Any) -> str:
    """A note as Markdown: a table, a list or a paragraph."""
    if isinstance(body, list) and body and all(isinstance(row, dict) for row in body):
        head = list(body[0])
        rows = [head, ["---"] * len(head), *([row.get(key, "") for key in head] for row in body)]
        return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)
    if isinstance(body, dict):
        return "\n".join(f"- {key}: {value}" for key, value in body.items())
    if isinstance(body, list):
        return "\n".join(f"- {item}" for item in body)
    return str(body)
