"""What people read of a card: what the adapter is, how to attach it, what it can do and what it must not."""

from typing import TYPE_CHECKING, Any

from newtongue.base import BaseInfo
from newtongue.languages import language_name
from newtongue.saving.config import ModalityConfig

from .markdown import render, table
from .results import as_markdown, read_results

if TYPE_CHECKING:
    from peft import LoraConfig  # Slow to import, and nothing here needs more than its fields.

_INTRO = """# {name} for {base}

A modality adapter: it teaches **{base}** to read {name} (`{tag}`). An encoder with its own tokenizer reads the {name}
text, a mapper carries what it read into the base's embedding space, and {tuning}. Rows without {name} run on the bare
base: what it says in English is unchanged, to the last bit.

## Attach it

```python
from transformers import AutoModelForCausalLM
from newtongue import ModalityAdapter

base = AutoModelForCausalLM.from_pretrained({load})
model = ModalityAdapter.from_pretrained("{here}").attach(base)

ids = model.tokenizer({example}, language="{tag}", return_tensors="pt")
answer = model.generate(**ids, max_new_tokens=64)
print(model.tokenizer.decode(answer[0, ids["input_ids"].shape[1] :], skip_special_tokens=True))
```

`pip install newtongue`; in a terminal, `newtongue chat {here}`. {where}
"""
_SECTIONS = ("data", "results", "positions", "training", "cost", "limits", "misuse", "citation")
_TITLES = {"misuse": "Not to be used for", "positions": "Positions saved"}
_NOT_SECTIONS = ("licence", "datasets", "example")
_DEFAULTS = {
    "data": "Not recorded.",
    "results": "None were recorded: what this adapter can do has not been measured.",
    "misuse": "Anything where a wrong answer does harm and nobody checks it: it answers as freely as its base, with "
    "its base's knowledge and prejudices, and may misread the language besides.",
    "citation": "The method is that of Cohere For AI, *Teaching LLMs new spoken languages*, 2025; the adapter was made "
    "with newtongue {version}.",
}
_SPELLS = "It spells what it says in {name} in the base's own vocabulary, which is slower and weaker than its reading."
_LIMITS = ("What it knows is what its base knows, learnt from the base's own languages.",)


def body(config: ModalityConfig, lora: "LoraConfig | None", here: str) -> str:
    """The card without its metadata.

    Args:
        here: the adapter's own Hub id.
    """
    base, name = config.base, language_name(config.language)
    intro = _INTRO.format(
        name=name,
        tag=config.language,
        base=_called(base),
        tuning=f"LoRA of rank {lora.r} tunes it to answer" if lora else "the base itself is not tuned",
        load=_load(base),
        here=here,
        example=_quoted(str(config.notes.get("example") or "…")),
        where=_where(base),
    )
    own = [key for key in config.notes if key not in (*_SECTIONS, *_NOT_SECTIONS)]
    parts = [intro, f"## What is inside\n\n{_inside(config, lora)}\n"]
    for key in (*_SECTIONS, *own):
        text = _section(key, config, name)
        if text:
            title = _TITLES.get(key, f"{key[:1].upper()}{key[1:]}")
            parts.append(f"## {title}\n\n{text}\n")
    return "\n".join(parts)


def _section(key: str, config: ModalityConfig, name: str) -> str:
    note = config.notes.get(key)
    if key == "results" and (results := read_results(config.notes)):
        return as_markdown(results)
    if key == "limits":
        said = "" if note is None else f"{render(note)}\n\n"
        limits = _LIMITS if config.writes else (_SPELLS, *_LIMITS)
        return said + "\n".join(f"- {one.format(name=name)}" for one in limits)
    text = render(note) if note else _DEFAULTS.get(key, "").format(version=config.newtongue_version)
    if key == "data":
        text += f"\n\nLicence of the adapter: {config.notes.get('licence') or 'not stated'}."
    return text


def _inside(config: ModalityConfig, lora: "LoraConfig | None") -> str:
    base, mapper = config.base, config.mapper
    at = f" at {base.revision}" if base.revision else ""
    bits = {True: ", in 4 bits", False: ", not quantised", None: ""}[base.four_bit]
    shape = f"{base.architecture}, {base.rows:,} embedding rows of width {base.width:,}"
    rows: list[list[Any]] = [
        ["base", f"{_called(base)}{at}: {shape}{bits}"],
        ["vocabulary", f"{config.vocabulary:,} ids"],
        ["mapper", f"{mapper.encoder_width:,} → {mapper.hidden:,} → {mapper.base_width:,}"],
        *([["voice", "writes its own tokens"]] if config.writes else []),
        ["LoRA", f"rank {lora.r}, alpha {lora.lora_alpha}" if lora else "none"],
        ["made with", f"newtongue {config.newtongue_version}"],
    ]
    return table(["part", ""], rows)


def _called(base: BaseInfo) -> str:
    return base.id or f"a {base.architecture} made in memory"


def _load(base: BaseInfo) -> str:
    at = f", revision={_quoted(base.revision)}" if base.revision and base.on_hub else ""
    return (_quoted(base.id) if base.on_hub else '"path/to/its/base"') + at


def _where(base: BaseInfo) -> str:
    if base.on_hub:
        return "Any way of loading that base will do, in 4 bits too."
    return (
        f"The base is not on the Hub under a name that the adapter knows: it was a {base.architecture} in a folder "
        "of its maker, and no other will do."
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
