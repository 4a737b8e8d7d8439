"""Which late-interaction model a collection's settings name, shared by the modules that use one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.modules.base import Settings
from weft.modules.local.late_interaction import LateInteractionEncoder, Passage, load_late_interaction
from weft.modules.local.models import MINILM, ModelOffer, ModelSource
from weft.modules.local.pool import ModelPool
from weft.modules.local.scheduler import Urgency
from weft.modules.text_vectorizer import text_setting, whole_number_setting

MOST_POOLING = 16


@dataclass(frozen=True, slots=True)
class LateModels:
    """The late-interaction models of a pool, as the settings ``model`` and ``poolFactor`` choose them."""

    pool: ModelPool
    offer: ModelOffer
    default: str

    def check(self, settings: Settings) -> None:
        self._source(settings)
        pool_factor(settings)

    def fingerprint(self, module: str, settings: Settings) -> str:
        source = self._source(settings)
        return "|".join((module, source.name, source.revision, f"pool {pool_factor(settings)}", "normalised"))

    def embed_documents(self, passages: Sequence[Passage], settings: Settings) -> list[Vector | WeftError]:
        return self.pool.run(*self._model(settings), passages, Urgency.DOCUMENT)

    def embed_query(self, passage: Passage, settings: Settings) -> Vector:
        (found,) = self.pool.run(*self._model(settings), [passage], Urgency.QUERY)
        if isinstance(found, WeftError):
            raise found
        return found

    def _source(self, settings: Settings) -> ModelSource:
        return self.offer.find(text_setting(settings, "model") or self.default, MINILM)

    def _model(self, settings: Settings) -> tuple[str, Callable[[], LateInteractionEncoder]]:
        source = self._source(settings)
        return late_model(source, self.offer)


def late_model(source: ModelSource, offer: ModelOffer) -> tuple[str, Callable[[], LateInteractionEncoder]]:
    """Its key in the pool, and how it is loaded."""
    return (
        f"late interaction|{source.place}",
        lambda: load_late_interaction(source, downloads=offer.allow_downloads),
    )


def pool_factor(settings: Settings) -> int:
    factor = whole_number_setting(settings, "poolFactor") or 1
    if factor > MOST_POOLING:
        raise Invalid(f"setting poolFactor must be at most {MOST_POOLING}, not {factor}")
    return factor
