"""What the Hub reads of a card: the fields it searches, links and checks."""

import re
from typing import TYPE_CHECKING, Any, cast

from huggingface_hub import ModelCardData

from newtongue.base import is_hub_id
from newtongue.languages import language_name
from newtongue.saving.config import ModalityConfig

from .licences import LICENCES
from .results import as_eval_results, read_results

if TYPE_CHECKING:
    from peft import LoraConfig  # Slow to import, and nothing here needs more than its fields.


def metadata(config: ModalityConfig, lora: "LoraConfig | None") -> ModelCardData:
    """The card's metadata; what the Hub would refuse is said in its own way or left out.

    A licence that is not on the Hub's list becomes `other` with its name, and a data set that is no Hub id stays in
    the text alone.
    """
    notes = config.notes
    base = config.base
    datasets = [name for name in _listed(notes.get("datasets")) if is_hub_id(name)]
    results = as_eval_results(read_results(notes))
    return ModelCardData(
        language=[config.language.split("-")[0].lower()],
        library_name="newtongue",
        pipeline_tag="text-generation",
        base_model=base.id if base.on_hub else None,
        base_model_relation="adapter" if base.on_hub else None,
        datasets=datasets or None,
        tags=["newtongue", "modality-adapter", *(["lora"] if lora else [])],
        model_name=f"{language_name(config.language)} for {base.id or base.architecture}" if results else None,
        eval_results=results or None,
        **cast(Any, _licence(notes.get("licence"))),
    )


def _licence(name: object) -> dict[str, str]:
    if not name:
        return {}
    given = re.sub(r"\s+", "-", str(name).strip()).lower()
    return {"license": given} if given in LICENCES else {"license": "other", "license_name": given}


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []
