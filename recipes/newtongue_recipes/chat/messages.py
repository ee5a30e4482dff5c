"""Messages of a conversation, as the base's chat template is given them in the turns that follow."""

from itertools import pairwise
from typing import Any

from newtongue.spans.markup import THOUGHT, WRITTEN, split
from newtongue_recipes.chat.streaming import HALF
from newtongue_recipes.room import check_text

Message = dict[str, Any]


def message_of(role: str, content: str, language: str | None = None) -> Message:
    """A message in one language; None for the base's own, or for those it is marked with."""
    return {"role": role, "content": check_text(content), "language": language}


def languages_of(message: Message) -> tuple[str, ...]:
    """The attached languages a message is read in, in order."""
    if message["language"]:
        return (message["language"],)
    return tuple(dict.fromkeys(spoken for spoken, _ in split(message["content"]) if spoken))


def answered(tokenizer: Any, ids: list[int], text: str) -> Message:
    """An answer in the form that training gives to those of earlier turns: what a voice wrote is in its language.

    Args:
        tokenizer: an attached model's.
        ids: of the answer.
        text: the same, as it was shown.
    """
    thought, parts = _parts(tokenizer, ids)
    if not any("language" in part for part in parts):
        return message_of("assistant", text)
    more = {"thought": thought} if thought else {}
    if len(parts) == 1:
        return message_of("assistant", parts[0]["text"], parts[0]["language"]) | more
    return {"role": "assistant", "content": parts, "language": None} | more


def _parts(tokenizer: Any, ids: list[int]) -> tuple[str, list[Message]]:
    """What is thought before the first that is written, and the parts of what is said, without space around them."""
    special = {one for one, token in tokenizer.added_tokens_decoder.items() if token.special}
    thought, parts = "", list[Message]()
    pieces = split(tokenizer.decode([one for one in ids if one not in special]))
    for (marked, said), (after, _) in pairwise([*pieces, (None, "")]):
        language = next((one for one in tokenizer.ranges if marked == f"{WRITTEN}{one.lower()}"), None)
        if (marked or "").startswith(THOUGHT) and (after or "").startswith(WRITTEN):
            thought = thought or said.strip()  # Of a later one there is no place in a message.
        elif said:
            parts.append({"type": "text", "text": said} | ({"language": language} if language else {}))
    while parts and not (begin := parts[0]["text"].lstrip()):
        parts.pop(0)
    if parts:
        parts[0]["text"] = begin
    while parts and not (end := parts[-1]["text"].rstrip(HALF).rstrip()):
        parts.pop()
    if parts:
        parts[-1]["text"] = end
    return thought, parts
