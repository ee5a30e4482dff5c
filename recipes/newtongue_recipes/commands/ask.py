"""`newtongue ask`: one question, one answer."""

from typing import Annotated

import typer

from newtongue_recipes.commands import console
from newtongue_recipes.commands.options import Adapter, Base, FourBit


def ask(
    adapter: Adapter,
    question: Annotated[str, typer.Argument(help="What to ask, in the adapter's language.")],
    then: Annotated[str, typer.Option(help="English words after it, which the base reads itself.")] = "",
    base: Base = None,
    four_bit: FourBit = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 128,
    gloss: Annotated[
        bool, typer.Option("--gloss", help="First the base's tokens that the question is read as.")
    ] = False,
) -> None:
    """Ask a question in the language of an adapter.

    Examples: `newtongue ask demo/tr "Japonya'nın başkenti neresidir?"` is answered in English, and with
    `--then "Answer in Turkish."`, as its lessons put it, in Turkish.
    """
    from newtongue_recipes.asking import ask_one

    said = ask_one(
        adapter, question, then=then, base=base, four_bit=four_bit, max_new_tokens=max_new_tokens, gloss=gloss
    )
    console.print(said, markup=False, highlight=False, soft_wrap=True)
