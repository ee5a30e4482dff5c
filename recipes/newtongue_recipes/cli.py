"""The command line, `newtongue`. Heavy imports wait until a command needs them."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    help="Teach a language model a new language as a modality.",
    epilog="Start with: newtongue demo --output demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
console = Console()


@app.callback()
def options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Options before the command."""
    context.obj = debug


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder for adapters, base, report and pictures.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of data order, fresh weights and dropout.")] = 0,
    raw_lora: Annotated[bool, typer.Option(help="Also train the control, LoRA on raw text.")] = True,
    overwrite: Annotated[bool, typer.Option(help="Replace an earlier demo in the folder.")] = False,
) -> None:
    """Teach a tiny Phi Turkish and Japanese, offline, in minutes, and score it.

    Example: `newtongue demo --output demo --no-raw-lora`
    """
    from rich.markdown import Markdown

    from newtongue_recipes.demo.run import run_demo
    from newtongue_recipes.demo.summary import score_table

    report = run_demo(output, seed=seed, raw_lora=raw_lora, overwrite=overwrite, console=console)
    console.print(Markdown(score_table(report)))
    same = "identical to the bare base's" if report["english_identical"] else "NOT those of the bare base"
    console.print(f"English answers and logits with both adapters attached: {same}.")
    console.print(f"{report['seconds']:.0f} seconds without the raw-text control. Report: {output / 'report.md'}")
    console.print(f'Ask it yourself: newtongue ask {output / "tr"} "Fransa\'nın başkenti neresidir?"')


@app.command()
def ask(
    adapter: Annotated[str, typer.Argument(help="Adapter: a folder or a Hub id.")],
    question: Annotated[str, typer.Argument(help="What to ask, in the adapter's language.")],
    base: Annotated[str | None, typer.Option(help="Base model, where it is not the one the adapter names.")] = None,
    four_bit: Annotated[bool, typer.Option(help="Load the base in NF4.")] = True,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 128,
) -> None:
    """Ask a question in the language of an adapter.

    Example: `newtongue ask demo/tr "Japonya'nın başkenti neresidir?"`
    """
    from newtongue_recipes.asking import ask_one

    console.print(ask_one(adapter, question, base=base, four_bit=four_bit, max_new_tokens=max_new_tokens))


def main() -> None:
    """Run the command line; errors of ours are one readable message and exit code 2."""
    from newtongue.errors import NewtongueError

    try:
        app(standalone_mode=True)
    except NewtongueError as error:
        if "--debug" in sys.argv:
            raise
        Console(stderr=True).print(f"[bold red]Error:[/] {error}", highlight=False)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
