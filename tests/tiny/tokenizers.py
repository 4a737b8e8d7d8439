"""Small tokenizers, made from a few words, for models with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_WORDS = "the a red blue green circle square photo audio what is capital of france paris hello query document image"
_CHARS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-:"


def word_pieces(max_tokens: int = 128, more: Sequence[str] = ()) -> Any:
    """As BERT has one: lower case, ``[CLS] text [SEP]``, pairs; ``more`` are special tokens."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *more]
    vocabulary = dict.fromkeys([*special, *_WORDS.split(), *_CHARS, *("##" + letter for letter in _CHARS)])
    made = Tokenizer(models.WordPiece({word: i for i, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        additional_special_tokens=list(more),
        model_max_length=max_tokens,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def byte_pairs(begin: str, end: str, pad: str, more: Sequence[str] = (), max_tokens: int = 256) -> Any:
    """As Gemma and Qwen have one: pairs of bytes, nothing added before or after a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(dict.fromkeys([begin, end, pad, *more])),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([_WORDS], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token=begin,
        eos_token=end,
        pad_token=pad,
        unk_token=end,
        additional_special_tokens=list(more),
        model_max_length=max_tokens,
    )
