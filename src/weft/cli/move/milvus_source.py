"""Collections of a Milvus server, to be moved from there: by queries in the order of their primary keys.

Consistency is Strong, so what was acknowledged before is read. A collection has to be loaded there, as for searches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import orjson

from weft.cli.move.address import PlaceAddress
from weft.cli.move.milvus_fields import MilvusFields
from weft.cli.move.objects import Cursor, MovedCollection, MovedObject, Notes, SourcePage
from weft.cli.move.payloads import ORIGINAL_ID, SAMPLED, PayloadMap, class_name, describe
from weft.cli.move.place import MoveTarget, PlaceHit
from weft.cli.move.server import patiently
from weft.cli.move.store_source import FIRST_ROWS, StoreSource, has_whole_values, rows_of_next_page, uuid_of
from weft.domain.errors import Invalid, Misconfigured, NotFound, OperatorError
from weft.domain.json_values import JsonValue

_STRONG: Final = "Strong"
_MAX_INT64: Final = (1 << 63) - 1
_CONNECT_FAILED: Final = 2
"""The code of pymilvus for a server that does not answer."""

T = TypeVar("T")


class MilvusSource(StoreSource):
    def __init__(self, address: PlaceAddress) -> None:
        try:
            from pymilvus import MilvusClient
            from pymilvus.exceptions import MilvusException
        except ImportError as error:
            raise Misconfigured("reading Milvus needs its client: pip install 'weft[milvus]'") from error
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs what it raises
        self.text = address.text
        self._address = address
        self._client_class: Any = MilvusClient
        self._failure: Any = MilvusException
        self._fields: dict[str, MilvusFields] = {}
        self._maps: dict[str, PayloadMap] = {}

    def __enter__(self) -> Self:
        address = self._address
        self._client = self._ask(
            lambda: self._client_class(
                uri=address.url, token=address.key or "", db_name=address.database or "", timeout=30
            )
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def _ask(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except self._failure as error:
            kind = OperatorError if error.code == _CONNECT_FAILED else Invalid
            raise kind(f"the Milvus server at {self.text}: {error.message}") from error

    def collections(self, wanted: Mapping[str, str], target: MoveTarget) -> list[MovedCollection]:
        there = sorted(self._ask(self._client.list_collections))
        if missing := sorted(wanted.keys() - set(there)):
            raise NotFound(f"{self.text} has no collection {missing[0]}; it has: {', '.join(there) or 'none'}")
        return [self._collection(name, wanted.get(name, name)) for name in (wanted or there)]

    def _collection(self, name: str, other: str) -> MovedCollection:
        state = self._ask(lambda: self._client.get_load_state(name))["state"]
        if str(getattr(state, "name", state)) != "Loaded":
            raise Invalid(f"the collection {name} at {self.text} is not loaded; load it there, as for searches")
        notes = Notes()
        indexes = [
            self._ask(lambda index=index: self._client.describe_index(name, index))  # type: ignore[misc]
            for index in self._ask(lambda: self._client.list_indexes(name))
        ]
        fields = MilvusFields(self._ask(lambda: self._client.describe_collection(name)), indexes, notes)
        self._fields[name] = fields
        rows = self._rows(name, None, SAMPLED, vectors=False)
        mapped = self._maps[name] = PayloadMap([fields.payload(row) for row in rows], fields.hints)
        describe(mapped, notes)
        properties = mapped.properties()
        if not fields.has_texts_as_ids or any(uuid_of(name, row[fields.key]) != row[fields.key] for row in rows):
            texts: dict[str, JsonValue] = {"dataType": ["text"], "tokenization": "field"}
            properties.append({"name": ORIGINAL_ID, **(texts if fields.has_texts_as_ids else {"dataType": ["int"]})})
            notes.mapped.append(
                f"primary keys that are no uuids become uuids (uuid5 of collection/key), kept as {ORIGINAL_ID}"
            )
            fields.keeps_ids = True
        notes.lost.append("times of creation and of the last change: Milvus has none")
        count = int(
            self._ask(
                lambda: self._client.query(name, filter="", output_fields=["count(*)"], consistency_level=_STRONG)
            )[0]["count(*)"]
        )
        document: dict[str, JsonValue] = {
            "class": class_name(other, name, notes),
            "description": f"From the Milvus collection {name}",
            "properties": properties,
            "vectorConfig": fields.vectors,
        }
        return MovedCollection(name, document, count, None, [], notes, has_times=False)

    def _rows(self, name: str, after: Any, limit: int, *, vectors: bool) -> list[dict[str, Any]]:
        """Behind ``after`` by primary key."""
        fields = self._fields[name]
        everything = f'{fields.key} >= ""' if fields.has_texts_as_ids else f"{fields.key} <= {_MAX_INT64}"
        chosen = everything if after is None else f"{fields.key} > {orjson.dumps(after).decode()}"
        found = patiently(
            lambda: self._ask(
                lambda: self._client.query(
                    name,
                    filter=chosen,
                    limit=limit,
                    output_fields=fields.output(vectors=vectors),
                    consistency_level=_STRONG,
                )
            )
        )
        return sorted(found, key=lambda row: row[fields.key])

    def pages(self, collection: MovedCollection, tenant: str | None, after: Cursor) -> Iterator[SourcePage]:
        name, limit = collection.source_name, FIRST_ROWS
        while rows := self._rows(name, after, limit, vectors=True):
            after = rows[-1][self._fields[name].key]
            size_bytes = len(rows) * len(orjson.dumps(rows[0], default=str))
            yield SourcePage([self._moved(name, row) for row in rows], after, size_bytes)
            limit = rows_of_next_page(len(rows), size_bytes)

    def _moved(self, name: str, row: Mapping[str, Any]) -> MovedObject:
        fields = self._fields[name]
        properties = self._maps[name].convert(fields.payload(row))
        key = row[fields.key]
        if fields.keeps_ids:
            properties[ORIGINAL_ID] = key
        vectors: dict[str, JsonValue] = {
            vector: [float(one) for one in row[vector]] for vector in fields.vectors if row.get(vector)
        }
        return MovedObject(uuid_of(name, key), properties, vectors)

    def fetch(self, collection: MovedCollection, tenant: str | None, uuid: str) -> MovedObject | None:
        """By a uuid alone: a key of another form is not found again by the uuid that was made of it."""
        name = collection.source_name
        fields = self._fields[name]
        if not fields.has_texts_as_ids:
            return None
        output = fields.output(vectors=True)
        found = self._ask(
            lambda: self._client.query(
                name, filter=f'{fields.key} == "{uuid}"', output_fields=output, consistency_level=_STRONG
            )
        )
        return self._moved(name, found[0]) if found else None

    # -- queries

    def nearest(
        self, collection: MovedCollection, tenant: str | None, name: str, vector: JsonValue, limit: int
    ) -> list[PlaceHit] | None:
        source = collection.source_name
        metric = self._fields[source].metrics[name]
        found = self._ask(
            lambda: self._client.search(
                source,
                data=[vector],
                anns_field=name,
                limit=limit,
                search_params={"metric_type": metric},
                consistency_level=_STRONG,
            )
        )[0]
        sign = 1 if metric == "L2" else -1
        return [PlaceHit(uuid_of(source, hit["id"]), sign * hit["distance"]) for hit in found]

    def matching(self, collection: MovedCollection, tenant: str | None, property: str, value: JsonValue) -> int | None:
        """Of numbers, truth values, and texts that are kept as a whole; of fields of the schema."""
        source = collection.source_name
        key = self._maps[source].key_of(property)
        if key not in self._fields[source].scalars or not has_whole_values(collection, property):
            return None
        condition = f"{key} == {orjson.dumps(value).decode()}"
        found = self._ask(
            lambda: self._client.query(source, filter=condition, output_fields=["count(*)"], consistency_level=_STRONG)
        )
        return int(found[0]["count(*)"])
