"""Controls and the asking of questions: nothing that depends on the batch."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import tiny
from newtongue.ranges import Ranges
from newtongue.tokenizer.loading import load_tokenizer
from newtongue.tokenizer.speaking import join_tokenizer
from newtongue_evaluation.answers import answer, answer_nats, example
from newtongue_evaluation.asking import CONTROLS, ask_all, lacking
from newtongue_evaluation.baselines import Learned, Question
from newtongue_evaluation.baselines.forms import plain
from newtongue_evaluation.baselines.swapped import ask_swapped, swapped
from worlds import voiced, world

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


@pytest.mark.parametrize(
    "english,groups,subjects,expected",
    [
        (("a", "b"), ("x", "x"), ("1", "2"), {}),
        (("a", ""), ("x", "x"), ("1", "2"), {"translate-test": "1 of 2 questions are without 'english'"}),
        (("a", "b"), ("x", "y"), ("1", "2"), {"swapped": "all questions of the group 'x' are about one subject"}),
        (("a", "b"), ("", ""), ("1", "1"), {"swapped": "all questions are about one subject"}),
    ],
)
def test_a_control_tells_what_questions_lack_for_it(
    english: tuple[str, str], groups: tuple[str, str], subjects: tuple[str, str], expected: dict[str, str]
) -> None:
    rows = zip(english, groups, subjects, strict=True)
    questions = [Question(str(at), [], text, ("a",), "en", *about) for at, (text, *about) in enumerate(rows)]
    assert {name: why for name in CONTROLS if (why := lacking(name, questions))} == expected


def test_swapped_refuses_a_group_with_one_subject() -> None:
    with pytest.raises(ValueError, match="one subject only"):
        swapped([1, 2], ["a", "a"], ["x", "x"])


def test_a_swapped_row_answers_another_question_and_keeps_its_own() -> None:
    learned = Learned(world(), world().tokenizer, lambda one: one.messages)
    first, second = (
        Question(answer, [{"role": "user", "content": text, "language": "tr"}], "", (answer,))
        for text, answer in zip(tiny.TURKISH, ("Paris", "Tokyo"), strict=False)
    )
    alone = learned.ask([replace(second, gold=first.gold), replace(first, gold=second.gold)], max_new_tokens=4)
    exchanged = ask_swapped(learned, [first, second], max_new_tokens=4)
    for row, one, other in zip(exchanged, (first, second), alone, strict=True):
        assert (row.key, row.question, row.gold) == (one.key, one.text, one.gold)
        assert (row.answer, row.nats) == (other.answer, pytest.approx(other.nats, rel=1e-4))


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


def test_answers_are_greedy_where_the_base_asks_for_beams() -> None:
    base, tokenizer = tiny.tiny_base(), tiny.base_tokenizer()
    greedy = answer(base, tokenizer, CHATS, max_new_tokens=5)
    base.generation_config.num_beams = 3
    assert answer(base, tokenizer, CHATS, max_new_tokens=5) == greedy


def test_answer_nats_is_the_loss_of_the_answer_alone() -> None:
    base, tokenizer = tiny.tiny_base(), tiny.base_tokenizer()
    told = [*CHATS[0], {"role": "assistant", "content": "Paris"}]
    prompt = tokenizer.apply_chat_template(CHATS[0], add_generation_prompt=True, return_dict=True)["input_ids"]
    written = tokenizer("Paris<|end|>" + tokenizer.eos_token, add_special_tokens=False)["input_ids"]
    ids = torch.tensor([prompt + written])
    labels = torch.tensor([[-100] * len(prompt) + written])
    loss = base(input_ids=ids, labels=labels).loss.item() * len(written)
    assert answer_nats(base, tokenizer, [told]) == pytest.approx([loss], rel=1e-4)


def test_a_bare_base_without_template_or_padding_is_asked_as_an_attached_one(tmp_path: Path) -> None:
    saved = tiny.base_tokenizer(template=False)
    saved.pad_token = None
    saved.save_pretrained(tmp_path)
    base, bare = tiny.tiny_base(), load_tokenizer(tmp_path)
    attached = join_tokenizer(bare, Ranges(tiny.ROWS))
    assert answer(base, bare, CHATS, max_new_tokens=5) == answer(base, attached, CHATS, max_new_tokens=5)
    told = [[*chat, {"role": "assistant", "content": "Paris"}] for chat in CHATS]
    assert answer_nats(base, bare, told) == pytest.approx(answer_nats(base, attached, told), rel=1e-4)


@pytest.mark.parametrize("ends,expected", [("<eos>", "Paris<|end|><eos>"), ("<|end|>", "Paris<|end|>")])
def test_an_answer_ends_alike_for_the_bare_base_and_an_attached_one(ends: str, expected: str) -> None:
    bare = tiny.base_tokenizer()
    bare.eos_token = ends
    told = [*CHATS[0], {"role": "assistant", "content": "Paris"}]
    made = example(bare, told)
    assert made == join_tokenizer(bare, Ranges(tiny.ROWS)).example(told)
    prompt = bare.apply_chat_template(CHATS[0], add_generation_prompt=True, return_dict=True)["input_ids"]
    said = bare(expected, add_special_tokens=False)["input_ids"]
    assert made == {"input_ids": prompt + said, "labels": [-100] * len(prompt) + said}


def test_what_stands_for_the_base_alone_answers_in_its_own_tokens_alone() -> None:
    model, english = voiced(), tiny.ENGLISH[0]
    asked = [{"role": "user", "content": tiny.TURKISH[0], "language": "tr"}]
    question = Question("1", asked, english, (tiny.TURKISH[2],), "tr")
    found = {title: rows for title, _, rows, _ in ask_all(model, "tr", [question], ["ours", "bare", "translate-test"])}
    for title, text in (
        ("bare base on raw text", tiny.TURKISH[0]),
        ("translate-test, gold English", english),
    ):
        told = [{"role": "user", "content": text}, {"role": "assistant", "content": tiny.TURKISH[2]}]
        expected = answer_nats(model, model.tokenizer, [told])
        assert [row.nats for row in found[title]] == pytest.approx(expected, rel=1e-6)


def test_plain_leaves_the_text_and_takes_the_language() -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "Repeat:"}, {"text": " Su", "language": "tr"}]}
    assert plain([message]) == [{"role": "user", "content": "Repeat: Su"}]
