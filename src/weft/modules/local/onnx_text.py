"""A text model as an ONNX file, run by onnxruntime with the tokenizers library; no torch.

The folder holds ``model.onnx`` (inputs ``input_ids`` and ``attention_mask``, output the last hidden state
``(batch, tokens, d) f32``), ``tokenizer.json`` and ``config.json`` (``revision``, ``dimensions``, ``max_tokens``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector
from weft.modules.local.token_estimates import CHARS_PER_TOKEN
from weft.modules.local.vectors import unit

TokenIds: TypeAlias = npt.NDArray[np.int64]

_TEXTS_AT_ONCE = 16
"""Texts per call of the tokenizer; between calls the interpreter can switch to another thread, such as a search's."""


class OnnxTextEncoder:
    """L2-normalised text vectors. ``pooling``: ``masked_mean`` over a text's tokens, or ``cls``, the first one.

    ``threads``: those of onnxruntime in one run; several threads may run at the same time.
    """

    def __init__(self, folder: Path, name: str, *, pooling: str = "masked_mean", threads: int = 1) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import onnxruntime
        from tokenizers import Tokenizer

        self.name = name
        self.parallel = True
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.dimensions: int = config["dimensions"]
        self._pooling = pooling
        self._max_chars = config["max_tokens"] * CHARS_PER_TOKEN
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(config["max_tokens"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def prepare(self, texts: Sequence[str]) -> list[TokenIds]:
        found: list[TokenIds] = []
        for begin in range(0, len(texts), _TEXTS_AT_ONCE):
            some = [text[: self._max_chars] for text in texts[begin : begin + _TEXTS_AT_ONCE]]
            found += [np.array(one.ids, np.int64) for one in self._tokenizer.encode_batch_fast(some)]
        return found

    def length(self, prepared: TokenIds) -> int:
        return len(prepared)

    def encode(self, run: Sequence[TokenIds]) -> list[Vector]:
        """``(d,)`` of length 1 for each text, in order."""
        return [self._vector(one) for one in run]

    def _vector(self, ids: TokenIds) -> Vector:
        """Of one text alone: dynamic quantization scales the numbers of all texts of a run by the largest among them,
        so a text beside others would get another vector, by up to 0.012 in cosine distance."""
        inputs = {"input_ids": ids[None], "attention_mask": np.ones((1, len(ids)), np.int64)}
        states: npt.NDArray[np.float32] = self._session.run(None, inputs)[0][0]
        pooled: Vector = states[0] if self._pooling == "cls" else states.mean(axis=0)
        return unit(pooled)

    def close(self) -> None:
        self._session = None
