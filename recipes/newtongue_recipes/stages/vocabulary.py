"""A tokenizer of a language's own, trained from its raw text."""

import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import sentencepiece
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import generate_merges

from newtongue import NewtongueError
from newtongue_recipes.settings import Tokens

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_NAMED = Regex(rf"\[(?=({'|'.join(one[1:-1] for one in SPECIALS)})\])|<(?=0x[0-9A-F]{{2}}>)")  # Pieces, not text.
_LONGEST = 4192  # Bytes; longer texts SentencePiece drops in silence, unless it is told to take them.


def train_vocabulary(
    texts: Iterable[str], size: int, positions: int = 512, kind: Tokens = "unigram", *, joined: bool = False
) -> PreTrainedTokenizerBase:
    """Train a vocabulary with SentencePiece and give it as a fast tokenizer.

    SentencePiece's own trainer takes text without spaces, as in Japanese, in its stride. Characters it never
    met are spelled in bytes, so no text is lost.

    Args:
        texts: lines of raw text.
        size: ids wanted; fewer where the text holds no more.
        positions: the longest text its encoder will read.
        kind: of model, Unigram (Kudo 2018) or BPE (Sennrich et al. 2016).
        joined: whether letters and the marks or numbers beside them can be one piece.

    Raises:
        NewtongueError: so few ids have no room for the text's characters.
    """
    texts = list(texts)
    spaced = writes_spaces(texts)
    pieces = sentencepiece.SentencePieceProcessor(model_proto=_trained(texts, size, kind, spaced, joined))
    scored = [(pieces.id_to_piece(one), pieces.get_score(one)) for one in range(len(pieces))]
    return _as_fast(_bpe(scored) if kind == "bpe" else models.Unigram(scored, 1, True), positions, spaced)


def _trained(texts: Sequence[str], size: int, kind: Tokens, spaced: bool, joined: bool) -> bytes:
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type=kind,
            vocab_size=size,
            hard_vocab_limit=False,
            byte_fallback=True,
            character_coverage=0.9998,
            max_sentence_length=max([_LONGEST, *(len(text.encode()) for text in texts)]),
            normalization_rule_name="nfkc",
            add_dummy_prefix=spaced,
            split_by_unicode_script=not joined,
            pad_id=0,
            unk_id=1,
            bos_id=2,
            eos_id=3,
            pad_piece=SPECIALS[0],
            unk_piece=SPECIALS[1],
            bos_piece=SPECIALS[2],
            eos_piece=SPECIALS[3],
            user_defined_symbols=SPECIALS[4:],
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        if least := re.search(r"required_chars\. \d+ vs (\d+)", str(error)):
            raise NewtongueError(
                f"A vocabulary of {size:,} has no room for the characters of the text and the bytes, which take "
                f"{int(least[1]):,} ids. Set represent.vocabulary to more."
            ) from error
        raise
    return model.getvalue()


def writes_spaces(texts: Sequence[str]) -> bool:
    """Whether a language puts spaces between its words: at least one in twenty characters.

    Where it does, a word is the same at the start of a text as within; where it does not, only without a
    space put before the text.
    """
    return sum(text.count(" ") for text in texts) * 20 >= sum(map(len, texts))


def _bpe(scored: list[tuple[str, float]]) -> models.BPE:
    """A BPE model of SentencePiece's pieces: what was merged first has the highest score."""
    ids = {piece: one for one, (piece, _) in enumerate(scored)}
    merges = generate_merges(ids, dict(scored), SPECIALS)
    return models.BPE(ids, merges, unk_token=SPECIALS[1], fuse_unk=True, byte_fallback=True)


def _as_fast(model: Any, positions: int, spaced: bool) -> PreTrainedTokenizerBase:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("  ", " ")])
    spaces = pre_tokenizers.Metaspace(prepend_scheme="first" if spaced else "never")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(_NAMED, "isolated"), spaces])
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first" if spaced else "never")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=positions,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
