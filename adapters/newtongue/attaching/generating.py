"""`generate` of an attached model, where it asks for more than forwards: scores, stops and guesses over all ids."""

from types import SimpleNamespace
from typing import Any

from torch import Tensor
from transformers import (
    GenerationConfig,
    GenerationMixin,
    LogitsProcessorList,
    PreTrainedModel,
    StoppingCriteriaList,
    StopStringCriteria,
)
from transformers.generation.candidate_generator import PromptLookupCandidateGenerator

from newtongue.errors import NewtongueError
from newtongue.writing.scores import NothingRead, OverBaseIds, StopsWritten

from .port import port_of


class Generating(PreTrainedModel):
    """What of `GenerationMixin` would take ids of languages for the base's."""

    def init_continuous_batching(self, *args: Any, **options: Any) -> Any:
        """Not while languages are attached, nor `generate_batch`: its cache knows no rows.

        Raises:
            NewtongueError: always.
        """
        raise NewtongueError(
            "Continuous batching (generate_batch) keeps all rows in one, so no LoRA answers after the first token. "
            "Use generate, with rows of a batch padded on the left, or detach the languages."
        )

    def heal_tokens(self, input_ids: Tensor, *args: Any, **options: Any) -> Any:
        """As the base does, for prompts `[batch, positions]` without text in a language.

        Raises:
            NewtongueError: something is read in a language.
        """
        if bool((input_ids >= port_of(self).ranges.base_rows).any()):
            raise NewtongueError(
                "token_healing=True looks for other ends of a prompt in the base's vocabulary. Leave it out where "
                "something is read in a language."
            )
        return super().heal_tokens(input_ids, *args, **options)  # type: ignore[misc]

    def compute_transition_scores(
        self, sequences: Tensor, scores: tuple[Tensor, ...], *args: Any, **options: Any
    ) -> Any:
        """As the base does, over as many columns as the scores have: languages that write add some.

        Args:
            sequences: `[batch, positions]`, as `generate` gives them.
            scores: `[batch, columns]` of each step.
            args, options: as for the base.

        Returns:
            `[batch, steps]`: the score of each token that was chosen.
        """
        columns = SimpleNamespace(vocab_size=scores[0].shape[-1])
        model = SimpleNamespace(config=SimpleNamespace(get_text_config=lambda: columns))  # All that is asked of it.
        own: Any = GenerationMixin.compute_transition_scores
        return own(model, sequences, scores, *args, **options)

    def _get_stopping_criteria(self, *args: Any, **options: Any) -> StoppingCriteriaList:
        found = super()._get_stopping_criteria(*args, **options)  # type: ignore[misc]
        ranges = port_of(self).ranges
        return StoppingCriteriaList(
            StopsWritten(ranges, one) if isinstance(one, StopStringCriteria) else one for one in found
        )

    def _get_candidate_generator(self, **options: Any) -> Any:
        read = bool((options["input_ids"] >= port_of(self).ranges.base_rows).any())
        if read and options.get("assistant_model") is not None:
            raise NewtongueError(
                "The assistant_model knows no ids of an attached language. Leave it out where something is read in one."
            )
        guesses = super()._get_candidate_generator(**options)  # type: ignore[misc]
        if isinstance(guesses, PromptLookupCandidateGenerator) and guesses.logits_processor is not None:
            guesses.logits_processor = NothingRead(port_of(self).ranges, guesses.logits_processor)
        return guesses

    def _get_logits_processor(
        self, generation_config: GenerationConfig, *args: Any, encoder_input_ids: Tensor | None = None, **kwargs: Any
    ) -> LogitsProcessorList:
        if generation_config.prefill_chunk_size is not None:
            raise NewtongueError(
                f"prefill_chunk_size={generation_config.prefill_chunk_size} would cut what is read in a language in "
                "two. Leave it out while languages are attached."
            )
        if port_of(self).head is not None and generation_config.guidance_scale not in (None, 1):
            raise NewtongueError(
                f"guidance_scale={generation_config.guidance_scale} compares scores with those of a prompt in no "
                "language, which has none for what a voice writes. Leave it out while such languages are attached."
            )
        if port_of(self).head is not None and generation_config.watermarking_config is not None:
            raise NewtongueError(
                f"watermarking_config={type(generation_config.watermarking_config).__name__} marks choices among the "
                "base's ids, and none among those that a voice writes: such an answer would bear no watermark. Leave "
                "it out while such languages are attached."
            )
        if encoder_input_ids is not None and not encoder_input_ids.is_floating_point():  # Of the prompt, here.
            ranges = port_of(self).ranges
            encoder_input_ids = ranges.as_scored_ids(encoder_input_ids, ranges.base_rows)
        processors = super()._get_logits_processor(  # type: ignore[misc]
            generation_config, *args, encoder_input_ids=encoder_input_ids, **kwargs
        )
        return OverBaseIds(port_of(self).ranges, processors)
