"""Cross-encoders, run by torch: a query and a document are read together and get one score for how well they match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weft.domain.errors import Misconfigured
from weft.domain.objects import Vector
from weft.modules.local.checkpoint import Purpose, read_checkpoint
from weft.modules.local.models import ModelSource
from weft.modules.local.onnx_models.pair_scorer import Pair, several_scores
from weft.modules.local.replicas import ReplicaPool
from weft.modules.local.token_estimates import estimated_tokens, readable
from weft.modules.local.torch_loading import Placement, best_placement, loading, options


class PairScorer:
    """``(1,) f32`` for each pair: the model's raw logit, larger is better; ``model`` is a CrossEncoder."""

    def __init__(self, model: Any, name: str) -> None:
        self.name = name
        self._replicas = ReplicaPool(model)
        self.parallel = self._replicas.parallel
        self._multimodal = any(kind not in ("text", "message") for kind in model.modalities)
        self._max_tokens = model.max_seq_length or 512

    def prepare(self, pairs: Sequence[Pair]) -> list[Pair]:
        return [(readable(query, self._max_tokens), readable(document, self._max_tokens)) for query, document in pairs]

    def length(self, prepared: Pair) -> int:
        return estimated_tokens(len(prepared[0]) + len(prepared[1]), self._max_tokens, markers=3)

    def encode(self, run: Sequence[Pair]) -> list[Vector]:
        """A score ``(1,)`` for each pair, in order.

        A multimodal model gets ``{"text": …}``: it would open a bare text that looks like a file or a URL.
        """
        from torch.nn import Identity

        pairs: list[Any] = [({"text": q}, {"text": d}) for q, d in run] if self._multimodal else list(run)
        with self._replicas.replica() as model:
            scores = model.predict(
                pairs, batch_size=len(run), show_progress_bar=False, activation_fn=Identity(), convert_to_numpy=True
            )
        return list(np.asarray(scores, np.float32).reshape(len(run), 1))

    def close(self) -> None:
        self._replicas.close()


def load_cross_encoder(source: ModelSource, *, downloads: bool, placement: Placement | None = None) -> PairScorer:
    """Raises Misconfigured for a model without a single score, CorruptData when weights are missing, Overloaded when it
    is too large. ``placement``: by default the best available."""
    checkpoint = read_checkpoint(source, downloads=downloads)
    checkpoint.require(Purpose.CROSS_ENCODER)
    from sentence_transformers import CrossEncoder

    placement = placement or best_placement()
    with loading(checkpoint, placement):
        model = CrossEncoder(checkpoint.place, **options(placement))
    if model.num_labels != 1:
        raise Misconfigured(several_scores(source.name, model.num_labels))
    return PairScorer(model.eval(), source.name)
