"""MilvusStore: a client of one Milvus, or of one cluster of Zilliz Cloud.

A collection of Weft is an alias, ``<prefix><id>``, of a collection with a number behind the name. It is created by the
first write, because the dimensions of vectors are part of its schema. A vector that comes later makes another one: rows
are copied, then the alias leads to it, so readers see the one or the other whole.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from weft.domain.errors import Invalid, Misconfigured, OperatorError, Unsupported
from weft.engine.milvus.address import MilvusAddress
from weft.engine.milvus.connection import STRONG, TIMEOUT_S, MilvusConnection
from weft.engine.milvus.copying import copy
from weft.engine.milvus.expressions import ID, has_vector
from weft.engine.milvus.failures import NOT_FOUND, translated
from weft.engine.milvus.indexes import METRICS, index_of
from weft.engine.milvus.rows import MOST_AT_ONCE, MilvusRows
from weft.engine.milvus.schema import (
    SPARSE_SINCE,
    WORDS,
    MilvusShape,
    RowEncoder,
    claim_schema,
    placeholder,
    schema_for,
    shape_of,
    vector_field,
)
from weft.engine.remote.store import OtherDimensions, RemoteAbilities, RowLayout, StoredRow
from weft.engine.remote.turns import WriteTurn

_MANY_VECTORS: Final = 9
"""Vector fields of a collection by default are ten from 2.4 on; one is the words'."""
_GENERATION: Final = "__"
_PING_S: Final = 3.0


class MilvusStore:
    def __init__(self, address: MilvusAddress) -> None:
        self._prefix = address.prefix
        self._shapes: dict[str, MilvusShape] = {}
        self.requests = MilvusConnection(address, lambda name: self._shapes.pop(name, None))
        self._client = self.requests.client
        version = self.requests.version
        self.version = tuple(int(one) for one in version.partition("-")[0].split(".")[:2])
        self.sparse = self.version >= SPARSE_SINCE
        self._abilities = RemoteAbilities(
            name="milvus",
            version=version,
            metrics=frozenset(METRICS),
            vectors=_MANY_VECTORS if self.sparse else 1,
            multivectors=False,
            conditional_writes=False,
            substrings=False,
            refuses=() if self.sparse else (f"searches of words that {MOST_AT_ONCE:,} objects or more have",),
        )
        self._turns: dict[str, WriteTurn] = {}
        self._lock = threading.Lock()

    @property
    def abilities(self) -> RemoteAbilities:
        return self._abilities

    def check(self, layout: RowLayout) -> None:
        can = self._abilities
        if can.vectors is not None and len(layout.vectors) > can.vectors:
            raise Unsupported(
                f"Milvus {can.version} keeps at most {can.vectors} vectors of an object, this collection has "
                f"{len(layout.vectors)}" + ("" if self.sparse else "; Milvus 2.4 or newer has several"),
                engine=can.name,
            )
        for name, vector in layout.vectors.items():
            if vector.multivector is not None:
                raise Unsupported(
                    f"vector {name!r} is a multi-vector, which the engine {can.name!r} cannot search", engine=can.name
                )
            if vector.metric not in can.metrics:
                known = ", ".join(sorted(can.metrics))
                raise Unsupported(
                    f"vector {name!r} has the distance {vector.metric}, the engine {can.name!r} has {known}",
                    engine=can.name,
                )

    # -- collections

    def make(self, layout: RowLayout) -> None:
        """The collection itself comes with the first write; one that is there gets the indexes of ``layout``."""
        self.check(layout)
        shape = self._describe(layout.name)
        if shape is not None and not all(self._is_indexed(shape, layout, name) for name in layout.vectors):
            with self._turn(layout.name).alone():
                self._succeed(layout, shape, shape.dims)

    def drop(self, name: str) -> None:
        self._shapes.pop(name, None)
        physical = self._physical(name)
        with translated("drop a collection"):
            if physical:
                self._client.drop_alias(name)
            for one in physical:
                self._client.drop_collection(one, timeout=TIMEOUT_S)

    def names(self) -> list[str]:
        with translated("list the collections"):
            found = self._client.list_collections(timeout=TIMEOUT_S)
        return sorted(
            {one.rpartition(_GENERATION)[0] for one in found if one.startswith(self._prefix) and _GENERATION in one}
        )

    def rows(self, layout: RowLayout, tenant: str | None) -> MilvusRows:
        return MilvusRows(self, layout, tenant)

    def forget_vector(self, layout: RowLayout, name: str) -> None:
        with self._turn(layout.name).alone():
            old = self._describe(layout.name)
            if old is None or name not in old.dims:
                return
            having = self.requests.query(layout.name, f"{has_vector(name)} == true", [ID], 1)
            if not having:
                self._succeed(layout, old, {one: width for one, width in old.dims.items() if one != name})

    def ping(self) -> None:
        with translated("ask whether it runs"):
            self._client.get_server_version(timeout=_PING_S)

    def clear(self) -> None:
        """With the note of the catalog that the prefix belongs to."""
        for name in self.names():
            self.drop(name)
        with translated("drop a collection"):
            for name in self._client.list_collections(timeout=TIMEOUT_S):
                if name.startswith(self._prefix):
                    self._client.drop_collection(name, timeout=TIMEOUT_S)

    def close(self) -> None:
        self.requests.close()

    def claim(self, catalog: str) -> None:
        """Note that what begins with the prefix belongs to ``catalog``, by an empty collection.

        Raises Misconfigured when another catalog has noted the same.
        """
        start = f"{self._prefix}claim_"
        own = f"{start}{catalog}"

        def others() -> list[str]:
            return [one for one in self._client.list_collections(timeout=TIMEOUT_S) if one.startswith(start)]

        with translated("list the collections"):
            known = others()
            if own not in known:
                self._client.create_collection(own, schema=claim_schema(), timeout=TIMEOUT_S)
                known = others()
            if strangers := sorted(set(known) - {own}):
                self._client.drop_collection(own, timeout=TIMEOUT_S)
                raise Misconfigured(
                    f"this Milvus has collections of another catalog, as its collection {strangers[0]} says: give all "
                    "servers the same catalog (WEFT_CATALOG), choose another prefix (?prefix=NAME in WEFT_ENGINE), or "
                    "drop that collection if its catalog is gone"
                )

    # -- shapes

    def shape(self, layout: RowLayout) -> MilvusShape | None:
        """None while nothing has been written. One with all vectors never changes, so it is asked for once."""
        known = self._shapes.get(layout.name)
        if known is not None and not known.lacks(list(layout.vectors)):
            return known
        return self._describe(layout.name)

    def _describe(self, name: str) -> MilvusShape | None:
        try:
            shape = self._named(name)
        except OperatorError as error:
            if error.facts.get("code") != NOT_FOUND:
                raise
            self._shapes.pop(name, None)
            return None
        self._shapes[name] = shape
        return shape

    def _named(self, name: str) -> MilvusShape:
        with translated("describe a collection"):
            return shape_of(self._client.describe_collection(name, timeout=TIMEOUT_S))

    @contextmanager
    def changing(self, name: str) -> Iterator[MilvusShape | None]:
        """While rows are written or deleted: no other schema takes its place meanwhile."""
        with self._turn(name).shared():
            yield self._shapes.get(name) or self._describe(name)

    @contextmanager
    def writing(self, layout: RowLayout, rows: Sequence[StoredRow]) -> Iterator[MilvusShape]:
        """As ``changing``, with a schema that has the vectors of ``rows``. Raises Invalid for other dimensions."""
        needed = {name: vector.shape[-1] for row in rows for name, vector in row.vectors.items()}
        if (shape := self.shape(layout)) is None or shape.lacks(list(needed)):
            with self._turn(layout.name).alone():
                self._extend(layout, needed)
        with self.changing(layout.name) as found:
            if found is None:
                raise Invalid(f"the collection {layout.name} was dropped while it was written to")
            for row in rows:
                for name, vector in row.vectors.items():
                    if vector.shape[-1] != found.dims[name]:
                        raise OtherDimensions(name, found.dims[name], vector.shape[-1])
            yield found

    def encoder(self, layout: RowLayout, shape: MilvusShape, tenant: str | None) -> RowEncoder:
        return RowEncoder(layout, shape, tenant, sparse=self.sparse)

    def _turn(self, name: str) -> WriteTurn:
        with self._lock:
            return self._turns.setdefault(name, WriteTurn())

    def _extend(self, layout: RowLayout, needed: Mapping[str, int]) -> None:
        """Creates the collection, or another one that has the vectors ``needed`` as well. Alone in this process."""
        old = self._describe(layout.name)
        if old is None or old.lacks(list(needed)):
            self._succeed(layout, old, {**needed, **({} if old is None else old.dims)})

    def _succeed(self, layout: RowLayout, old: MilvusShape | None, dims: Mapping[str, int]) -> None:
        """Another collection with the vectors ``dims`` in place of ``old``, with its rows."""
        number = 1 if old is None else int(old.name.rpartition(_GENERATION)[2]) + 1
        name = f"{layout.name}{_GENERATION}{number}"
        with translated("create a collection"):
            self._create(layout, name, dims)
        new = self._named(name)
        with translated("replace a collection"):
            if old is None:
                self._client.create_alias(name, layout.name, timeout=TIMEOUT_S)
            else:
                copy(self.requests, old, new, lambda: self._client.alter_alias(name, layout.name, timeout=TIMEOUT_S))
                self._client.drop_collection(old.name, timeout=TIMEOUT_S)
        self._shapes[layout.name] = new

    def _create(self, layout: RowLayout, name: str, dims: Mapping[str, int]) -> None:
        indexes = self._client.prepare_index_params()
        for vector, width in dims.items():
            index = index_of(layout.vectors[vector], width, self.version)
            field = vector_field(vector)
            indexes.add_index(field, index_type=index.kind, metric_type=index.metric, params=index.parameters)
        if (only := placeholder(dims)) is not None:
            indexes.add_index(only, index_type="FLAT", metric_type="L2")
        if layout.words and self.sparse:
            indexes.add_index(WORDS, index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
        self._client.create_collection(
            name,
            schema=schema_for(layout, dims, sparse=self.sparse),
            index_params=indexes,
            consistency_level=STRONG,
            timeout=TIMEOUT_S,
        )

    def _is_indexed(self, shape: MilvusShape, layout: RowLayout, name: str) -> bool:
        """As the layout says; also if it has no such vector."""
        if name not in shape.dims:
            return True
        wanted = index_of(layout.vectors[name], shape.dims[name], self.version)
        with translated("describe an index"):
            found = self._client.describe_index(shape.name, vector_field(name), timeout=TIMEOUT_S)
        known = {key: found.get(key) for key in ("index_type", "metric_type", *wanted.parameters)}
        return known == {
            "index_type": wanted.kind,
            "metric_type": wanted.metric,
            **{key: str(value) for key, value in wanted.parameters.items()},
        }

    def _physical(self, name: str) -> list[str]:
        with translated("list the collections"):
            found = self._client.list_collections(timeout=TIMEOUT_S)
        return [one for one in found if one.rpartition(_GENERATION)[0] == name]
