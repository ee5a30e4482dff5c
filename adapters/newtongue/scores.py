"""Scores in generation, which know no ids that are read in a language."""

import math
from typing import Any, cast

from torch import Tensor, nn
from transformers import LogitsProcessorList

from .ranges import Ranges


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
