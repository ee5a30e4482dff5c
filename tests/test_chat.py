"""The chat: what a base reads of a conversation, answers as they come, the terminal around them."""

import json
import os
import pty
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

import tiny
from newtongue import AttachedModel, BaseMismatchError, LanguageError, ModalityAdapter, NewtongueError
from newtongue.base import BaseInfo
from newtongue_recipes.attaching import attach_all, load_adapters
from newtongue_recipes.chat.conversation import Conversation, Turn
from newtongue_recipes.chat.messages import answered
from newtongue_recipes.chat.streaming import Streamer, stop_on_interrupt
from newtongue_recipes.chat.terminal import Chat, describe, pick_language, typed_lines
from newtongue_recipes.data.conversations import contents
from newtongue_recipes.loading import base_of, load_base_of
from newtongue_recipes.settings import Training, Tune
from newtongue_recipes.stages.fitting import fitting
from running import newtongue
from worlds import adapter_for, attach_two, bare_base, shake_lora, voiced, world

TURKISH = "Fransa'nın başkenti neresidir?"
JAPANESE = "フランスの首都はどこですか。"


def conversation(model: AttachedModel | None = None, **options: float) -> Conversation:
    return Conversation(model or world(), **{"max_new_tokens": 4, **options})  # type: ignore[arg-type]


def chat(*lines: str, language: str | None = "tr", talk: Conversation | None = None) -> tuple[str, str]:
    """What lines make a chat say: its answers, its notes."""
    answers, notes = (Console(file=StringIO(), width=200) for _ in range(2))
    Chat(talk or conversation(), language, answers=answers, notes=notes).run(lines)
    return answers.file.getvalue(), notes.file.getvalue()  # type: ignore[attr-defined]


def ids_of(talk: Conversation, *contents: tuple[str, str, str | None]) -> list[int]:
    messages = [{"role": role, "content": text, "language": language} for role, text, language in contents]
    ids = talk.model.tokenizer.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]
    return list(ids)


def test_an_answer_is_that_of_generate_and_earlier_messages_keep_their_languages() -> None:
    talk = conversation()
    talk.say(TURKISH, "tr")
    first = talk.answer(lambda _: None)
    talk.say(JAPANESE, "ja")
    asked = [("user", TURKISH, "tr"), ("assistant", first.text, None), ("user", JAPANESE, "ja")]
    ids = torch.tensor([ids_of(talk, *asked)])
    second = talk.answer(lambda _: None)
    written = talk.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, do_sample=False)
    expected = talk.model.tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True)
    assert second.text == expected.rstrip("\ufffd").strip()
    ranges = talk.model.tokenizer.ranges  # type: ignore[attr-defined]
    assert {ranges.language_of(one) for one in ids[0].tolist()} == {None, "tr", "ja"}


def test_a_voice_s_answers_stay_in_their_own_tokens_as_they_were_trained() -> None:
    model = attach_two(bare_base(), voice=True)
    with torch.no_grad():
        model.adapter("tr").voice.bias += 100  # type: ignore[union-attr]
    talk = conversation(model)
    talk.say(TURKISH, "tr")
    text = talk.answer(lambda _: None).text
    talk.say(JAPANESE, "ja")
    asked = [
        {"role": "user", "content": TURKISH, "language": "tr"},
        {"role": "user", "content": JAPANESE, "language": "ja"},
    ]
    said = [{"role": "assistant", "content": one} for one in (text, "Su")]
    chat = [asked[0], said[0], asked[1], said[1]]
    [row] = fitting(model.tokenizer, [chat], Tune(Training(1), max_length=256, answer="own"), "tr").rows
    trained = row["input_ids"][: row["labels"].count(-100)]
    own = model.tokenizer.ranges["tr"]  # type: ignore[attr-defined]
    assert any(own.begin <= one < own.start for one in trained)
    assert talk._encode(talk.turns)["input_ids"][0].tolist() == trained
    assert talk.answer(lambda _: None).text


PLAIN, OWN, OTHER = (
    {"type": "text", "text": text} | more
    for text, more in (("So: ", {}), (TURKISH, {"language": "tr"}), (JAPANESE, {"language": "ja"}))
)
ANSWERS: dict[str, dict[str, Any]] = {
    "the base's": {"content": "Paris."},
    "written": {"content": TURKISH, "language": "tr"},
    "thought and written": {"content": TURKISH, "language": "tr", "thought": "Paris."},
    "the base's and written": {"content": [PLAIN, OWN]},
    "the base's, thought and written": {"content": [PLAIN, OWN], "thought": "Paris."},
    "written in two": {"content": [OWN, PLAIN, OTHER], "thought": "Paris."},
    "written twice": {"content": [OWN, OWN]},
}


@pytest.mark.parametrize("said", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_kept_in_the_form_that_it_was_trained_in(said: dict[str, Any]) -> None:
    tokenizer: Any = voiced().tokenizer
    asked, trained = {"role": "user", "content": TURKISH, "language": "tr"}, {"role": "assistant", **said}
    row = tokenizer.example([asked, trained])
    ids = row["input_ids"][row["labels"].count(-100) :]
    for cut in range(len(ids) + 1):  # As one is that was stopped.
        streamer = Streamer(tokenizer, lambda _: None)
        streamer.ids = ids[:cut]
        kept = answered(tokenizer, streamer.ids, text := streamer.finish())
        assert "".join(contents(kept)) == text
        assert tokenizer.apply_chat_template([asked, kept])
    assert {name: value for name, value in kept.items() if value} == trained
    assert tokenizer.example([asked, kept]) == row


def test_a_base_that_asks_for_beams_is_streamed_without() -> None:
    base = bare_base()
    model = adapter_for(base).attach(base, tokenizer=tiny.base_tokenizer())
    answers = []
    for beams in (1, 3):
        model.generation_config.num_beams = beams
        answers.append(chat(TURKISH, talk=conversation(model))[0])
    assert answers[0] == answers[1] != ""


def test_what_was_shown_piece_by_piece_is_the_answer() -> None:
    talk, pieces = conversation(max_new_tokens=40), list[str]()
    talk.say(TURKISH, "tr")
    text = talk.answer(pieces.append).text
    assert "".join(pieces) == text
    assert len(pieces) > 1


@pytest.mark.parametrize("text", [JAPANESE + "です。", "What is it? It  is.\n\n  Paris 🇫🇷 and more", "ığdır Şu"])
def test_a_text_streams_without_half_letters_and_without_waiting_for_spaces(text: str) -> None:
    tokenizer, pieces = world().tokenizer, list[str]()
    streamer = Streamer(tokenizer, pieces.append)
    streamer.put(torch.tensor([[1, 2, 3]]))  # The prompt.
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    for one in ids:
        streamer.put(torch.tensor([one]))
    assert "".join(pieces) == text == streamer.finish()
    assert "\ufffd" not in "".join(pieces)
    assert len(pieces) >= len(set(text)) / 3


def test_a_stream_of_ids_of_several_languages_says_what_they_say() -> None:
    tokenizer, pieces = world().tokenizer, list[str]()
    streamer = Streamer(tokenizer, pieces.append)
    streamer.put(torch.tensor([[1]]))
    for language, text in (("tr", TURKISH), ("ja", JAPANESE)):
        for one in tokenizer(text, language=language, add_special_tokens=False)["input_ids"]:  # type: ignore[call-arg]
            streamer.put(torch.tensor([one]))
    assert streamer.finish() == "".join(pieces) == TURKISH + JAPANESE


def test_a_turn_tells_its_positions_beside_those_of_raw_text() -> None:
    talk = conversation()
    talk.say(TURKISH, "tr")
    turn = talk.answer(lambda _: None)
    own = len(talk.model.adapter("tr").encoder.tokenizer(TURKISH, add_special_tokens=False)["input_ids"])
    assert turn.positions == own + 2
    assert turn.raw_positions == len(tiny.base_tokenizer()(TURKISH, add_special_tokens=False)["input_ids"])
    assert 0 < turn.tokens <= 4
    assert (turn.languages, turn.tuned_for, turn.stopped) == (("tr",), "tr", False)


def test_a_base_question_after_a_turkish_one_says_that_the_turkish_lora_answers() -> None:
    _, notes = chat(TURKISH, "/lang base", "What is it?")
    assert "read by the base, answered with the LoRA of tr, read before" in notes
    base = bare_base()
    plain = adapter_for(base, "tr", lora=False).attach(base, tokenizer=tiny.base_tokenizer())
    _, notes = chat(TURKISH, "/lang base", "What is it?", talk=conversation(plain))
    assert "LoRA" not in notes


def test_the_oldest_turns_go_when_the_conversation_outgrows_the_base() -> None:
    talk = conversation(max_new_tokens=200)  # Of 256 positions; half stay for the conversation.
    talk.instruct("Be brief.", None)
    dropped = []
    for number in range(3):
        dropped.append(talk.say(f"{TURKISH} {number}", "tr"))
        talk.answer(lambda _: None)
    assert sum(dropped) == 3 - len(talk.turns) > 0
    assert talk.turns[-1][0]["content"].endswith("2")
    assert talk.system
    _, notes = chat(TURKISH, talk=talk)
    assert "too long: its" in notes


def test_a_message_that_does_not_fit_by_itself_is_an_error_and_leaves_the_chat_as_it_was() -> None:
    talk = conversation()
    _, notes = chat(TURKISH, "Su " * 300, TURKISH, talk=talk)
    assert "Error: The message takes" in notes
    assert [turn[0]["content"] for turn in talk.turns] == [TURKISH, TURKISH]


def test_ctrl_c_stops_the_answer_and_keeps_what_was_said() -> None:
    talk, pieces = conversation(max_new_tokens=100), list[str]()

    def interrupt(piece: str) -> None:
        pieces.append(piece)
        if len(pieces) == 3:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    talk.say(TURKISH, "tr")
    turn = talk.answer(interrupt)
    assert turn.stopped
    assert turn.tokens < 100
    assert talk.turns == [[talk.turns[0][0], {"role": "assistant", "content": turn.text, "language": None}]]
    assert signal.getsignal(signal.SIGINT) is before
    assert "stopped" in describe(turn)


def test_a_second_ctrl_c_breaks_off_at_once_and_the_model_answers_as_before() -> None:
    talk = conversation()
    talk.say(TURKISH, "tr")
    expected = talk.answer(lambda _: None).text
    talk.reset()

    def insist(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    hook = talk.model.base_model.register_forward_pre_hook(insist)
    talk.say(TURKISH, "tr")
    assert talk.answer(lambda _: None).stopped
    hook.remove()
    assert talk.turns == []  # Nothing had been said.
    talk.say(TURKISH, "tr")
    assert talk.answer(lambda _: None).text == expected


def test_an_error_in_an_answer_takes_its_question_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError

    base = bare_base()
    model = adapter_for(base).attach(base, tokenizer=tiny.base_tokenizer())
    monkeypatch.setattr(model, "generate", full)
    talk = conversation(model)
    _, notes = chat(TURKISH, talk=talk)
    assert "memory does not hold" in notes
    assert talk.turns == []


def test_sampling_follows_the_seed() -> None:
    def sampled(seed: int) -> str:
        talk = conversation(max_new_tokens=12, temperature=1.5)
        torch.manual_seed(seed)
        talk.say(TURKISH, "tr")
        return talk.answer(lambda _: None).text

    assert sampled(1) == sampled(1) != sampled(2)


def test_a_base_without_a_chat_template_is_an_error_that_says_what_to_do() -> None:
    base = bare_base()
    model = adapter_for(base).attach(base, tokenizer=tiny.base_tokenizer(template=False))
    with pytest.raises(NewtongueError, match=r"no chat template.*newtongue ask"):
        conversation(model)


def test_a_template_without_a_place_for_a_system_text_refuses_it_and_the_chat_goes_on() -> None:
    tokenizer = tiny.base_tokenizer()
    refuse = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system here') }}{% endif %}"
    tokenizer.chat_template = refuse + tiny.TEMPLATE
    base = bare_base()
    model = adapter_for(base).attach(base, tokenizer=tokenizer)
    talk = conversation(model)
    _, notes = chat("/system Be brief.", TURKISH, talk=talk)
    assert "refuses the conversation: No system here" in notes
    assert len(talk.turns) == 1


@pytest.mark.parametrize(
    "lines,said",
    [
        pytest.param(["/lang JA", TURKISH], ["read as Japanese (ja)", "read as ja"], id="a language, any case"),
        pytest.param(["/lang en", "Hi"], ["read by the base itself", "read by the base"], id="the base's own"),
        pytest.param(["/lang xx"], ["No adapter is attached for language 'xx'", "tr, ja"], id="an unknown language"),
        pytest.param(["/langs"], ["* Turkish (tr)", "  Japanese (ja)", "base"], id="languages"),
        pytest.param(["/help"], ["/system TEXT", "/quit"], id="help"),
        pytest.param(["/nothing"], ["no command /nothing", "/reset"], id="an unknown command"),
        pytest.param([TURKISH, "/reset"], ["Forgotten."], id="reset"),
        pytest.param(["/system Kısa yaz."], ["system text is read as Turkish"], id="system"),
        pytest.param(["/system"], ["No system text."], id="no system"),
        pytest.param(["\U000e0001\U000e0064\U000e0065x\U000e0001\U000e007f"], ["Error", "'de'"], id="stray marks"),
    ],
)
def test_commands_answer(lines: list[str], said: list[str]) -> None:
    _, notes = chat(*lines)
    for words in said:
        assert words in notes


def test_quit_leaves_and_empty_lines_are_passed_over() -> None:
    answers, notes = chat("", "   ", "/quit", TURKISH)
    assert (answers, notes) == ("", "")


def test_an_answer_cannot_command_the_terminal() -> None:
    answers = Console(file=StringIO())
    Chat(conversation(), "tr", answers=answers, notes=answers)._show("a\x1b[2Jb[red]c\n")
    assert answers.file.getvalue() == "a[2Jb[red]c\n"  # type: ignore[attr-defined]


def test_a_language_is_picked_by_tag_and_an_attached_english_is_no_base() -> None:
    assert pick_language("TR", ["tr"]) == "tr"
    assert pick_language("en", ["tr"]) is pick_language("base", ["tr", "en"]) is None
    assert pick_language("en", ["en"]) == "en"
    with pytest.raises(LanguageError, match="'jp'"):
        pick_language("jp", ["ja"])


def test_figures_of_a_turn_stand_on_one_line() -> None:
    turn = Turn(("tr",), "tr", "Paris", positions=9, raw_positions=21, tokens=4, seconds=0.5, stopped=False)
    assert describe(turn) == "read as tr · 9 positions (21 as raw text) · 4 tokens in 0.5 s (8.0/s)"


def test_a_stop_asked_for_in_an_answer_does_not_outlive_it() -> None:
    with stop_on_interrupt() as stop:
        signal.raise_signal(signal.SIGINT)
    assert stop.asked
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_piped_lines_may_hold_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("a\nb"))
    assert [line.strip() for line in typed_lines(lambda: "> ", Console(file=StringIO()))] == ["a", "b"]


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("chat")
    base = tiny.AutoModelForCausalLM.from_pretrained(tiny.save_base(folder / "base"))
    for language in ("tr", "ja"):
        model = adapter_for(base, language).attach(base, tokenizer=tiny.base_tokenizer())
        shake_lora(model.adapter(language))
        model.detach(language).save_pretrained(folder / language)
    return str(folder / "tr"), str(folder / "ja")


def test_a_chat_can_be_scripted_and_its_standard_output_is_the_answers(
    adapters: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = f"{TURKISH}\n/lang ja\n{JAPANESE}\n".encode() + b"\xff\xfe\n/langs\n"
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(lines), encoding="ascii"))
    assert newtongue(monkeypatch, "chat", *adapters, "--no-four-bit", "--max-new-tokens", "3") == 0
    answers, notes = capsys.readouterr()
    assert answers.count("\n") >= 3
    assert "positions" not in answers
    assert "Attached" in notes and "* Japanese (ja)" in notes and notes.count("read as ja") == 2
    assert "Loading weights" not in notes


def test_a_language_that_no_adapter_speaks_is_an_error_before_the_base_is_loaded(
    adapters: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert newtongue(monkeypatch, "chat", adapters[0], "--language", "jp", "--base", "no/base") == 2
    assert "No adapter is attached for language 'jp'" in " ".join(capsys.readouterr().err.split())


def test_in_a_terminal_ctrl_c_stops_the_answer_and_ctrl_d_leaves(adapters: tuple[str, str]) -> None:
    arguments = [sys.executable, "-m", "newtongue_recipes.cli", "chat", *adapters, "--no-four-bit"]
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, arguments, {**os.environ, "TERM": "dumb", "COLUMNS": "200"})
    until = _reader(terminal)
    until("tr> ")
    time.sleep(0.3)
    os.write(terminal, f"{TURKISH}\n".encode())
    until(TURKISH)
    time.sleep(0.3)
    os.write(terminal, b"\x03")  # While it answers, or just after: either way the chat goes on.
    until("tr> ")
    time.sleep(0.3)
    os.write(terminal, b"/lang ja\n")
    until("ja> ")
    time.sleep(0.3)  # For readline to wait for keys; a signal before that it notices at the next key.
    os.write(terminal, b"\x03")
    assert "Ctrl-D or /quit leaves." in until("ja> ")
    os.write(terminal, b"\x04")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(terminal)


def _reader(terminal: int, limit: float = 60.0) -> Callable[[str], str]:
    """A function that reads what a terminal says until it has said some words."""

    def until(words: str) -> str:
        said, end = b"", time.monotonic() + limit
        while words.encode() not in said:
            ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
            assert ready, said.decode(errors="replace")
            said += os.read(terminal, 65536)
        return said.decode(errors="replace")

    return until


def test_two_adapters_of_a_chat_answer_as_in_a_script(adapters: tuple[str, str]) -> None:
    quiet = Console(file=StringIO())
    model = attach_all(adapters, load_adapters(adapters, quiet), four_bit=False, console=quiet)
    assert model.languages == ("tr", "ja")
    assert Path(model.name_or_path).name == "base"


def test_a_base_is_looked_for_beside_the_adapter_then_where_its_run_had_it_then_on_the_hub(tmp_path: Path) -> None:
    def found(base: BaseInfo) -> str:
        return base_of(str(tmp_path / "run" / "adapter"), base)

    local, shared = (BaseInfo(name, None, "phi", 32, 320) for name in ("phi-tiny", "you/phi-tiny"))
    (tmp_path / "run" / "adapter").mkdir(parents=True)
    with pytest.raises(NewtongueError, match=r"folder called 'phi-tiny' \(320 rows of width 32\).*--base"):
        found(local)
    with pytest.raises(NewtongueError, match="does not say which base"):
        found(BaseInfo("", None, "phi", 32, 320))
    assert found(shared) == "you/phi-tiny"
    (tmp_path / "models").mkdir()
    (tmp_path / "run" / "run.json").write_text(json.dumps({"base": str(tmp_path / "models")}))
    assert found(local) == str(tmp_path / "models")
    (tmp_path / "run" / "phi-tiny").mkdir()
    assert found(local) == found(shared) == str(tmp_path / "run" / "phi-tiny")


def test_of_several_adapters_the_one_of_another_base_is_named(adapters: tuple[str, str], tmp_path: Path) -> None:
    other = tiny.tiny_base(hidden_size=16)
    ModalityAdapter.create(other, tiny.tiny_encoder(), language="sw").save_pretrained(tmp_path / "sw")
    names, quiet = [*adapters, str(tmp_path / "sw")], Console(file=StringIO())
    with pytest.raises(BaseMismatchError, match="sw: The adapter was made for a base with width 16"):
        attach_all(names, load_adapters(names, quiet), console=quiet)


@pytest.mark.parametrize(
    ("trained", "asked", "loaded"),
    [(False, None, False), (True, None, True), (None, None, True), (False, True, True), (True, False, False)],
)
def test_a_base_is_loaded_as_the_adapter_was_trained_unless_told_otherwise(
    trained: bool | None, asked: bool | None, loaded: bool, adapters: tuple[str, str]
) -> None:
    adapter = ModalityAdapter.from_pretrained(adapters[0])
    adapter.config = replace(adapter.config, base=replace(adapter.config.base, four_bit=trained))
    base = load_base_of(adapters[0], adapter, four_bit=asked)
    assert getattr(base, "is_loaded_in_4bit", False) is loaded


def test_with_auto_each_part_of_a_message_is_read_in_its_own_language() -> None:
    text = f"Translate into English: {TURKISH} {JAPANESE}"
    talk = conversation()
    talk.say(text, "auto")
    turn = talk.answer(lambda _: None)
    assert (turn.languages, turn.tuned_for) == (("tr", "ja"), "ja")
    assert turn.raw_positions == len(tiny.base_tokenizer()(text, add_special_tokens=False)["input_ids"])
    talk.say("OK", "auto")  # Too short to tell: as the message before.
    assert talk.answer(lambda _: None).languages == ("ja",)
    _, notes = chat("/lang auto", text, "What is the capital of France?")
    assert "in the language each part is written in" in notes
    assert "read as tr and ja" in notes and "read by the base, answered with the LoRA of ja" in notes


def test_an_untouched_world_remains() -> None:
    """The shared world is only read by a chat: what a fresh one says, it says."""
    fresh, shared = conversation(attach_two(bare_base())), conversation()
    for talk in (fresh, shared):
        talk.say(TURKISH, "tr")
    assert fresh.answer(lambda _: None).text == shared.answer(lambda _: None).text
