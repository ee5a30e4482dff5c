"""Whether a base and adapters belong together, told before a Space of them is written, from configurations alone."""

from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from newtongue import NewtongueError
from newtongue.base import BaseInfo, is_hub_id
from newtongue.saving.config import CONFIG_NAME

PARTS = ("architecture", "width", "rows")  # Which attaching compares too.


def check_fit(wanted: Mapping[str, BaseInfo], base: str, *, given: bool) -> None:
    """See that a Space could attach its adapters to its base.

    Of a base on the Hub nothing is loaded: its adapters are compared with one another.

    Args:
        wanted: by adapter, the base that it was made for; one at least.
        base: folder or Hub id.
        given: the user named it, which vouches for adapters that know it by other names.

    Raises:
        NewtongueError: `base` is neither a folder of a base nor a Hub id, or an adapter is for another one.
    """
    first, like = next(iter(wanted.items()))
    other, whose = like, f"that of {first}"
    if Path(base).is_dir():
        other, whose = _read(base), repr(base)
    elif not is_hub_id(base) and not any(base == one.id and one.on_hub for one in wanted.values()):
        raise NewtongueError(
            f"The base {base!r} is no folder here, nor a Hub id of the form 'owner/name'. Name either with --base."
        )
    for name, info in wanted.items():
        for part in PARTS:
            if getattr(info, part) != getattr(other, part):
                raise NewtongueError(
                    f"{name} was made for a base with {part} {getattr(info, part)}, {info.id or 'of no name'}, and "
                    f"{whose} has {getattr(other, part)}. Name the base it was made for with --base, or leave it out."
                )
        if not given and info.id and like.id and Path(info.id).name != Path(like.id).name:
            raise NewtongueError(
                f"{name} was made for {info.id!r} and {first} for {like.id!r}. Leave one out, or name the base with "
                "--base if both hold the same weights."
            )


def _read(folder: str) -> BaseInfo:
    """What the base in a folder is, by its configuration."""
    if (Path(folder) / CONFIG_NAME).is_file():
        raise NewtongueError(f"The base {folder!r} is an adapter. Name with --base the base that it was made for.")
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        with torch.device("meta"):  # Shapes alone.
            return BaseInfo.of(AutoModelForCausalLM.from_config(config, trust_remote_code=False))
    except (OSError, ValueError, ImportError) as error:
        raise NewtongueError(
            f"The base {folder!r} cannot be read: {error} Name with --base a folder with the config.json of a causal "
            "language model, or a Hub id."
        ) from error
