"""Controls and the asking of questions: nothing that depends on the batch."""

import pytest
import torch

import tiny
from newtongue_evaluation.answers import answer, answer_nats
from newtongue_evaluation.baselines.forms import plain
from newtongue_evaluation.baselines.swapped import swapped

CHATS = [
    [{"role": "user", "content": text}] for text in (*tiny.ENGLISH, "What?", "I read a book about Paris and Japan.")
]


def test_swapped_exchanges_within_a_group_and_never_for_the_same_subject() -> None:
    group = ["capital"] * 6 + ["symbol"] * 4
    subject = ["fr", "fr", "de", "de", "jp", "jp", "fe", "fe", "au", "au"]
    rows = list(zip(group, subject, strict=True))
    for (relation, about), (of, other) in zip(rows, swapped(rows, group, subject), strict=True):
        assert relation == of
        assert about != other


def test_swapped_refuses_a_group_with_one_subject() -> None:
    with pytest.raises(ValueError, match="one subject only"):
        swapped([1, 2], ["a", "a"], ["x", "x"])


@pytest.mark.parametrize("size", [1, 2, 5])
def test_answers_and_their_surprise_do_not_depend_on_the_batch(size: int) -> None:
    base, tokenizer = tiny.tiny_base(), tiny.base_tokenizer()
    assert answer(base, tokenizer, CHATS, max_new_tokens=5, batch=size) == answer(
        base, tokenizer, CHATS, max_new_tokens=5, batch=3
    )
    told = [[*chat, {"role": "assistant", "content": "Paris"}] for chat in CHATS]
    assert answer_nats(base, tokenizer, told, batch=size) == pytest.approx(
        answer_nats(base, tokenizer, told, batch=3), rel=1e-4
    )


def test_answer_nats_is_the_loss_of_the_answer_alone() -> None:
    base, tokenizer = tiny.tiny_base(), tiny.base_tokenizer()
    told = [*CHATS[0], {"role": "assistant", "content": "Paris"}]
    prompt = tokenizer.apply_chat_template(CHATS[0], add_generation_prompt=True, return_dict=True)["input_ids"]
    written = tokenizer("Paris" + tokenizer.eos_token, add_special_tokens=False)["input_ids"]
    ids = torch.tensor([prompt + written])
    labels = torch.tensor([[-100] * len(prompt) + written])
    loss = base(input_ids=ids, labels=labels).loss.item() * len(written)
    assert answer_nats(base, tokenizer, [told]) == pytest.approx([loss], rel=1e-4)


def test_plain_leaves_the_text_and_takes_the_language() -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "Repeat:"}, {"text": " Su", "language": "tr"}]}
    assert plain([message]) == [{"role": "user", "content": "Repeat: Su"}]
