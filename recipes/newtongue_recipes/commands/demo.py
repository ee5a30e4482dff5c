"""`newtongue demo`: the main job, offline."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from newtongue_recipes.commands import console


def demo(
    output: Annotated[Path, typer.Option(help="Folder for adapters, base, report and pictures.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of data order, fresh weights and dropout.")] = 0,
    raw_lora: Annotated[bool, typer.Option(help="Also train the control, LoRA on raw text.")] = True,
    voice: Annotated[bool, typer.Option(help="Write answers in a language in its own tokens.")] = True,
    overwrite: Annotated[bool, typer.Option(help="Replace an earlier demo in the folder.")] = False,
) -> None:
    """Teach a tiny Phi Turkish and Japanese, offline, in minutes, and score it.

    Example: `newtongue demo --output demo --no-raw-lora`
    """
    from rich.markdown import Markdown

    from newtongue_recipes.demo.run import run_demo
    from newtongue_recipes.demo.summary import score_table
    from newtongue_recipes.demo.teach import demo_curriculum

    curriculum = demo_curriculum() if voice else demo_curriculum().without_voice()
    report = run_demo(output, seed=seed, raw_lora=raw_lora, overwrite=overwrite, curriculum=curriculum, console=console)
    console.print(Markdown(score_table(report)))
    same = "identical to the bare base's" if report["english_identical"] else "NOT those of the bare base"
    console.print(f"English answers and logits with both adapters attached: {same}.")
    console.print(f"{report['seconds']:.0f} seconds without the raw-text control. Report: {output / 'report.md'}")
    asked = f'newtongue ask {shlex.quote(str(output / "tr"))} "Fransa\'nın başkenti neresidir?"'
    console.print(f"Ask it yourself: {asked}", markup=False, highlight=False, soft_wrap=True)
    console.print('To be answered in Turkish: --then "Answer in Turkish."')
