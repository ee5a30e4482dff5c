"""Asking one question of an adapter, with the base it names."""

from typing import Any

import torch

from newtongue import AttachedModel, ModalityAdapter
from newtongue.base import embeddings_as_read
from newtongue_evaluation.answers import answer, asked_ids
from newtongue_recipes.loading import load_base_of
from newtongue_recipes.room import check_text, room_of, tokens_left, too_long


def ask_one(
    adapter: str,
    question: str,
    *,
    then: str = "",
    base: str | None = None,
    four_bit: bool | None = None,
    max_new_tokens: int = 128,
    gloss: bool = False,
) -> str:
    """Load adapter and base, and give the answer to `question`, asked in the adapter's language.

    Args:
        adapter: a folder or a Hub id.
        question: in its language.
        then: words in the base's own language after it.
        base: the base, where it is not the one the adapter names.
        four_bit: as for `load_base_of`.
        max_new_tokens: of the answer, at most.
        gloss: give, on a line before it, the tokens that the base takes the question for.

    Raises:
        NewtongueError: the adapter cannot be loaded, or its base is not where it was; the question is empty, no
            Unicode, or longer than the base reads.
    """
    for text in (question, then):
        check_text(text)
    language = ModalityAdapter.from_pretrained(adapter)
    found = load_base_of(adapter, language, base, four_bit=four_bit)
    model = language.attach(found, ignore_base_name=base is not None)
    content = [{"type": "text", "text": question, "language": language.language}]
    asked = [{"role": "user", "content": [*content, {"type": "text", "text": then}] if then else content}]
    length, room = len(asked_ids(model.tokenizer, asked)), room_of(model, max_new_tokens)
    if room is not None and length > room:
        raise too_long(length, room)
    most = tokens_left(model, length, max_new_tokens)
    said = answer(model, model.tokenizer, [asked], max_new_tokens=most)[0]
    if not gloss:
        return said
    taken = " · ".join(word.strip() for _, word in gloss_of(model, question, language.language) if word.strip())
    return f"{taken}\n{said}"


@torch.no_grad()
def gloss_of(model: AttachedModel, text: str, language: str) -> list[tuple[str, str]]:
    """What a base takes a text for: each token it reads, and the base's whose embedding is nearest to it there.

    What the language borrows is the base's own, and nearest to itself.

    What lies nearest to a special token, such as padding, says nothing, and has an empty text.
    An adapter drawn toward the base's embeddings reads as a gloss, words in the order of the language; one trained
    through the base alone may be understood where this says nothing.
    """
    tokenizer: Any = model.tokenizer
    ids = torch.tensor([tokenizer(text, language=language, add_special_tokens=False)["input_ids"]], device=model.device)
    read = ~tokenizer.ranges[language].bounds(ids[0])
    soft, table = model.embed(ids)[0, read].float(), embeddings_as_read(model).float()
    nearest = torch.cdist(soft, table).argmin(-1).tolist()
    tokens = tokenizer.convert_ids_to_tokens(ids[0, read].tolist())
    said = [tokenizer.decode([one], skip_special_tokens=True) for one in nearest]
    return list(zip(tokens, said, strict=True))
