"""What of a text a language leaves to the base, told by how many tokens each of the two takes for it."""

from collections.abc import Sequence
from math import inf

from newtongue.spans.borrowed import cut_latin, cut_shorter, in_other_cases, is_latin

from .joined import Joined


class Borrowing(Joined):
    """Cuts the text of a language that borrows."""

    def _apart(self, text: str, language: str) -> list[tuple[str, bool]]:
        """What is read of a language, in parts, and whether each is borrowed."""
        if not self.ranges[language].borrows:
            return [(text, False)]
        if is_latin(language):
            return cut_shorter(text, lambda parts: self._saved(parts, language), self._says)
        return cut_latin(text, self._says)

    def _says(self, text: str) -> bool:
        """Whether the base's own tokens say a text as it is written: it names no special token, and none is unknown."""
        named = any(token.special and token.content in text for token in self.added_tokens_decoder.values())
        return not named and self.unk_token_id not in self._going_on([text], verbose=False)[0]

    def _saved(self, texts: Sequence[str], language: str) -> list[float]:
        """By how many tokens each is shorter in the base's than in the language's; whose it is hangs on no capital."""
        own, cases = self.ranges[language].tokenizer, {text: in_other_cases(text) for text in texts}
        forms = [f" {form}" for written in cases.values() for form in written]
        rows = own(forms, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"]
        read = _fewest(rows, own.unk_token_id, len(cases))
        said = _fewest(self._going_on(forms, verbose=False), self.unk_token_id, len(cases))
        saved = {one: -inf if base == inf else mine - base for one, mine, base in zip(cases, read, said, strict=True)}
        return [saved[text] for text in texts]


def _fewest(rows: Sequence[Sequence[int]], unknown: int | None, texts: int) -> list[float]:
    """The tokens of each text in the case that takes fewest; no number where some of it, as written, is unknown."""
    taken = [inf if unknown in row else len(row) for row in rows]
    cases = len(rows) // texts
    return [inf if taken[at] == inf else min(taken[at : at + cases]) for at in range(0, len(taken), cases)]
