"""The baselines by name."""

from .bare import bare, translate_test
from .bridges import langbridge, mindmerger
from .method import Baseline
from .new_vocabulary import new_vocabulary
from .raw_lora import raw_lora, raw_lora_translations
from .vocabulary import focus, mean, wechsel

BASELINES: dict[str, Baseline] = {
    "bare": bare,
    "raw-lora": raw_lora,
    "raw-lora-translations": raw_lora_translations,
    "vocabulary-mean": new_vocabulary(mean),
    "vocabulary-wechsel": new_vocabulary(wechsel),
    "vocabulary-focus": new_vocabulary(focus),
    "langbridge": langbridge,
    "mindmerger": mindmerger,
    "translate-test": translate_test,
}
