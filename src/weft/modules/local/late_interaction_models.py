"""LateInteractionModels: from a collection's settings to the model, for all modules that use one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.modules.base import ModuleConfig
from weft.modules.local.checkpoint import exported_checkpoint
from weft.modules.local.late_interaction import Passage, load_late_interaction
from weft.modules.local.models import MINILM, ModelSource
from weft.modules.local.onnx_models.token_vectors import load_onnx_late_interaction
from weft.modules.local.pool import PooledModel
from weft.modules.local.scheduler import Encoder
from weft.modules.resources import Resources
from weft.modules.text_vectorizer import text_setting, whole_number_setting

MOST_POOLING = 16


@dataclass(frozen=True, slots=True)
class LateInteractionModels:
    """The late-interaction models that the settings ``model`` and ``poolFactor`` choose."""

    resources: Resources
    default: str

    def check(self, settings: ModuleConfig) -> None:
        self._source(settings)
        pool_factor(settings)

    def fingerprint(self, module: str, settings: ModuleConfig) -> str:
        source = self._source(settings)
        return "|".join((module, source.name, source.revision, f"pool {pool_factor(settings)}", "normalised"))

    def embed_documents(self, passages: Sequence[Passage], settings: ModuleConfig) -> list[Vector | WeftError]:
        return late_interaction_model(self._source(settings), self.resources).embed_documents(passages)

    def embed_query(self, passage: Passage, settings: ModuleConfig) -> Vector:
        (found,) = late_interaction_model(self._source(settings), self.resources).embed_urgently([passage])
        if isinstance(found, WeftError):
            raise found
        return found

    def _source(self, settings: ModuleConfig) -> ModelSource:
        return self.resources.offer.find(text_setting(settings, "model") or self.default, MINILM)


def late_interaction_model(source: ModelSource, resources: Resources) -> PooledModel[Encoder[Any]]:
    """The model of ``source`` in the pool; loaded on first use."""
    downloads = resources.offer.allow_downloads

    def load() -> Encoder[Any]:
        exported = exported_checkpoint(source, downloads=downloads)
        return load_onnx_late_interaction(exported) if exported else load_late_interaction(source, downloads=downloads)

    return resources.pool.model(f"late interaction|{source.place}", load)


def pool_factor(settings: ModuleConfig) -> int:
    factor = whole_number_setting(settings, "poolFactor") or 1
    if factor > MOST_POOLING:
        raise Invalid(f"setting poolFactor must be at most {MOST_POOLING}, not {factor}")
    return factor
