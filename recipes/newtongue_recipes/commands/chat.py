"""`newtongue chat`: questions and answers in a terminal."""

from typing import Annotated

import typer

from newtongue_recipes.commands import console
from newtongue_recipes.commands.options import Base, FourBit


def chat(
    adapters: Annotated[list[str], typer.Argument(help="Adapters, folders or Hub ids, attached all at once.")],
    base: Base = None,
    four_bit: FourBit = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 256,
    language: Annotated[
        str | None, typer.Option(help="Read messages in it at first; base: no adapter; auto: as they are written.")
    ] = None,
    temperature: Annotated[float, typer.Option(min=0.0, max=100.0, help="Of sampling; 0: the likeliest token.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of sampling.")] = 0,
    web: Annotated[bool, typer.Option("--web", help="In a page of the browser; needs newtongue[web].")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the page, on this machine alone.")] = 7860,
) -> None:
    """Chat in the languages of one or several adapters.

    Inside, `/lang ja` switches the language, `/help` lists what else there is; Ctrl-C stops an answer, Ctrl-D
    leaves. Piped lines are answered one by one, and standard output then holds the answers alone.

    With `--web` a page opens instead, which compares with the bare base side by side.

    Example: `newtongue chat demo/tr demo/ja --language ja`
    """
    import torch
    from rich.console import Console

    from newtongue_recipes.attaching import attach_all, load_adapters
    from newtongue_recipes.chat.conversation import Conversation
    from newtongue_recipes.chat.terminal import Chat, pick_language, typed_lines
    from newtongue_recipes.chat.web import need_gradio, need_port

    if web:
        need_gradio()
        need_port(port)
    notes = Console(stderr=True)
    loaded = load_adapters(adapters, notes)
    spoken = [adapter.language for adapter in loaded]
    first = pick_language(
        language or ("auto" if web else spoken[0]), spoken
    )  # Before the base, which takes a while, is loaded.
    model = attach_all(adapters, loaded, base=base, four_bit=four_bit, console=notes)
    torch.manual_seed(seed)
    if web:
        from newtongue_recipes.chat.web.page import build, launch

        page = build(model, language=first, max_new_tokens=max_new_tokens, temperature=temperature)
        launch(page, server_port=port)
        return
    conversation = Conversation(model, max_new_tokens=max_new_tokens, temperature=temperature)
    talk = Chat(conversation, first, answers=console, notes=notes)
    talk.greet()
    talk.run(typed_lines(lambda: talk.prompt, notes))
