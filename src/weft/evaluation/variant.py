"""Variant: one way to search, as an evaluation tries it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from weft.domain.query import Fusion


class SearchBy(StrEnum):
    """What is compared with the query."""

    VECTOR = "vector"
    KEYWORD = "keyword"
    HYBRID = "hybrid"


@dataclass(frozen=True, slots=True)
class VectorChoice:
    """The vectors that a variant searches: those of the collection called ``name``; or, with a ``module``, new ones
    that it makes by ``model`` (empty: its own choice). Of both the index may differ from the collection's: by
    ``quantizer`` (none, bq, sq, rq or pq), ``ef`` and ``pooling``, where they are not empty or 0."""

    name: str = ""
    module: str = ""
    model: str = ""
    quantizer: str = ""
    ef: int = 0
    pooling: int = 0

    @property
    def is_stored(self) -> bool:
        """Whether the collection can be searched as it is."""
        return not (self.module or self.quantizer or self.ef or self.pooling)

    @property
    def label(self) -> str:
        """``title``, ``bge-small``, ``title bq ef 64``."""
        source = (self.model or self.module).rstrip("/").rpartition("/")[2] if self.module else self.name
        parts = [source, self.quantizer, f"ef {self.ef}" if self.ef else ""]
        return " ".join(filter(None, [*parts, f"pooling {self.pooling}" if self.pooling else ""]))


@dataclass(frozen=True, slots=True)
class Variant:
    """``vector`` is None by keyword. ``alpha``: the share of the vector leg of a hybrid. ``reranker``: the module that
    orders the best hits again; empty: none."""

    by: SearchBy
    vector: VectorChoice | None = None
    alpha: float = 0.0
    fusion: Fusion = Fusion.RELATIVE_SCORE
    reranker: str = ""

    @property
    def name(self) -> str:
        """One name for each variant: ``keyword``, ``title``, ``hybrid title 0.5 ranked + reranker-transformers``."""
        of = self.vector.label if self.vector is not None else ""
        match self.by:
            case SearchBy.VECTOR:
                name = of
            case SearchBy.KEYWORD:
                name = "keyword"
            case SearchBy.HYBRID:
                name = f"hybrid {of} {self.alpha:g}{' ranked' if self.fusion is Fusion.RANKED else ''}"
        return f"{name} + {self.reranker}" if self.reranker else name

    @property
    def phrase(self) -> str:
        """For a sentence: ``hybrid of title with alpha 0.5``, ``title alone``."""
        of = self.vector.label if self.vector is not None else ""
        match self.by:
            case SearchBy.VECTOR:
                phrase = of if self.reranker else f"{of} alone"
            case SearchBy.KEYWORD:
                phrase = "keyword" if self.reranker else "keyword alone"
            case SearchBy.HYBRID:
                ranked = " and ranked fusion" if self.fusion is Fusion.RANKED else ""
                phrase = f"hybrid of {of} with alpha {self.alpha:g}{ranked}"
        return f"{phrase}, reranked by {self.reranker}," if self.reranker else phrase
