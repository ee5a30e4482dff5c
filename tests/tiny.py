"""Tiny random models and tokenizers, made in memory, that stand for real ones in the tests."""

from functools import cache
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from newtongue import Encoder

ROWS = 320  # Rows of every tiny base's embedding; more than its tokenizer has ids, as in Phi.
WIDTH = 32

ENGLISH = ["What is the capital of France?", "Paris is the capital of France.", "I read a book about Japan."]
TURKISH = ["Fransa'nın başkenti neresidir?", "Japonya hakkında bir kitap okudum.", "Şu ığdır güzel."]
JAPANESE = ["フランスの首都はどこですか。", "日本についての本を読みました。", "東京はきれいです。"]

TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

_SMALL = {"vocab_size": ROWS, "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 4}
_GATED = {**_SMALL, "intermediate_size": 64, "num_key_value_heads": 2, "max_position_embeddings": 256}
ARCHITECTURES: dict[str, dict[str, object]] = {
    "phi": {**_SMALL, "intermediate_size": 64, "max_position_embeddings": 256},
    "phi3": {**_GATED, "pad_token_id": 0, "tie_word_embeddings": True},
    "llama": _GATED,
    "qwen3": {**_GATED, "head_dim": 8, "tie_word_embeddings": True},
    "gemma3_text": {**_GATED, "head_dim": 8, "sliding_window": 64, "tie_word_embeddings": True},
    "mistral": _GATED,
    "gpt_neox": {**_SMALL, "intermediate_size": 64, "max_position_embeddings": 256},
    "olmo2": _GATED,
}

ENCODERS: dict[str, dict[str, object]] = {
    "bert": {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
    "xlm-roberta": {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
    "modernbert": {
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "local_attention": 16,
    },
}


def tiny_base(architecture: str = "phi", seed: int = 0, **changes: object) -> PreTrainedModel:
    """A random causal language model in eval mode."""
    torch.manual_seed(seed)
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    config = AutoConfig.for_model(architecture, **{**ARCHITECTURES[architecture], **ends, **changes})
    model = AutoModelForCausalLM.from_config(config).eval()
    for name, parameter in model.named_parameters():  # Random biases and norms too, so that each one matters.
        if parameter.dim() == 1 and "norm" not in name:
            torch.nn.init.normal_(parameter, std=0.02)
    return model


@cache
def _bpe(texts: tuple[str, ...], specials: tuple[str, ...], size: int) -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(list(texts) * 3, trainer)
    return str(tokenizer.to_str())


def base_tokenizer(template: bool = True) -> PreTrainedTokenizerBase:
    """An English byte-level BPE with fewer ids than the bases have rows, and a chat template."""
    specials = ("<pad>", "<bos>", "<eos>", "<|user|>", "<|system|>", "<|assistant|>", "<|end|>")
    backend = Tokenizer.from_str(_bpe(tuple(ENGLISH), specials, 310))
    backend.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>", padding_side="left"
    )
    tokenizer.add_special_tokens({"additional_special_tokens": list(specials[3:])})
    if template:
        tokenizer.chat_template = TEMPLATE
    return tokenizer


def spaced_tokenizer() -> PreTrainedTokenizerBase:
    """A base's tokenizer as SentencePiece makes them, which puts a space before the first word of a text alone."""
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    specials = ["<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|end|>"]
    backend.train_from_iterator(ENGLISH * 3, trainers.BpeTrainer(vocab_size=200, special_tokens=specials))
    own = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    own.chat_template = TEMPLATE
    return own


def encoder_tokenizer(texts: list[str]) -> PreTrainedTokenizerBase:
    """A language's own byte-level BPE, with BERT's special tokens."""
    specials = ("[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]")
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_bpe(tuple(texts), specials, 300)),
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        unk_token="[UNK]",
    )


def tiny_encoder(
    texts: list[str] | None = None, architecture: str = "bert", seed: int = 1, positions: int = 34
) -> Encoder:
    """A random encoder that reads at most 32 tokens at once."""
    torch.manual_seed(seed)
    tokenizer = encoder_tokenizer(texts or TURKISH)
    config = AutoConfig.for_model(
        architecture,
        vocab_size=len(tokenizer),
        max_position_embeddings=positions,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        cls_token_id=1,
        sep_token_id=2,
        **ENCODERS[architecture],
    )
    return Encoder(AutoModel.from_config(config).eval(), tokenizer)


def save_base(folder: Path, architecture: str = "phi", **changes: object) -> Path:
    """Write a tiny base with its tokenizer, as a folder to load from."""
    tiny_base(architecture, **changes).save_pretrained(folder)
    base_tokenizer().save_pretrained(folder)
    return folder
