"""The chat page without a browser: what a session shows, and what its HTML lets through."""

import socket
from threading import Lock

import pytest
import torch

import tiny
from newtongue.spans.markup import mark
from newtongue_recipes.chat.conversation import Turn
from newtongue_recipes.chat.web import need_gradio
from newtongue_recipes.chat.web.exchanges import Answer, Exchange
from newtongue_recipes.chat.web.log import figures, render
from newtongue_recipes.chat.web.session import BARE, Session
from running import newtongue
from worlds import bare_twin, world

TURKISH, JAPANESE = "Fransa'nın başkenti neresidir?", "フランスの首都はどこですか。"


def session(max_new_tokens: int = 4) -> Session:
    talk = Session(world(), Lock())
    talk.set(["tr", "ja"], "", max_new_tokens, 0.0)
    return talk


def ask(talk: Session, text: str, language: str | None = "auto", *, compare: bool = False) -> Exchange:
    for _ in talk.ask(text, language, compare=compare):
        pass
    return talk.exchanges[-1]


def test_an_answer_comes_piece_by_piece_and_ends_with_its_figures() -> None:
    talk, seen = session(max_new_tokens=40), list[str]()
    for _ in talk.ask(TURKISH, "auto", compare=False):
        seen.append(talk.exchanges[-1].answers[0].text)
    answer = talk.exchanges[-1].answers[0]
    assert len(set(seen)) > 2
    assert all(answer.text.startswith(text) for text in seen)
    assert answer.turn is not None and answer.turn.text == answer.text
    assert answer.turn.languages == ("tr",)


def test_beside_it_the_bare_base_answers_as_it_does_without_adapters() -> None:
    talk = session()
    exchange = ask(talk, TURKISH, compare=True)
    assert [answer.by for answer in exchange.answers][1] == BARE
    tokenizer = tiny.base_tokenizer()
    said = [{"role": "user", "content": TURKISH}]
    ids = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    written = bare_twin().generate(**ids, max_new_tokens=4, do_sample=False)
    expected = tokenizer.decode(written[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
    assert exchange.answers[1].text == expected.rstrip("\ufffd").strip()
    assert exchange.answers[1].turn is not None and exchange.answers[1].turn.tuned_for is None


def test_languages_change_and_mix_and_each_message_shows_which_were_read() -> None:
    talk = session()
    assert ask(talk, TURKISH).question == [("tr", TURKISH)]
    assert ask(talk, TURKISH, None).question == [(None, TURKISH)]
    assert [language for language, _ in ask(talk, f"{TURKISH} {JAPANESE}").question] == ["tr", None, "ja"]
    talk.set(["ja"], "", 4, 0.0)
    assert ask(talk, TURKISH).question == [(None, TURKISH)]


@pytest.mark.parametrize(
    "given",
    [{}, {"max_new_tokens": 2000}, {"max_new_tokens": 5}, {"temperature": 2.0}, {"max_new_tokens": 301}],
    ids=str,
)
def test_the_settings_of_a_page_take_what_it_was_opened_with(given: dict[str, float]) -> None:
    """Else gradio refuses every message, before it is seen."""
    gradio = pytest.importorskip("gradio", reason="gradio is not installed: pip install 'newtongue[web]'")
    from newtongue_recipes.chat.web.page import build

    page = build(world(), **given)  # type: ignore[arg-type]
    sliders = [one for one in page.blocks.values() if isinstance(one, gradio.Slider)]
    expected = {"max_new_tokens": 256, "temperature": 0.0} | given
    assert [one.preprocess(one.value) for one in sliders] == list(expected.values())


@pytest.mark.parametrize("text,said", [("Su " * 300, "Shorten it"), ("caf\ud800?", r"'\ud800' is no character")])
def test_an_error_is_shown_and_the_chat_goes_on(text: str, said: str) -> None:
    talk = session()
    failed = ask(talk, text, "tr")
    assert said in failed.error and not failed.answers
    assert render([failed], ["tr", "ja"]).encode()
    assert not ask(talk, TURKISH).error


def test_what_breaks_while_answering_is_not_lost_in_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError

    talk = session()
    monkeypatch.setattr(world(), "generate", full, raising=False)
    failed = ask(talk, TURKISH, "tr")
    assert "memory does not hold" in failed.error and not failed.answers


def test_a_bug_while_answering_is_shown_and_the_chat_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("sizes do not match")

    talk = session()
    with monkeypatch.context() as patch:
        patch.setattr(world(), "generate", broken, raising=False)
        failed = ask(talk, TURKISH, "tr")
    assert failed.error == "RuntimeError: sizes do not match" and not failed.answers
    assert not ask(talk, TURKISH).error


def test_a_stop_ends_the_answer_and_the_comparison() -> None:
    talk = session(max_new_tokens=150)
    for _ in talk.ask(TURKISH, "tr", compare=True):
        talk.stop()
    assert len(talk.exchanges[-1].answers) == 1
    turn = talk.exchanges[-1].answers[0].turn
    assert turn is not None and turn.stopped and turn.tokens < 150


def test_a_visitor_who_leaves_stops_the_answer() -> None:
    talk = session(max_new_tokens=150)
    steps = talk.ask(TURKISH, "tr", compare=False)
    for _ in range(3):
        next(steps)
    steps.close()  # type: ignore[attr-defined]
    turn = talk.exchanges[-1].answers[0].turn
    assert turn is not None and turn.tokens < 150


def test_a_new_conversation_forgets_the_old_one_even_while_it_answers() -> None:
    talk = session(max_new_tokens=100)
    for step, _ in enumerate(talk.ask(TURKISH, "tr", compare=False)):
        if step == 2:
            talk.forget()
    assert talk.exchanges == []
    talk.set(["tr", "ja"], "", 4, 0.0)
    assert ask(talk, "Su ne?").question == [(None, "Su ne?")]  # Nothing before to go by.


def test_nothing_that_is_said_becomes_html() -> None:
    nasty = '<img src=x onerror=alert(1)>&"'
    turn = Turn(("tr",), "tr", nasty, positions=1, raw_positions=2, tokens=1, seconds=2.0, stopped=True)
    shown = render([Exchange([("tr", nasty), (None, nasty)], [Answer(nasty, nasty, turn)], [nasty], nasty)], ["tr"])
    assert "<img" not in shown and shown.count("&lt;img") == 6
    assert 'lang="tr"' in shown and 'dir="auto"' in shown


def test_figures_name_language_positions_against_raw_text_and_time() -> None:
    turn = Turn(("tr", "ja"), "ja", "x", positions=9, raw_positions=21, tokens=1, seconds=0.25, stopped=False)
    assert figures(turn) == ["read as Turkish and Japanese", "9 positions, 21 as raw text", "1 token in 250 ms"]
    later = Turn((), "ja", "x", positions=7, raw_positions=7, tokens=3, seconds=1.25, stopped=True)
    assert figures(later) == ["read by the base", "LoRA of Japanese", "7 positions", "3 tokens in 1.2 s", "stopped"]


def test_marks_in_what_was_typed_do_not_reach_the_page_as_languages_that_are_not_there() -> None:
    failed = ask(session(), mark("x", "de"))
    assert "'de'" in failed.error


def test_without_gradio_the_page_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("newtongue_recipes.chat.web.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"newtongue\[web\]"):
        need_gradio()
    assert newtongue(monkeypatch, "chat", "no/adapter", "--web") == 2
    assert "pip install 'newtongue[web]'" in capsys.readouterr().err.replace("\n", " ")


def test_a_port_in_use_is_told_before_the_base_is_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("newtongue_recipes.chat.web.find_spec", lambda name: name)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert newtongue(monkeypatch, "chat", "no/adapter", "--web", "--port", port) == 2
    assert f"Port {port} cannot be used: Address already in use" in capsys.readouterr().err
