"""A model's tokenizer, as the tokenizers library reads it from ``tokenizer.json``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from weft.domain.errors import CorruptData, Misconfigured
from weft.modules.local.onnx_models.layout import ModelFolder
from weft.modules.local.token_estimates import CHARS_PER_TOKEN

_TEXTS_AT_ONCE = 16
"""Texts per call of the tokenizer; between calls the interpreter can switch to another thread, such as a search's."""


def load_tokenizer(model: ModelFolder) -> Any:
    """Neither pads nor truncates. Raises Misconfigured if ``tokenizer.json`` is missing, CorruptData if damaged."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from tokenizers import Tokenizer, normalizers

    file = model.transformer / "tokenizer.json"
    if not file.is_file():
        raise Misconfigured(
            f"the model {model.name} has no tokenizer.json beside its weights; copy or download all of it, or export "
            "it again with: weft models export"
        )
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # of no class of its own
        raise CorruptData(
            f"tokenizer.json of the model {model.name} cannot be read ({error}); copy it again", path=str(file)
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if model.sentence_settings.get("do_lower_case"):
        given = [tokenizer.normalizer] if tokenizer.normalizer is not None else []
        tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *given])
    return tokenizer


def encode_all(tokenizer: Any, texts: Sequence[str], max_tokens: int) -> list[Any]:
    """The library's encoding of each text; beyond ``max_tokens`` of the longest words nothing is read."""
    found: list[Any] = []
    limit = max_tokens * CHARS_PER_TOKEN
    for begin in range(0, len(texts), _TEXTS_AT_ONCE):
        found += tokenizer.encode_batch_fast([text[:limit] for text in texts[begin : begin + _TEXTS_AT_ONCE]])
    return found
