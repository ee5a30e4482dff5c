"""One visitor's chat: with the adapters and, beside it, with the bare base."""

import logging
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from newtongue import AttachedModel, NewtongueError
from newtongue.languages import AUTO
from newtongue_recipes.chat.conversation import Conversation
from newtongue_recipes.chat.streaming import Stop

from .exchanges import Answer, Exchange, spans_of

LOG = logging.getLogger(__name__)
ADAPTED, BARE = "with the adapters", "the bare base"


class Session:
    """What one visitor said, and what they are told.

    The bare base answers through the same model: rows without text in an attached language run on the base alone, bit
    for bit. It reads each question as raw text, and only those asked while it is compared.

    Args:
        model: the base with its languages.
        lock: one for all sessions of a model, which answers one question at a time.
    """

    def __init__(self, model: AttachedModel, lock: Lock) -> None:
        self.model = model
        self.exchanges: list[Exchange] = []
        self._lock = lock
        self._stop = Stop()
        self._adapted, self._bare = Conversation(model), Conversation(model)

    def set(self, languages: Sequence[str], system: str, max_new_tokens: int, temperature: float) -> None:
        """Take over the page's settings.

        Args:
            languages: those that `auto` chooses from.
            system: instructions; empty for none.
            max_new_tokens, temperature: of answers.

        Raises:
            NewtongueError: the base's template has no place for instructions.
        """
        for conversation in (self._adapted, self._bare):
            conversation.languages = tuple(languages)
            conversation.max_new_tokens = max_new_tokens
            conversation.temperature = temperature
            conversation.instruct(system.strip(), AUTO if conversation is self._adapted else None)

    def forget(self) -> None:
        """Begin anew; an answer that is being written ends with what was said before."""
        self.stop()
        self.exchanges = []
        self._adapted, self._bare = Conversation(self.model), Conversation(self.model)

    def stop(self) -> None:
        """End the answer that is being written after the token at hand."""
        self._stop.asked = True

    def ask(self, text: str, language: str | None, *, compare: bool) -> Iterator[None]:
        """Ask, and go on as the answers come: at each step `exchanges` has what can be shown.

        Args:
            text: the question.
            language: attached, or `auto`; None for the base's own.
            compare: have the bare base answer as well.
        """
        exchange = Exchange([(None, text.encode(errors="replace").decode())])  # Half a character cannot be sent back.
        self.exchanges.append(exchange)
        self._stop = Stop()
        try:
            adapted, bare = self._adapted, self._bare
            exchange.notes += _dropped(adapted.say(text, language))
            exchange.question = spans_of(adapted.turns[-1][0])
            yield from self._answer(adapted, exchange, ADAPTED if compare else "")
            if compare and not self._stop.asked:
                bare.say(text, None)
                yield from self._answer(bare, exchange, BARE)
        except NewtongueError as error:
            exchange.error = str(error)
        except Exception as error:  # The page goes on, and whoever runs it has the traceback.
            LOG.exception("An answer failed.")
            exchange.error = f"{type(error).__name__}: {error}"
        yield

    def _answer(self, conversation: Conversation, exchange: Exchange, by: str) -> Iterator[None]:
        """Have one conversation answer in a thread of its own, and show what comes."""
        answer = Answer(by)
        exchange.answers.append(answer)
        yield
        pieces: SimpleQueue[str] = SimpleQueue()
        failures: list[BaseException] = []
        stop = self._stop

        def work() -> None:
            try:
                with self._lock:
                    answer.turn = conversation.answer(pieces.put, stop)
            except BaseException as error:  # Told to the visitor by the thread that serves them.
                failures.append(error)

        worker = Thread(target=work, daemon=True)
        worker.start()
        try:
            while worker.is_alive() or not pieces.empty():
                try:
                    answer.text += pieces.get(timeout=0.1)
                except Empty:
                    continue
                yield
        finally:
            stop.asked = stop.asked or worker.is_alive()  # The visitor has gone.
            worker.join()
        if failures:
            exchange.answers.remove(answer)
            raise failures[0]
        yield


def _dropped(turns: int) -> list[str]:
    return [f"The conversation had grown too long: its {turns} oldest turns are forgotten."] if turns else []
