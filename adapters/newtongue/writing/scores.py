"""Scores in generation, which know no ids that are read in a language."""

import math
from typing import Any, cast

from torch import Tensor, nn
from transformers import LogitsProcessorList, StoppingCriteria, StopStringCriteria

from newtongue.ranges import Ranges


class OverBaseIds(LogitsProcessorList):
    """Processors that index scores by id get rows without the languages' ids."""

    def __init__(self, ranges: Ranges, processors: LogitsProcessorList) -> None:
        super().__init__(processors)
        self.ranges = ranges

    def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: Any) -> Tensor:
        """Process the scores `[batch, columns]` of what comes after rows `[batch, positions]`."""
        ids = self.ranges.as_scored_ids(input_ids, scores.shape[-1])
        scored: Tensor = super().__call__(cast(Any, ids), cast(Any, scores), **kwargs)
        return scored


class NothingRead(LogitsProcessorList):
    """Scores for all ids there are, for guesses copied from a prompt: none for what was read in a language."""

    def __init__(self, ranges: Ranges, processors: LogitsProcessorList) -> None:
        super().__init__()
        self.ranges, self.processors = ranges, processors

    def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: Any) -> Tensor:
        """Process the scores `[batch, columns]`, and add columns, none of them possible, for all other ids."""
        scored: Tensor = self.processors(cast(Any, input_ids), cast(Any, scores), **kwargs)
        ids = max(self.ranges[language].stop for language in self.ranges)
        return nn.functional.pad(scored, (0, ids - scored.shape[-1]), value=-math.inf)


class StopsWritten(StoppingCriteria):
    """Strings to stop at, looked for also in what is written in a language's own tokens."""

    def __init__(self, ranges: Ranges, own: StopStringCriteria) -> None:
        self.ranges, self.own = ranges, own

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Any:
        """Which of the rows `[batch, positions]` end with a token that completes a string: `[batch]`, bool."""
        done: Tensor = self.own(cast(Any, input_ids), scores, **kwargs)
        tail = 1 + max(len(one.encode()) for one in self.own.stop_strings)  # A token may be of one byte.
        written = [self._ends_written(ids) for ids in input_ids[:, -tail:].tolist()]
        return done | done.new_tensor(written)

    def _ends_written(self, ids: list[int]) -> bool:
        language = self.ranges.language_of(ids[-1])
        if language is None or ids[-1] >= self.ranges[language].start:
            return False
        owned = self.ranges[language]
        own = [one - owned.begin for one in ids if owned.begin <= one < owned.start]
        before, now = (owned.tokenizer.decode(some, skip_special_tokens=True) for some in (own[:-1], own))
        return any(one in now and one not in before for one in self.own.stop_strings)
