"""Cross-encoders as ONNX files: a query and a document are read together and get one score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Misconfigured
from weft.domain.objects import Vector
from weft.modules.local.checkpoint import Checkpoint, Purpose
from weft.modules.local.onnx_models.files import text_file
from weft.modules.local.onnx_models.layout import ModelFolder
from weft.modules.local.onnx_models.session import OnnxSession
from weft.modules.local.onnx_models.tokenizing import load_tokenizer
from weft.modules.local.token_estimates import readable

Pair: TypeAlias = tuple[str, str]
"""Query and document."""

TokenizedPair: TypeAlias = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""The ids of both, with the marks between them, and the part, 0 or 1, that each belongs to."""


class OnnxPairScorer:
    """``(1,) f32`` for each pair: the model's raw logit, larger is better."""

    def __init__(self, session: OnnxSession, tokenizer: Any, max_tokens: int) -> None:
        self.name = session.name
        self.parallel = True
        self._session, self._tokenizer, self._max_tokens = session, tokenizer, max_tokens
        tokenizer.enable_truncation(max_tokens, strategy="longest_first")
        session.check_inputs(("input_ids", "attention_mask", "token_type_ids"))
        self._output = session.output("logits", rank=2)

    def prepare(self, pairs: Sequence[Pair]) -> list[TokenizedPair]:
        limit = self._max_tokens
        found = self._tokenizer.encode_batch([(readable(query, limit), readable(text, limit)) for query, text in pairs])
        return [(np.array(one.ids, np.int64), np.array(one.type_ids, np.int64)) for one in found]

    def length(self, prepared: TokenizedPair) -> int:
        return len(prepared[0])

    def encode(self, run: Sequence[TokenizedPair]) -> list[Vector]:
        """A score ``(1,)`` for each pair, in order."""
        return [self._score(ids, parts) for ids, parts in run]

    def close(self) -> None:
        self._session.close()

    def _score(self, ids: npt.NDArray[np.int64], parts: npt.NDArray[np.int64]) -> Vector:
        mask = np.ones((1, len(ids)), np.int64)
        given = {"input_ids": ids[None], "attention_mask": mask, "token_type_ids": parts[None]}
        return np.asarray(self._session.run(given, self._output)[0], np.float32)


def load_onnx_cross_encoder(checkpoint: Checkpoint) -> OnnxPairScorer:
    """Raises Misconfigured for a model with another purpose or without a single score, CorruptData when a file is
    damaged, Overloaded when it is too large."""
    checkpoint.require(Purpose.CROSS_ENCODER)
    labels = checkpoint.config.get("id2label") or checkpoint.config.get("label2id") or [0]
    if len(labels) != 1:
        raise Misconfigured(several_scores(checkpoint.name, len(labels)))
    model = ModelFolder(checkpoint)
    file = text_file(model.path)
    assert file is not None, "only models with an ONNX file are run here"
    return OnnxPairScorer(OnnxSession(file, model.name), load_tokenizer(model), model.max_tokens)


def several_scores(name: str, count: int) -> str:
    return (
        f"the model {name} has {count} classes and not a single score to rank by; choose a cross-encoder with one label"
    )
