"""Any sentence-transformers model for text, by torch (the extra ``weft[torch]``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weft.domain.errors import Misconfigured
from weft.domain.objects import Vector
from weft.modules.local.checkpoint import Purpose, read_checkpoint
from weft.modules.local.models import ModelSource
from weft.modules.local.replicas import ReplicaPool
from weft.modules.local.token_estimates import estimated_tokens, readable
from weft.modules.local.torch_loading import best_placement, loading, options
from weft.modules.local.vectors import unit_rows


class TorchTextEncoder:
    """L2-normalised vectors of texts, pooled as the model's own configuration says."""

    def __init__(self, source: ModelSource, *, downloads: bool = False) -> None:
        self.name = source.name
        checkpoint = read_checkpoint(source.place, source.name, local_files_only=not downloads)
        checkpoint.require(Purpose.EMBEDDING)
        if checkpoint.model_type in ("whisper", "perceiver"):
            raise Misconfigured(f"the model {source.name} does not read text; use it with multi2vec-bind")
        from sentence_transformers import SentenceTransformer

        placement = best_placement()
        with loading(checkpoint, placement, downloads=downloads):
            model: Any = SentenceTransformer(source.place, **options(placement, downloads=downloads))
        model.eval().to(placement.torch_dtype)
        self._replicas = ReplicaPool(model)
        self.parallel = self._replicas.parallel
        self._multimodal = any(kind not in ("text", "message") for kind in getattr(model, "modalities", ("text",)))
        self._max_tokens = model.get_max_seq_length() or 512

    def prepare(self, texts: Sequence[str]) -> list[str]:
        return [readable(text, self._max_tokens) for text in texts]

    def length(self, prepared: str) -> int:
        return estimated_tokens(len(prepared), self._max_tokens)

    def encode(self, run: Sequence[str]) -> list[Vector]:
        """``(d,)`` of length 1 for each text, in order.

        A multimodal model gets ``{"text": …}``: it would open a bare text that looks like a file or URL.
        """
        texts = [{"text": text} for text in run] if self._multimodal else list(run)
        with self._replicas.replica() as model:
            found = model.encode(
                texts, batch_size=len(run), normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
            )
        return list(unit_rows(found))

    def close(self) -> None:
        self._replicas.close()
