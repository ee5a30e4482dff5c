"""The page: languages, a log, a line to type in, settings."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from threading import Lock
from typing import Any

import gradio as gr

from newtongue import AttachedModel, NewtongueError
from newtongue.languages import AUTO, language_name

from .log import render
from .session import Session

CSS = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
THEME = gr.themes.Base(
    font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
)  # None from elsewhere.
BASE = "base"


def build(
    model: AttachedModel, *, language: str | None = AUTO, max_new_tokens: int = 256, temperature: float = 0.0
) -> gr.Blocks:
    """The page of a model with its languages attached.

    Args:
        model: the base with its languages.
        language: what messages are read in at first; None for the base's own.
        max_new_tokens, temperature: what the settings say at first.

    Raises:
        NewtongueError: the base has no chat template.
    """
    lock = Lock()
    Session(model, lock)  # A page that could not answer is not opened.
    attached = model.languages
    name = Path(model.name_or_path or "the base").name

    def choices(languages: Sequence[str]) -> list[tuple[str, str]]:
        return [("as written", AUTO), *((language_name(tag), tag) for tag in languages), ("raw text", BASE)]

    page: gr.Blocks
    with gr.Blocks(title=f"newtongue · {name}", analytics_enabled=False, fill_height=True) as page:
        session = gr.State(None)
        gr.HTML(_header(name, attached), padding=False)
        log = gr.HTML(render([], attached), elem_id="nt-log", padding=False)
        with gr.Row(elem_id="nt-say"):
            text = gr.Textbox(
                "",
                placeholder="Write a message",
                lines=1,
                max_lines=6,
                autofocus=True,
                show_label=False,
                container=False,
                elem_id="nt-message",
                scale=6,
            )
            send = gr.Button("Send", variant="primary", elem_id="nt-send", scale=0, min_width=90)
            stop = gr.Button("Stop", variant="stop", elem_id="nt-stop", scale=0, min_width=90, visible=False)
        with gr.Row(elem_id="nt-options"):
            how = gr.Radio(
                choices(attached),
                value=language or BASE,
                label="Read messages",
                container=False,
                elem_id="nt-language",
                scale=3,
                min_width=0,
            )
            compare = gr.Checkbox(
                label="Compare with the bare base", container=False, elem_id="nt-compare", scale=2, min_width=0
            )
            again = gr.Button("New conversation", size="sm", elem_id="nt-again", scale=0, min_width=140)
        with gr.Accordion("Settings", open=False, elem_id="nt-settings"):
            picked = gr.CheckboxGroup(
                [(language_name(tag), tag) for tag in attached],
                value=list(attached),
                label="Adapters in use",
                info="Those that “as written” chooses from.",
                elem_id="nt-adapters",
            )
            system = gr.Textbox("", label="Instructions for the whole chat", lines=2, elem_id="nt-system")
            longest = _slider(8, 1024, max_new_tokens, step=1, label="Longest answer, in tokens")
            heat = _slider(0.0, 1.5, temperature, step=0.1, label="Temperature; 0: the likeliest token")

        def ask(
            talk: Session | None,
            said: str,
            read: str,
            beside: bool,
            tongues: list[str],
            orders: str,
            most: int,
            warm: float,
        ) -> Iterator[Any]:
            talk = talk or Session(model, lock)
            if not said.strip():
                yield talk, gr.skip(), said, gr.skip(), gr.skip()
                return
            try:
                talk.set([tag for tag in attached if tag in tongues], orders, int(most), warm)
            except NewtongueError as error:
                raise gr.Error(str(error), title="Settings") from error
            writing = True
            for _ in talk.ask(said.strip(), None if read == BASE else read, compare=beside):
                yield talk, render(talk.exchanges, attached), "", gr.update(visible=False), gr.update(visible=writing)
            failed = talk.exchanges and talk.exchanges[-1].error
            yield talk, gr.skip(), said if failed else gr.skip(), gr.update(visible=True), gr.update(visible=False)

        def forget(talk: Session | None) -> str:
            if talk:
                talk.forget()
            return render([], attached)

        def pick(tongues: list[str], read: str) -> Any:
            left = [tag for tag in attached if tag in tongues]
            return gr.update(choices=choices(left), value=read if read in (*left, AUTO, BASE) else AUTO)

        gr.on(
            [text.submit, send.click],
            ask,
            [session, text, how, compare, picked, system, longest, heat],
            [session, log, text, send, stop],
            concurrency_limit=1,
            show_progress="hidden",
            trigger_mode="once",
        )
        stop.click(lambda talk: talk.stop() if talk else None, session, None, queue=False, show_progress="hidden")
        again.click(forget, session, log, queue=False, show_progress="hidden")
        picked.change(pick, [picked, how], how, queue=False, show_progress="hidden")
    return page


def _slider(least: float, most: float, value: float, **options: Any) -> gr.Slider:
    """A slider as wide as the value it starts at needs: gradio refuses every message while one is out of bounds."""
    return gr.Slider(min(least, value), max(most, value), value=value, **options)


def _header(name: str, attached: Sequence[str]) -> str:
    spoken = " and ".join(language_name(tag) for tag in attached)
    said = f"{spoken} on {name}"
    return f'<header class="nt-header"><h1>newtongue</h1><p>{escape(said)}</p></header>'


def launch(page: gr.Blocks, **options: Any) -> Any:
    """Serve the page as gradio's `launch` does, in its own looks."""
    return page.launch(css=CSS, theme=THEME, footer_links=[], show_error=True, **options)
