"""What a search returns, on every wire: hits in rank order, groups, generated texts, a profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from math import isnan
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from weft.domain.classification import Classified
from weft.domain.objects import Properties, Reference, Vector
from weft.domain.schema import CollectionConfig


class StoredRecord(Protocol):
    """A stored object, decoded lazily."""

    @property
    def uuid(self) -> bytes: ...
    @property
    def created_ms(self) -> int: ...
    @property
    def updated_ms(self) -> int: ...
    @property
    def properties(self) -> Properties: ...
    @property
    def references(self) -> Mapping[str, Sequence[Reference]]:
        """By property; those for which the object has a value, even an empty one."""
        ...

    @property
    def classified(self) -> Classified | None:
        """The latest classification of the object."""
        ...

    @property
    def encoded_properties(self) -> bytes:
        """All properties but references and blobs as one ``weaviate.v1.Properties`` message, absent ones as null."""
        ...


@dataclass(frozen=True, slots=True)
class GenerationDetails:
    """What a generation reports besides its text, if the query requests it: the prompt as sent, the provider, and the
    provider's usage report."""

    full_prompt: str | None = None
    provider: str | None = None
    """By its name in the protocol, such as ``openai``."""
    usage: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Hit:
    """One found object. ``distance``: smaller is nearer; ``score``: larger is better."""

    record: StoredRecord
    doc_id: int
    distance: float | None = None
    score: float | None = None
    explain: str | None = None
    certainty: float | None = None
    rerank_score: float | None = None
    generated: str | None = None
    generation_error: str | None = None
    vectors: dict[str, Vector] = field(default_factory=dict)
    """Filled according to ``Returns``."""
    references: dict[str, list[Hit]] = field(default_factory=dict)
    """By property: the referenced objects, each with its ``collection``; filled according to ``Returns``."""
    collection: CollectionConfig | None = None
    """None: the collection of the query."""
    generation: GenerationDetails | None = None


@dataclass(slots=True)
class Group:
    """Hits that share a value of the grouped property, in rank order; at least one."""

    name: str
    hits: list[Hit]
    min_distance: float = 0.0
    max_distance: float = 0.0
    rerank_score: float | None = None
    generated: str | None = None
    """Of the first hit."""
    generation_error: str | None = None
    generation: GenerationDetails | None = None


@dataclass(frozen=True, slots=True)
class ShardProfile:
    """The figures, as text, of one shard for a query, by kind of search (object, vector, keyword)."""

    name: str
    node: str
    searches: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Page:
    """Hits in rank order of which nothing is known but these columns, never changed; NaN: a hit without distance."""

    records: Sequence[StoredRecord]
    doc_ids: npt.NDArray[np.uint32]
    """``(n,)``"""
    distances: npt.NDArray[np.float64] | None = None
    """``(n,)``"""
    scores: npt.NDArray[np.float64] | None = None
    """``(n,)``"""

    def hits(self) -> list[Hit]:
        count = len(self.records)
        distances: Iterable[float | None] = repeat(None, count)
        if self.distances is not None:
            distances = [None if isnan(distance) else distance for distance in self.distances.tolist()]
        scores = repeat(None, count) if self.scores is None else self.scores.tolist()
        return list(map(Hit, self.records, self.doc_ids.tolist(), distances, scores))


class Answer:
    """``page``: the hits as columns, until ``hits`` is asked for; then these count, and may be changed."""

    __slots__ = ("_hits", "generated", "generation", "generation_error", "groups", "page", "profile", "took_s")

    def __init__(
        self,
        hits: list[Hit] | Page | None = None,
        groups: list[Group] | None = None,
        generated: str | None = None,
        profile: tuple[ShardProfile, ...] = (),
        took_s: float = 0.0,
    ) -> None:
        self.page: Page | None = hits if isinstance(hits, Page) else None
        self._hits: list[Hit] = [] if hits is None or isinstance(hits, Page) else hits
        self.groups = groups
        self.generated = generated
        """The result of a grouped task: about all hits, or the first hit of each group."""
        self.generation_error: str | None = None
        self.generation: GenerationDetails | None = None
        self.profile = profile
        self.took_s = took_s

    @property
    def hits(self) -> list[Hit]:
        if self.page is not None:
            self._hits, self.page = self.page.hits(), None
        return self._hits

    @hits.setter
    def hits(self, hits: list[Hit]) -> None:
        self._hits, self.page = hits, None
