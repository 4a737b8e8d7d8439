"""A small in-memory service, and the collections that it knows."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from weft.domain.aggregate import AggregateAnswer, AggregatedGroup, Aggregation
from weft.domain.answer import Answer, Hit
from weft.domain.caller import Caller
from weft.domain.errors import Invalid, NotFound, Unauthenticated, WeftError
from weft.domain.objects import IncomingObject, IncomingReference, Vector, parse_uuid
from weft.domain.query import Query
from weft.domain.schema import (
    CollectionConfig,
    DataType,
    MultiVector,
    Property,
    VectorConfig,
    VectorIndexConfig,
)
from weft.engine.encoding import encode_properties

NAMED = CollectionConfig(
    "Article",
    (
        Property("title", DataType.TEXT),
        Property("words", DataType.INT),
        Property("tags", DataType.TEXT_ARRAY),
        Property("image", DataType.BLOB),
        Property("author", DataType.REFERENCE, target_collections=("Author",)),
        Property(
            "place",
            DataType.OBJECT,
            nested=(Property("name", DataType.TEXT), Property("zip", DataType.TEXT)),
        ),
    ),
    {
        "plain": VectorConfig("plain"),
        "other": VectorConfig("other"),
        "colbert": VectorConfig("colbert", index=VectorIndexConfig(multivector=MultiVector())),
    },
)
LEGACY = CollectionConfig(
    "Legacy", (Property("title", DataType.TEXT),), {"default": VectorConfig("default")}, named_vectors=False
)


@dataclass
class Record:
    """A stored object as the wire sees it."""

    uuid: bytes
    values: Mapping[str, Any]
    config: CollectionConfig = NAMED
    created_ms: int = 1_700_000_000_000
    updated_ms: int = 1_700_000_000_001
    encoded_properties: bytes = field(init=False)

    def __post_init__(self) -> None:
        stored = tuple(p for p in self.config.properties if p.data_type is not DataType.BLOB)
        self.encoded_properties = encode_properties({p.name: self.values.get(p.name) for p in stored}, stored)

    @property
    def properties(self) -> dict[str, Any]:
        return dict(self.values)


class Collections:
    def __init__(self) -> None:
        self.known = {"Article": NAMED, "Legacy": LEGACY}

    def get(self, name: str) -> CollectionConfig:
        found = self.known.get(name[:1].upper() + name[1:])
        if found is None:
            raise NotFound(f"could not find class {name} in schema")
        return found


class Tenants:
    def __init__(self, collections: Collections) -> None:
        self._collections = collections

    def all(self, name: str, names: Sequence[str] | None = None) -> list[Any]:
        raise Invalid(f'multi-tenancy is not enabled for class "{self._collections.get(name).name}"')


class Objects:
    def __init__(self) -> None:
        self.stored: dict[bytes, IncomingObject] = {}
        self.calls: list[int] = []
        self.delay_s = 0.0
        self.entered = threading.Event()

    def batch(self, incoming: Sequence[IncomingObject], caller: Caller) -> list[WeftError | None]:
        self.entered.set()
        time.sleep(self.delay_s)
        self.calls.append(len(incoming))
        return [self._one(one) for one in incoming]

    def _one(self, one: IncomingObject) -> WeftError | None:
        if one.collection not in ("Article", "Legacy"):
            return NotFound(f"could not find class {one.collection} in schema")
        if one.properties.get("title") == "bad":
            return Invalid("invalid text property 'title' on class 'Article': too bad")
        if one.properties.get("title") == "bug":
            raise ZeroDivisionError("a bug")
        self.stored[parse_uuid(one.uuid or "")] = one
        return None

    def link(self, references: Sequence[IncomingReference], caller: Caller) -> list[WeftError | None]:
        return [NotFound(f"could not find class {one.collection} in schema") for one in references]

    def delete_many(self, collection: str, tenant: str | None, filter: Any, *, dry_run: bool, verbose: bool) -> Any:
        uuids = list(self.stored)
        if not dry_run:
            self.stored.clear()
        return Deleted(len(uuids), len(uuids), 0, [(u, None) for u in uuids] if verbose else [])


@dataclass
class Deleted:
    matches: int
    successful: int
    failed: int
    objects: list[tuple[bytes, str | None]]


class MemoryService:
    """Answers a search with every stored object, and remembers the query."""

    def __init__(self) -> None:
        self.collections = Collections()
        self.tenants = Tenants(self.collections)
        self.objects = Objects()
        self.queries: list[tuple[Query, Caller]] = []

    def admit(self, caller: Caller) -> MemoryService:
        return self

    def search(self, query: Query, caller: Caller) -> Answer:
        self.queries.append((query, caller))
        config = self.collections.get(query.collection)
        hits = [
            Hit(Record(uuid, one.properties, config), doc_id, distance=0.25, vectors=vectors(one))
            for doc_id, (uuid, one) in enumerate(self.objects.stored.items())
        ]
        return Answer(hits)

    def aggregate(self, query: Aggregation, caller: Caller) -> AggregateAnswer:
        """The number of objects, in one group if groups are asked for."""
        value = None if query.group_by is None else "g"
        return AggregateAnswer(value is not None, (AggregatedGroup(value, len(self.objects.stored)),))


def vectors(one: IncomingObject) -> dict[str, Vector]:
    return {name: np.ascontiguousarray(vector) for name, vector in one.vectors.items()}


class KeyOrAnonymous:
    """Anyone may come, but a wrong key is refused."""

    def authenticate(self, authorization: str | None, headers: Mapping[str, str]) -> Caller:
        if authorization == "Bearer wrong":
            raise Unauthenticated("unauthorized: invalid api key")
        return Caller(headers=headers)
