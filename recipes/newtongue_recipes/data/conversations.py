"""Conversations: messages as they come, made into those of a chat template, and what of them is in the language."""

from collections.abc import Mapping
from typing import Any

from .texts import Unusable, clean, is_absent, same_language

Messages = list[dict[str, Any]]


def contents(message: Mapping[str, Any]) -> list[str]:
    """The texts of a message."""
    content = message["content"]
    return [content] if isinstance(content, str) else [part["text"] for part in content]


def read_messages(messages: Any, language: str) -> Messages:
    """Messages as `apply_chat_template` takes them, the last of which answers; what says nothing is left out.

    Raises:
        Unusable: they are no messages, or end with no answer.
    """
    if not isinstance(messages, list) or not all(isinstance(one, Mapping) for one in messages):
        raise Unusable(f"messages not a list of messages ({type(messages).__name__})", messages)
    said = [_message(one, language) for one in messages if not _says_nothing(one)]
    if not said or said[-1]["role"] != "assistant":
        raise Unusable("no answer", messages[-1:] or "")
    return said


def _says_nothing(message: Mapping[str, Any]) -> bool:
    """Whether it is the system's and empty, as chats are stored that have no system prompt."""
    return message.get("role") == "system" and is_absent(message.get("content"))


def _message(message: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A message as `apply_chat_template` takes it; what a user says is in the language unless it says otherwise."""
    role, content = message.get("role"), message.get("content")
    if role not in ("system", "user", "assistant"):
        raise Unusable("message with an unknown role", role)
    spoken = _language(message) or (language if role == "user" else None)
    if isinstance(content, list):
        content, spoken = _parts(content, spoken, language, answers=role == "assistant")
    said, tag = content, {}
    if not isinstance(content, list):
        said = clean(content, {"assistant": "answer", "user": "question"}.get(role, "content"))
        tag = _tag(spoken, language) or ({"language": spoken} if spoken and role == "assistant" else {})
    if role == "assistant" and message.get("thought"):
        tag = {**tag, "thought": clean(message["thought"], "thought")}
    return {"role": role, "content": said, **tag}


def _parts(content: list[Any], spoken: str | None, language: str, *, answers: bool) -> tuple[Any, str | None]:
    """Parts that tell what is in the language; or, where they need not, their text and what it is in.

    Most templates add a message's content to a text, and so write parts as Python does, or break.
    """
    if not content or not all(isinstance(part, Mapping) and "text" in part for part in content):
        raise Unusable("message with parts that are not text", content)
    own = [_language(part) for part in content]
    if any(own):
        spoken = None
    tags = [_tag(one or spoken, language) for one in own]
    if not any(tags) or (answers and all(tags)):
        for part in content:
            if not isinstance(part["text"], str):
                clean(part["text"], "content")
        return "".join(part["text"] for part in content), spoken or next(filter(None, own), None)
    for part in content:
        clean(part["text"], "content")  # Checked alone: the space between parts is theirs.
    return [{"type": "text", "text": part["text"], **tag} for part, tag in zip(content, tags, strict=True)], None


def _language(said: Mapping[str, Any]) -> str | None:
    """What a message or a part of one says of itself, if anything."""
    spoken = said.get("language")
    return None if spoken in (None, "") else clean(spoken, "language")


def _tag(spoken: str | None, language: str) -> dict[str, str]:
    """What says that a text is read through the port, or written by a voice; any other language is the base's."""
    return {"language": language} if spoken and same_language(spoken, language) else {}


def in_language(message: Mapping[str, Any], language: str) -> list[str]:
    """The texts of a message, as it came, that say no other language; where a part says its own, so must the others."""
    if message["role"] == "system":
        return []
    content = message["content"]
    parts = [{"text": content.strip()}] if isinstance(content, str) else content
    rest = None if any(map(_language, parts)) else _language(message) or language
    return [part["text"] for part in parts if _tag(_language(part) or rest, language)]


def own_of(message: Mapping[str, Any]) -> list[str]:
    """The texts of a message, as it is read, that are in the language and read by its encoder."""
    content = message["content"]
    if message["role"] == "assistant":  # What is said is not read.
        return []
    if isinstance(content, str):
        return [content] if message.get("language") else []
    return [part["text"] for part in content if part.get("language")]
