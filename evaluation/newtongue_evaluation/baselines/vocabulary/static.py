"""Static embeddings, trained here on the text at hand where others take fastText's published ones."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from newtongue import NewtongueError

WIDTH = 100
BUCKETS = 50_000  # For n-grams; the library's two million are for a vocabulary of as many words.


def static_embeddings(sentences: Sequence[Sequence[str]], seed: int) -> Any:
    """fastText's skip-gram with subwords (Bojanowski et al., TACL 2017), by gensim; gives its keyed vectors.

    Raises:
        NewtongueError: gensim is not installed, or there are no sentences.
    """
    try:
        from gensim.models import FastText
    except ImportError:
        raise NewtongueError(
            "WECHSEL and FOCUS train static embeddings with gensim, which is not installed. Run: pip install "
            "'newtongue[baselines]'."
        ) from None
    if not sentences:
        raise NewtongueError("Static embeddings were to be trained and there is no text. Give raw text and pairs.")
    model = FastText(
        sentences=[list(one) for one in sentences],
        vector_size=WIDTH,
        window=5,
        min_count=1 if len(sentences) < 1_000 else 2,
        sg=1,
        bucket=BUCKETS,
        epochs=10,
        workers=1,  # More would make it another run each time.
        seed=seed + 1,
    )
    return model.wv


def vectors(keyed: Any, words: Iterable[str | None]) -> tuple[Tensor, Tensor]:
    """Unit vectors of words, by their n-grams where they are new, and which of them have one.

    Returns:
        `[words, width]`, zero where there is none, and `[words]`, bool.
    """
    found, known = [], []
    for word in words:
        stripped = (word or "").strip()
        has = bool(stripped) and (stripped in keyed.key_to_index or _has_ngrams(keyed, stripped))
        found.append(torch.tensor(keyed.get_vector(stripped)) if has else torch.zeros(WIDTH))
        known.append(has)
    return torch.nn.functional.normalize(torch.stack(found).float(), dim=-1), torch.tensor(known)


def _has_ngrams(keyed: Any, word: str) -> bool:
    return len(word) + 2 >= int(keyed.min_n)  # With the marks fastText puts before and after a word.
