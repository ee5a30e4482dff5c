"""The chat page in a real browser, against a model on this machine. Needs gradio, playwright and Chromium."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tiny
from newtongue import NewtongueError
from newtongue_recipes.cli import main
from newtongue_recipes.space import write_space
from newtongue_recipes.space.write import _places
from worlds import adapter_for, attach_two, bare_base, shake_lora

pytest.importorskip("gradio", reason="gradio is not installed: pip install 'newtongue[web]'")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
TURKISH, JAPANESE = "Fransa'nın başkenti neresidir?", "フランスの首都はどこですか。"
SHOTS = os.environ.get("NEWTONGUE_SHOTS")  # A folder for pictures of the page, for people to look at.


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from newtongue_recipes.chat.web.page import build, launch

    page = build(attach_two(bare_base()), max_new_tokens=24)
    _, address, _ = launch(page, prevent_thread_lock=True, quiet=True)
    yield address
    page.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium was found")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


class Visit:
    """A visitor's page."""

    def __init__(self, browser: Any, address: str, width: int = 1100, height: int = 800) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.page.set_default_timeout(20_000)
        self.wanted: list[str] = []
        self.page.on("request", lambda request: self.wanted.append(request.url))
        self.page.goto(address, wait_until="domcontentloaded")
        self.message = self.page.locator("#nt-message textarea")
        self.message.wait_for()

    def send(self, text: str, *, by: str = "Enter") -> None:
        before = self.page.locator(".nt-exchange").count()
        self.message.fill(text)
        self.message.press("Enter") if by == "Enter" else self.page.locator("#nt-send").click()
        self.settle(before + 1)

    def settle(self, exchanges: int) -> None:
        """Wait until so many questions are on the page and the last one is answered."""
        self.page.wait_for_function("n => document.querySelectorAll('.nt-exchange').length >= n", arg=exchanges)
        self.page.wait_for_function("document.querySelectorAll('.nt-running').length == 0")
        self.page.locator("#nt-send").wait_for(state="visible")

    def last(self, part: str) -> Any:
        return self.page.locator(".nt-exchange").last.locator(part)

    def pick(self, language: str) -> None:
        self.page.locator("#nt-language").get_by_label(language).check()

    def picture(self, name: str) -> None:
        if SHOTS:
            self.page.screenshot(path=Path(SHOTS) / f"{name}.png")


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Visit]:
    visit = Visit(browser, address)
    yield visit
    visit.page.close()


def test_a_message_typed_and_sent_is_answered_with_its_figures(visit: Visit) -> None:
    visit.send(TURKISH)
    assert visit.last(".nt-question").inner_text() == TURKISH
    said = visit.last(".nt-figures").inner_text()
    assert "read as Turkish" in said and "as raw text" in said and "tokens in" in said
    assert visit.message.input_value() == ""
    assert not [url for url in visit.wanted if not url.startswith(("http://127.0.0.1", "http://localhost", "data:"))]
    visit.picture("sent")


@pytest.mark.slow
def test_the_answer_grows_while_it_is_written(visit: Visit) -> None:
    visit.page.evaluate(
        """() => {
            window.seen = [];
            const look = () => {
                const text = document.querySelector('.nt-text');
                if (text && window.seen.at(-1) !== text.textContent) window.seen.push(text.textContent);
            };
            new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
        }"""
    )
    visit.send(TURKISH, by="button")
    seen = visit.page.evaluate("window.seen")
    whole = visit.last(".nt-text").inner_text()
    assert len(seen) > 3
    assert all(whole.startswith(text.strip()) for text in seen)


@pytest.mark.slow
def test_languages_switch_and_mix_in_mid_conversation(visit: Visit) -> None:
    visit.pick("Turkish")
    visit.send(TURKISH)
    visit.pick("raw text")
    visit.send(TURKISH)
    assert "read by the base" in visit.last(".nt-figures").inner_text()
    assert visit.last(".nt-span").count() == 0
    visit.pick("as written")
    visit.send(f"Translate into English: {TURKISH} {JAPANESE}")
    assert [span.get_attribute("lang") for span in visit.last(".nt-span").all()] == ["tr", "ja"]
    assert "read as Turkish and Japanese" in visit.last(".nt-figures").inner_text()
    visit.picture("mixed")


@pytest.mark.slow
def test_the_bare_base_stands_side_by_side(visit: Visit) -> None:
    visit.page.locator("#nt-compare input").check()
    visit.send(JAPANESE)
    ours, bare = (answer.bounding_box() for answer in visit.last(".nt-answer").all())
    assert ours["y"] == bare["y"] and ours["x"] + ours["width"] <= bare["x"]
    assert visit.last(".nt-by").all_inner_texts() == ["with the adapters", "the bare base"]
    visit.picture("compared")


@pytest.mark.slow
def test_an_error_is_shown_and_the_message_kept_to_be_mended(visit: Visit) -> None:
    visit.send("Su " * 300)
    alert = visit.last(".nt-error")
    assert alert.get_attribute("role") == "alert" and "Shorten it" in alert.inner_text()
    assert visit.message.input_value().startswith("Su Su")
    visit.picture("error")
    visit.send(TURKISH)
    assert visit.last(".nt-error").count() == 0


@pytest.mark.slow
def test_a_new_conversation_and_other_adapters(visit: Visit) -> None:
    visit.send(TURKISH)
    visit.page.locator("#nt-again").click()
    visit.page.locator(".nt-welcome").wait_for()
    visit.page.locator("#nt-settings button").first.click()
    visit.page.locator("#nt-adapters").get_by_label("Turkish").uncheck()
    visit.page.wait_for_function("document.querySelectorAll('#nt-language input').length == 3")
    visit.send(TURKISH)
    assert "read by the base" in visit.last(".nt-figures").inner_text()


@pytest.mark.slow
def test_two_visitors_have_a_conversation_each(visit: Visit, browser: Any, address: str) -> None:
    other = Visit(browser, address)
    visit.send(TURKISH)
    other.send(JAPANESE)
    assert [one.page.locator(".nt-question").all_inner_texts() for one in (visit, other)] == [[TURKISH], [JAPANESE]]
    other.page.close()


@pytest.mark.slow
def test_a_phone_shows_it_all_without_scrolling_sideways(browser: Any, address: str) -> None:
    visit = Visit(browser, address, width=390, height=844)
    visit.page.locator("#nt-compare input").check()
    visit.send(f"{TURKISH} {'uzun' * 40}")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    ours, bare = (answer.bounding_box() for answer in visit.last(".nt-answer").all())
    assert ours["y"] + ours["height"] <= bare["y"]
    for control in ("#nt-message textarea", "#nt-send", "#nt-language"):
        box = visit.page.locator(control).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["y"] + box["height"] <= 844, control
    visit.picture("phone")
    visit.page.close()


@pytest.mark.slow
def test_text_from_right_to_left_stands_so(visit: Visit) -> None:
    visit.message.fill("מהי בירת צרפת?")
    visit.picture("right-to-left-typed")
    for text, direction in (("מהי בירת צרפת?", "rtl"), (TURKISH, "ltr")):
        visit.send(text)
        assert visit.last(".nt-question").evaluate("node => getComputedStyle(node).direction") == direction
        assert visit.last(".nt-question").inner_text() == text


@pytest.mark.slow
def test_enter_in_an_input_method_chooses_a_word_and_does_not_send(visit: Visit) -> None:
    visit.message.focus()
    keys = visit.page.context.new_cdp_session(visit.page)
    enter = {"key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}
    keys.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    keys.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
    keys.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})
    assert visit.message.input_value() == "にほん"
    keys.send("Input.insertText", {"text": "日本の首都はどこですか。"})
    time.sleep(0.5)
    assert visit.page.locator(".nt-exchange").count() == 0
    assert visit.message.input_value() == "日本の首都はどこですか。"
    visit.message.press("Enter")
    visit.settle(1)
    assert visit.last(".nt-question").inner_text() == "日本の首都はどこですか。"
    assert "read as Japanese" in visit.last(".nt-figures").inner_text()


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("space")
    base = tiny.AutoModelForCausalLM.from_pretrained(tiny.save_base(folder / "phi-tiny"))
    for language in ("tr", "ja"):
        model = adapter_for(base, language).attach(base, tokenizer=tiny.base_tokenizer())
        shake_lora(model.adapter(language))
        model.detach(language).save_pretrained(folder / language)
    return str(folder / "tr"), str(folder / "ja")


def test_a_page_that_could_not_answer_is_not_opened() -> None:
    from newtongue_recipes.chat.web.page import build

    base = bare_base()
    model = adapter_for(base).attach(base, tokenizer=tiny.base_tokenizer(template=False))
    with pytest.raises(NewtongueError, match="has no chat template"):
        build(model)


def test_a_space_of_one_language_twice_is_not_written(adapters: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(NewtongueError, match="Two adapters are for 'tr'"):
        write_space([adapters[0], adapters[0]], tmp_path / "space")
    assert not (tmp_path / "space").exists()


def test_folders_of_one_name_go_to_places_of_their_own() -> None:
    folders = ["a/tr-1", "b/tr", "c/tr", "d/tr", "e/ja"]
    assert list(_places(folders).values()) == [f"adapters/{name}" for name in ("tr-1", "tr", "tr-2", "tr-3", "ja")]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["chat --web", "space"])
def test_the_commands_serve_the_page(adapters: tuple[str, str], tmp_path: Path, browser: Any, how: str) -> None:
    port = "7899" if how == "space" else "7898"
    if how == "space":
        monkey = pytest.MonkeyPatch()
        monkey.setattr(sys, "argv", ["newtongue", "space", *adapters, "--output", str(tmp_path / "space")])
        with pytest.raises(SystemExit, match="0"):
            main()
        monkey.undo()
        command = [sys.executable, str(tmp_path / "space" / "app.py")]
    else:
        arguments = ["chat", *adapters, "--web", "--port", port, "--no-four-bit"]
        command = [sys.executable, "-m", "newtongue_recipes.cli", *arguments]
    server = subprocess.Popen(command, env={**os.environ, "GRADIO_SERVER_PORT": port}, stdout=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}/"
        _wait_for(address, server)
        visit = Visit(browser, address)
        visit.send(TURKISH)
        assert "read as Turkish" in visit.last(".nt-figures").inner_text()
        visit.page.close()
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(address: str, server: "subprocess.Popen[bytes]", limit: float = 120.0) -> None:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"nothing answers at {address}")
