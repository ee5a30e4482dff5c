"""An attached model for lm-evaluation-harness."""

from typing import Any

from lm_eval.models.huggingface import HFLM
from torch import Tensor

from newtongue import AttachedModel, mark
from newtongue.spans.markup import is_marked


class AttachedLM(HFLM):  # type: ignore[misc]  # The harness is untyped.
    """The harness's own transformers model, whose prompts are read through a language's port.

    A prompt is read in the language as a whole, where no part of it is marked by `newtongue.mark`; with a chat
    template, each message of the user's is. What the model is to say, a choice or a continuation, stays in the base's
    vocabulary, in which it speaks.

    Args:
        model: attached.
        language: one of its languages; None reads prompts in the base's own vocabulary too, on the bare base.
        options: those of `HFLM` (`batch_size`, `max_length` …).
    """

    def __init__(self, model: AttachedModel, *, language: str | None, **options: Any) -> None:
        self.language = language
        super().__init__(pretrained=model, tokenizer=model.tokenizer, **options)

    def tok_batch_encode(self, strings: list[str], *args: Any, **options: Any) -> tuple[Tensor, Tensor]:
        """Encode prompts for generation."""
        ids, seen = super().tok_batch_encode([self._heard(one) for one in strings], *args, **options)
        return ids, seen

    def _encode_pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        """Encode a prompt, and what may follow, each in its own vocabulary; a space between goes to the latter.

        Where both are in the base's own they are encoded in one, as by `HFLM`: alone, what follows could begin with
        tokens that only stand at the start of a text.
        """
        bare = context.rstrip()
        if not bare or (self.language is None and not is_marked(context) and not is_marked(continuation)):
            own: tuple[list[int], list[int]] = super()._encode_pair(context, continuation)
            return own
        follows = self.tok_encode(context[len(bare) :] + continuation, add_special_tokens=False)
        return self.tok_encode(self._heard(bare)), follows

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Render messages, those of the user marked as in the language."""
        language = {"language": self.language} if self.language else {}
        marked = [{**one, **language} if one["role"] == "user" else one for one in chat_history]
        rendered: str = super().apply_chat_template(marked, add_generation_prompt)
        return rendered

    def _heard(self, prompt: str) -> str:
        return (
            prompt if self.language is None or is_marked(prompt) or not prompt.strip() else mark(prompt, self.language)
        )
