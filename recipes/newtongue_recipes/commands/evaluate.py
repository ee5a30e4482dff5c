"""`newtongue evaluate`: what an adapter can do, beside what could sink it."""

from pathlib import Path
from typing import Annotated

import typer

from newtongue_recipes.commands import console
from newtongue_recipes.commands.options import Adapter, Base, FourBit


def evaluate(
    adapter: Adapter,
    output: Annotated[Path, typer.Option(help="Folder for the results and the report.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Questions (JSONL) or sentence pairs (TSV): a file, or a folder of them. Repeatable."),
    ] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(help="`atlas`, or how a file's name begins. Repeatable; all files if none."),
    ] = None,
    baselines: Annotated[
        list[str] | None,
        typer.Option(help="A control, or a folder of results to stand beside. Repeatable; all controls if none."),
    ] = None,
    base: Base = None,
    four_bit: FourBit = None,
    tokenizer: Annotated[
        list[str] | None, typer.Option(help="A vocabulary to count positions in: a folder or a Hub id. Repeatable.")
    ] = None,
    say: Annotated[str, typer.Option(help="What the user says before a sentence that is only read.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Most questions, and most pairs, of a task.")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 32,
    batch: Annotated[int, typer.Option(min=1, help="Questions at a time.")] = 64,
    card: Annotated[bool, typer.Option("--card", help="Write the scores into the adapter's model card.")] = False,
) -> None:
    """Ask an adapter, look at it, and report: JSON, Markdown and one page with pictures.

    Example: `newtongue evaluate demo/tr --tasks atlas --limit 200 --output judged`

    Controls need no training: translate-test (the bare base, asked in English), bare (raw text), swapped (another
    question), zeroed and shuffled (soft tokens), chance. `docs/evaluation.md` says what files look like. One that
    was stopped goes on by the same command.
    """
    from newtongue_recipes.judging.command import judge
    from newtongue_recipes.judging.evaluation import Evaluation

    evaluation = Evaluation(
        adapter,
        base=base,
        four_bit=four_bit,
        data=data or (),
        tasks=tasks or (),
        tokenizers=tokenizer or (),
        say=say,
        limit=limit,
        max_new_tokens=max_new_tokens,
        batch=batch,
        console=console,
    )
    judge(evaluation, output, baselines or (), card=card)
