"""Collections of a Qdrant server, to be moved from there: by scrolling, in the order of its ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import orjson

from weft.cli.move.address import PlaceAddress
from weft.cli.move.objects import Cursor, MovedCollection, MovedObject, Notes, SourcePage
from weft.cli.move.payloads import ORIGINAL_ID, SAMPLED, PayloadMap, class_name, describe
from weft.cli.move.place import MoveTarget, PlaceHit
from weft.cli.move.qdrant_vectors import DEFAULT, QdrantVector, vectors_of
from weft.cli.move.server import patiently
from weft.cli.move.store_source import FIRST_ROWS, StoreSource, has_whole_values, rows_of_next_page, uuid_of
from weft.domain.errors import Invalid, Misconfigured, NotFound, OperatorError, Unauthenticated
from weft.domain.json_values import JsonValue

_HINTS: Final = {"datetime": "date", "uuid": "uuid", "keyword": "keyword", "text": "text"}

T = TypeVar("T")


class QdrantSource(StoreSource):
    def __init__(self, address: PlaceAddress, client: Any = None) -> None:
        """``client``: a ``QdrantClient`` in place of one for the address."""
        try:
            from qdrant_client import QdrantClient, models
        except ImportError as error:
            raise Misconfigured("reading Qdrant needs its client: pip install 'weft[qdrant]'") from error
        self.text = address.text
        self._models = models
        self._client = client or QdrantClient(
            url=address.url, api_key=address.key, timeout=120, check_compatibility=False, trust_env=False
        )
        self._named = address.collection
        self._vectors: dict[str, dict[str, QdrantVector]] = {}
        self._maps: dict[str, PayloadMap] = {}

    def __enter__(self) -> Self:
        self._ask(self._client.get_collections)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def _ask(self, call: Callable[[], T]) -> T:
        """Raises OperatorError when the server does not answer, NotFound and Unauthenticated when it says so."""
        from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

        try:
            return call()
        except UnexpectedResponse as error:
            if error.status_code in (401, 403):
                raise Unauthenticated(f"{self.text} requires a valid API key; pass it with --source-key") from error
            if error.status_code == 404:
                raise NotFound(
                    f"{self.text} has no such collection: {error.content.decode('utf-8', 'replace')}"
                ) from error
            kind = Invalid if error.status_code < 500 else OperatorError
            raise kind(f"{self.text} answered {error.status_code}: {error.reason_phrase}") from error
        except ResponseHandlingException as error:
            raise OperatorError(f"no Qdrant server answers at {self.text}: {error}") from error

    def collections(self, wanted: Mapping[str, str], target: MoveTarget) -> list[MovedCollection]:
        there = [one.name for one in self._ask(self._client.get_collections).collections]
        if missing := sorted(wanted.keys() - set(there)):
            raise NotFound(f"{self.text} has no collection {missing[0]}; it has: {', '.join(sorted(there)) or 'none'}")
        names = dict(wanted) or {name: name for name in sorted(there)}
        return [self._collection(name, other) for name, other in names.items()]

    def _collection(self, name: str, other: str) -> MovedCollection:
        info = self._ask(lambda: self._client.get_collection(name))
        notes = Notes()
        vectors = self._vectors[name] = vectors_of(info, notes)
        first, _ = self._ask(lambda: self._client.scroll(name, limit=SAMPLED, with_payload=True, with_vectors=False))
        hints = {
            key: _HINTS[one.data_type.value]
            for key, one in (info.payload_schema or {}).items()
            if one.data_type.value in _HINTS and "." not in key and "[" not in key
        }
        mapped = self._maps[name] = PayloadMap([one.payload or {} for one in first], hints)
        properties = mapped.properties()
        if any(isinstance(one.id, int) for one in first):  # they come before uuids
            properties.append({"name": ORIGINAL_ID, "dataType": ["int"]})
            notes.mapped.append(f"ids that are numbers become uuids (uuid5 of collection/id), kept as {ORIGINAL_ID}")
        describe(mapped, notes)
        notes.lost.append("times of creation and of the last change: Qdrant has none")
        count = self._ask(lambda: self._client.count(name, exact=True)).count
        aliases = [one.alias_name for one in self._ask(lambda: self._client.get_collection_aliases(name)).aliases]
        document: dict[str, JsonValue] = {
            "class": class_name(other, name, notes),
            "description": f"From the Qdrant collection {name}",
            "properties": properties,
            "vectorConfig": {vector.target: vector.document for vector in vectors.values()},
        }
        aliases = [class_name(one, one, notes) for one in aliases]
        return MovedCollection(name, document, count, None, aliases, notes, has_times=False)

    def pages(self, collection: MovedCollection, tenant: str | None, after: Cursor) -> Iterator[SourcePage]:
        name, limit, offset = collection.source_name, FIRST_ROWS, after
        while True:
            found, offset = self._scrolled(name, limit, offset)
            if not found:
                return
            size_bytes = len(found) * len(orjson.dumps([found[0].payload, found[0].vector], default=str))
            yield SourcePage([self._moved(name, one) for one in found], offset, size_bytes)
            if offset is None:
                return
            limit = rows_of_next_page(len(found), size_bytes)

    def _scrolled(self, name: str, limit: int, offset: Any) -> tuple[list[Any], Any]:
        def scroll() -> Any:
            return self._client.scroll(name, limit=limit, offset=offset, with_payload=True, with_vectors=True)

        found: tuple[list[Any], Any] = patiently(lambda: self._ask(scroll))
        return found

    def _moved(self, name: str, point: Any) -> MovedObject:
        properties = self._maps[name].convert(point.payload or {})
        if isinstance(point.id, int):
            properties[ORIGINAL_ID] = point.id
        given = point.vector if isinstance(point.vector, dict) else {DEFAULT: point.vector} if point.vector else {}
        vectors = {one.target: given[key] for key, one in self._vectors[name].items() if given.get(key)}
        return MovedObject(uuid_of(name, point.id), properties, vectors)

    def fetch(self, collection: MovedCollection, tenant: str | None, uuid: str) -> MovedObject | None:
        """By a uuid alone: a number is not found again by the uuid that was made of it."""
        name = collection.source_name
        found = self._ask(lambda: self._client.retrieve(name, [uuid], with_payload=True, with_vectors=True))
        return self._moved(name, found[0]) if found else None

    # -- queries

    def nearest(
        self, collection: MovedCollection, tenant: str | None, name: str, vector: JsonValue, limit: int
    ) -> list[PlaceHit] | None:
        source = collection.source_name
        key, one = next((key, one) for key, one in self._vectors[source].items() if one.target == name)
        found = self._ask(
            lambda: self._client.query_points(source, query=vector, using=key or None, limit=limit, with_payload=False)
        )
        return [PlaceHit(uuid_of(source, hit.id), hit.score if one.is_distance else -hit.score) for hit in found.points]

    def matching(self, collection: MovedCollection, tenant: str | None, property: str, value: JsonValue) -> int | None:
        """Of numbers, truth values, and texts that are kept as a whole."""
        source, models = collection.source_name, self._models
        if property == ORIGINAL_ID or not has_whole_values(collection, property):
            return None
        key = self._maps[source].key_of(property)
        match = models.FieldCondition(key=key, match=models.MatchValue(value=value))
        return int(self._ask(lambda: self._client.count(source, models.Filter(must=[match]), exact=True)).count)
