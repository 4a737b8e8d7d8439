"""What a search returns, on every wire: hits in rank order, groups, generated texts, a profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from weft.domain.objects import Properties, Reference, Vector
from weft.domain.schema import CollectionConfig


class StoredRecord(Protocol):
    """An object as storage holds it: decoded only as far as its reader asks."""

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
        """By property, those that the object has a value for, even an empty one."""
        ...

    @property
    def encoded_properties(self) -> bytes:
        """All properties but references and blobs as one ``weaviate.v1.Properties`` message, absent ones as null."""
        ...


@dataclass(frozen=True, slots=True)
class GenerationDetails:
    """What a generation reports beside its text, where the query asks for it: the prompt as sent, the provider, and the
    provider's account of its work."""

    full_prompt: str | None = None
    provider: str | None = None
    """By the protocol's name, as ``openai``."""
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
    """Filled as ``Returns`` asks."""
    references: dict[str, list[Hit]] = field(default_factory=dict)
    """By property: the objects pointed to, each with its ``collection``; filled as ``Returns`` asks."""
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
    """About the first hit."""
    generation_error: str | None = None
    generation: GenerationDetails | None = None


@dataclass(frozen=True, slots=True)
class ShardProfile:
    """What one shard did for a query: for each kind of search (object, vector, keyword) its figures as text."""

    name: str
    node: str
    searches: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Answer:
    hits: list[Hit] = field(default_factory=list)
    groups: list[Group] | None = None
    generated: str | None = None
    """The result of a grouped task: about all hits, or the first hit of each group."""
    generation_error: str | None = None
    generation: GenerationDetails | None = None
    profile: tuple[ShardProfile, ...] = ()
    took_s: float = 0.0
