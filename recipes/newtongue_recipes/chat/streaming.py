"""An answer while it is written: shown piece by piece, and stopped by Ctrl-C without harm."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, StoppingCriteria
from transformers.generation.streamers import BaseStreamer

HALF = "\ufffd"  # What the bytes of a letter that is not whole yet decode to.


class Streamer(BaseStreamer):
    """Shows what can no longer change of an answer; for `generate(streamer=...)`, one row.

    transformers' `TextStreamer` waits for a space, which Japanese does not have: an answer in kana came at once, at
    its end.

    Args:
        tokenizer: an attached model's.
        show: given each new piece of the answer.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, show: Callable[[str], None]) -> None:
        self.tokenizer = tokenizer
        self.show = show
        self.ids: list[int] = []
        self._shown = ""
        self._prompt = True

    def put(self, value: Tensor) -> None:
        """Take the prompt, which is not shown, then one token after another."""
        if self._prompt:
            self._prompt = False
            return
        self.ids += value.flatten().tolist()
        self._advance(self._text())

    def end(self) -> None:
        """Nothing: `finish` shows the rest, after a stop as well."""

    def finish(self) -> str:
        """The whole answer, of which all is shown."""
        text = self._text()
        self._advance(text)
        return text

    def _text(self) -> str:
        """What is certain so far: no half letters, and no spaces at the end, which the next token may swallow."""
        return str(self.tokenizer.decode(self.ids, skip_special_tokens=True)).rstrip(HALF).strip()

    def _advance(self, text: str) -> None:
        if text.startswith(self._shown) and text != self._shown:
            self.show(text[len(self._shown) :])
            self._shown = text


class Stop(StoppingCriteria):
    """Ends the answer after the token at hand, once `asked`."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """`[batch]`, bool: which rows are done."""
        return torch.full((len(input_ids),), self.asked, device=input_ids.device)


@contextmanager
def stop_on_interrupt() -> Iterator[Stop]:
    """For as long as it lasts, Ctrl-C asks for a stop; a second one breaks off what runs, and is no error either.

    Breaking off a forward is the second choice: bitsandbytes repacks weights in some, and half-packed they are lost.
    """
    stop = Stop()

    def ask(_number: int, _frame: object) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    except KeyboardInterrupt:
        stop.asked = True
    finally:
        signal.signal(signal.SIGINT, before)
