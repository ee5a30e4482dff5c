"""Tokenizers of a language's own: nothing but compatibility forms is lost, and BPE merges as SentencePiece does."""

import io
import re
import string
from typing import get_args
from unicodedata import normalize

import pytest
import sentencepiece
from transformers import PreTrainedTokenizerBase

from newtongue import NewtongueError
from newtongue_recipes.atlas import split
from newtongue_recipes.atlas.sentences import raw_text
from newtongue_recipes.settings import Tokens
from newtongue_recipes.stages.vocabulary import SPECIALS, train_vocabulary, writes_spaces

STRANGE = ["naïve 😀 ☃", "ﬁ Ａ １", "[MASK] [SEP]", "𐎀𐎁", "a\tb"]


@pytest.fixture(scope="module", params=["tr", "ja"])
def texts(request: pytest.FixtureRequest) -> list[str]:
    return raw_text(request.param, 1500, 0, split(request.param)[0])


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("kind", get_args(Tokens))
def test_a_text_comes_back(texts: list[str], kind: Tokens, joined: bool) -> None:
    tokenizer = train_vocabulary(texts, 800, kind=kind, joined=joined)
    assert [tokenizer.convert_tokens_to_ids(special) for special in SPECIALS] == list(range(len(SPECIALS)))
    for text in texts[:200]:
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == normalize("NFKC", text)
        assert tokenizer.unk_token_id not in ids
    for text in STRANGE:
        assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]


@pytest.mark.parametrize("kind", get_args(Tokens))
def test_a_text_that_names_pieces_is_read_as_text(texts: list[str], kind: Tokens) -> None:
    tokenizer = train_vocabulary(texts, 800, kind=kind)
    text = f"{' '.join(SPECIALS)} <0x41> {texts[0]}"
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert tokenizer.decode(ids) == normalize("NFKC", text)
    assert not {*ids} & {*range(len(SPECIALS)), tokenizer.convert_tokens_to_ids("<0x41>")}
    plain = tokenizer(texts[0], add_special_tokens=False)["input_ids"]
    assert ids[-len(plain) + 1 :] == plain[1:]


@pytest.mark.parametrize("kind", get_args(Tokens))
def test_too_few_ids_are_an_error_that_says_how_many_it_takes(kind: Tokens) -> None:
    told = "Su içer. Kedi de."
    with pytest.raises(NewtongueError, match=r"A vocabulary of 200 .*represent\.vocabulary") as refused:
        train_vocabulary([told] * 9, 200, kind=kind)
    least = int(re.search(r"take (\d+) ids", str(refused.value))[1])
    assert len(train_vocabulary([told] * 9, least, kind=kind)) == least


@pytest.mark.parametrize("short", [[], ["x y z"] * 20], ids=["alone", "among short ones"])
def test_a_long_text_is_learnt_from(texts: list[str], short: list[str]) -> None:
    tokenizer = train_vocabulary([" ".join(texts), *short], 800)
    assert len(tokenizer.tokenize(texts[0])) < len(texts[0])  # What was never met is spelled in more bytes than that.


def test_bpe_splits_as_sentencepiece_does(texts: list[str]) -> None:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="bpe",
        vocab_size=800,
        byte_fallback=True,
        character_coverage=0.9998,
        normalization_rule_name="nfkc",
        add_dummy_prefix=writes_spaces(texts),
        minloglevel=2,
    )
    stock = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    tokenizer = train_vocabulary(texts, 800 + 2, kind="bpe")  # It has two special ids more.
    for text in texts[:200]:
        assert tokenizer.convert_ids_to_tokens(tokenizer(text, add_special_tokens=False)["input_ids"]) == (
            stock.encode(text, out_type=str)
        )


@pytest.mark.parametrize("kind", get_args(Tokens))
def test_joined_tokens_hold_marks_beside_letters_and_are_fewer(texts: list[str], kind: Tokens) -> None:
    apart, joined = (train_vocabulary(texts, 2000, kind=kind, joined=one) for one in (False, True))

    def mixed(tokenizer: PreTrainedTokenizerBase) -> list[str]:
        pieces = [one.lstrip("▁") for one in tokenizer.get_vocab() if one not in SPECIALS and not one.startswith("<0x")]
        return [one for one in pieces if one.strip(string.punctuation + "。、？") != one and any(map(str.isalpha, one))]

    assert not mixed(apart)
    assert mixed(joined)
    assert sum(map(len, joined(texts)["input_ids"])) < sum(map(len, apart(texts)["input_ids"]))
