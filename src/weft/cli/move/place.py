"""What a place must be able to do, to be moved from and to be moved to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from weft.cli.move.objects import Cursor, MovedCollection, MovedObject, SourcePage
from weft.domain.json_values import JsonObject, JsonValue


class PlaceHit(NamedTuple):
    """A hit of a query. ``rank``: its distance, or its score negated, so that smaller is better."""

    uuid: str
    rank: float


class Answers(Protocol):
    """Queries over what was moved, for a comparison; None where the place has no such query."""

    def nearest(
        self, collection: MovedCollection, tenant: str | None, name: str, vector: JsonValue, limit: int
    ) -> list[PlaceHit] | None: ...

    def keyword(
        self, collection: MovedCollection, tenant: str | None, words: str, limit: int
    ) -> list[PlaceHit] | None: ...

    def matching(self, collection: MovedCollection, tenant: str | None, property: str, value: JsonValue) -> int | None:
        """How many objects have this value, a scalar."""


class MoveSource(Answers, Protocol):
    """Raises WeftError where the place cannot be read."""

    text: str
    ordered: bool
    """Whether its objects come in the order of their uuids, and a cursor may be any uuid."""

    def collections(self, wanted: Mapping[str, str], target: MoveTarget) -> list[MovedCollection]:
        """Those in ``wanted`` with their names in the target, or all; described for ``target``."""

    def pages(self, collection: MovedCollection, tenant: str | None, after: Cursor) -> Iterator[SourcePage]:
        """All objects behind ``after``, once."""

    def fetch(self, collection: MovedCollection, tenant: str | None, uuid: str) -> MovedObject | None: ...

    def models(self, collection: MovedCollection, tenant: str | None) -> Mapping[str, str]:
        """The fingerprints of the models that made the vectors, by name of vector, where the place knows them."""

    def set_read_only(self, collection: MovedCollection, *, read_only: bool) -> bool:
        """Whether the place can do that."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class MoveTarget(Answers, Protocol):
    """A server of Weaviate's protocol. ``keeps_times``: of creation and of the last change, as they are given; it also
    takes references before what they lead to."""

    text: str
    ordered: bool
    keeps_times: bool
    modules: frozenset[str]

    def document(self, name: str) -> JsonObject | None:
        """The collection as it is there; None if there is none."""

    def tenants(self, name: str) -> dict[str, str]: ...

    def count(self, name: str, tenant: str | None) -> int: ...

    def create(self, document: JsonObject) -> None: ...

    def add_property(self, name: str, property: JsonObject) -> None: ...

    def add_tenants(self, name: str, tenants: Sequence[str]) -> None: ...

    def set_alias(self, alias: str, name: str) -> None:
        """Lead the alias to the collection, whether there is one or not."""

    def write(
        self,
        name: str,
        tenant: str | None,
        objects: Sequence[MovedObject],
        models: Mapping[str, str] | None = None,
    ) -> list[str | None]:
        """Store each, new or not; the error of each, None where it is stored. ``models``: fingerprints of those that
        made the vectors, by name of vector."""

    def remove(self, name: str, tenant: str | None, uuids: Sequence[str]) -> None:
        """Those that are there."""

    def fetch(self, collection: MovedCollection, tenant: str | None, uuid: str) -> MovedObject | None: ...

    def pages(self, collection: MovedCollection, tenant: str | None, after: Cursor) -> Iterator[SourcePage]:
        """As of a source that is ordered: what is there of the collection."""

    def set_read_only(self, collection: MovedCollection, *, read_only: bool) -> bool: ...
