"""MilvusRows: the rows of one collection of Milvus, or of one tenant in it.

Every read has the consistency level Strong, so it sees what any client has written before. A call is one request, but
``count``, whose requests run side by side, and a search of words before Milvus 2.4, which reads what contains any of
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from weft.domain.errors import Unsupported
from weft.domain.objects import Vector, parse_uuid
from weft.engine.milvus.expressions import EVERYTHING, ID, Compiler
from weft.engine.milvus.indexes import index_of
from weft.engine.milvus.schema import (
    BODY,
    TENANT,
    WEIGHT_FIELDS,
    WORD_FIELDS,
    WORDS,
    MilvusShape,
    array_of,
    joined,
    prefix_of,
    vector_field,
)
from weft.engine.milvus.terms import ARRAYS, KEYS, TERM_FIELDS, literal
from weft.engine.remote.distances import distances
from weft.engine.remote.row_test import HasVector, Key, KeyKind, RowTest, all_of
from weft.engine.remote.store import AT_ONCE, RankedRow, RowLayout, SeenRow, StoredRow

if TYPE_CHECKING:
    from weft.engine.milvus.store import MilvusStore

MOST_AT_ONCE: Final = 16_384
"""The most rows that Milvus returns of one query or search."""
_MOST_BYTES: Final = 16 * 2**20
"""Of the rows of one request; Milvus takes 64 MiB."""
_OVERSAMPLING: Final = 2


class MilvusRows:
    def __init__(self, store: MilvusStore, layout: RowLayout, tenant: str | None) -> None:
        self._store = store
        self._layout = layout
        self._tenant = tenant
        self._prefix = prefix_of(tenant)

    def dims(self) -> Mapping[str, int]:
        shape = self._shape()
        return {} if shape is None else shape.dims

    # -- reading

    def fetch(self, uuids: Sequence[bytes]) -> list[SeenRow | None]:
        found = {row.uuid: row for row in map(self._seen, self._of(uuids, [BODY]))}
        return [found.get(uuid) for uuid in uuids]

    def vectors(self, name: str, uuids: Sequence[bytes]) -> list[Vector | None]:
        if name not in self.dims():
            return [None] * len(uuids)
        field = vector_field(name)
        having = f"has_{name} == true"
        found = {self._uuid(row): np.asarray(row[field], np.float32) for row in self._of(uuids, [field], having)}
        return [found.get(uuid) for uuid in uuids]

    def scan(self, where: RowTest, after: bytes | None, limit: int) -> list[SeenRow]:
        return [self._seen(row) for row in self._page(where, after, [BODY], limit)]

    def count(self, where: Sequence[RowTest]) -> list[int]:
        shape = self._shape()
        if shape is None:
            return [0] * len(where)
        compiler = Compiler(self._prefix, shape.dims)

        def counted(test: RowTest) -> int:
            return int(self._query(self._within(compiler.compile(test)), ["count(*)"])[0]["count(*)"])

        return self._store.requests.side_by_side(counted, where)

    def facet(self, key: Key, where: RowTest) -> dict[Any, int]:
        found: dict[Any, int] = {}
        start = f"{key.name}:"
        after: bytes | None = None
        while True:
            page = self._page(where, after, [*TERM_FIELDS] if key.several else [KEYS], MOST_AT_ONCE)
            for row in page:
                for value in _values(row, key, start):
                    found[value] = found.get(value, 0) + 1
            if len(page) < MOST_AT_ONCE:
                return found
            after = self._uuid(page[-1])

    def nearest(self, name: str, query: Vector, k: int, where: RowTest) -> list[RankedRow]:
        shape = self._shape()
        if shape is None or name not in shape.dims or k <= 0:
            return []
        config = self._layout.vectors[name]
        index = index_of(config, shape.dims[name], self._store.version)
        field = vector_field(name)
        asked = min(k * _OVERSAMPLING, MOST_AT_ONCE) if index.is_approximate else k
        found = self._search(
            field,
            query,
            asked,
            self._within(Compiler(self._prefix, shape.dims).compile(all_of((where, HasVector(name))))),
            index.metric,
            index.effort(asked, config.ef if config.ef > 0 else config.dynamic_ef_min),
            [BODY, field] if index.is_approximate else [BODY],
        )
        if not index.is_approximate:
            far = (lambda d: 1 - d) if index.metric == "COSINE" else (lambda d: -d) if index.metric == "IP" else abs
            return [
                RankedRow(self._seen(hit["entity"] | {ID: hit["id"]}), float(far(hit["distance"]))) for hit in found
            ]
        exact = distances(config, query, [np.asarray(hit["entity"][field], np.float32) for hit in found])
        hits = [
            RankedRow(self._seen(hit["entity"] | {ID: hit["id"]}), float(distance))
            for hit, distance in zip(found, exact, strict=True)
        ]
        return sorted(hits, key=lambda hit: hit.number)[:k]

    def words(self, weights: Mapping[int, float], k: int, where: RowTest) -> list[RankedRow]:
        shape = self._shape()
        if shape is None or not weights or k <= 0:
            return []
        compiler = Compiler(self._prefix, shape.dims)
        if self._store.sparse:
            within = self._within(compiler.compile(where))
            found = self._search(WORDS, dict(weights), k, within, "IP", {}, [BODY])
            seen = (RankedRow(self._seen(hit["entity"] | {ID: hit["id"]}), float(hit["distance"])) for hit in found)
            return [hit for hit in seen if hit.number > 1e-20]
        return self._words_read(weights, k, compiler.compile(where))

    def _words_read(self, weights: Mapping[int, float], k: int, where: str) -> list[RankedRow]:
        """Reads the words of all rows that have any of them, then the bodies of the best."""
        arrays: list[list[int]] = [[] for _ in range(ARRAYS)]
        for dimension in weights:
            arrays[array_of(dimension)].append(dimension)
        asked = [array for array in range(ARRAYS) if arrays[array]]
        any_word = " or ".join(f"array_contains_any({WORD_FIELDS[array]}, {sorted(arrays[array])})" for array in asked)
        fields = [field for array in asked for field in (WORD_FIELDS[array], WEIGHT_FIELDS[array])]
        rows = self._query(self._within(f"({any_word}) and {where}"), [ID, *fields], MOST_AT_ONCE)
        if len(rows) == MOST_AT_ONCE:
            raise Unsupported(
                f"at least {MOST_AT_ONCE} objects have one of the words; Milvus {self._store.abilities.version} has no "
                "sparse vectors, so a search of words reads all of these: use Milvus 2.4 or newer, or rarer words",
                engine=self._store.abilities.name,
            )
        scores = [
            sum(
                weights.get(dimension, 0.0) * weight
                for array in asked
                for dimension, weight in zip(row[WORD_FIELDS[array]], row[WEIGHT_FIELDS[array]], strict=True)
            )
            for row in rows
        ]
        uuids = [self._uuid(row) for row in rows]
        best = sorted(zip(scores, uuids, strict=True), key=lambda one: -one[0])[:k]
        hits = []
        for start in range(0, len(best), AT_ONCE):
            some = best[start : start + AT_ONCE]
            bodies = self.fetch([uuid for _, uuid in some])
            hits += [RankedRow(row, score) for (score, _), row in zip(some, bodies, strict=True) if row is not None]
        return [hit for hit in hits if hit.number > 0]

    # -- writing

    def write(self, rows: Sequence[StoredRow]) -> None:
        if not rows:
            return
        with self._store.writing(self._layout, rows) as shape:
            encoded = self._store.encoder(self._layout, shape, self._tenant)
            some: list[dict[str, Any]] = []
            size = 0
            for row in rows:
                some.append(encoded.encode(row))
                size += 2 * len(row.body) + sum(vector.nbytes for vector in row.vectors.values())
                if size > _MOST_BYTES:
                    self._store.requests.upsert(shape.name, some)
                    some, size = [], 0
            if some:
                self._store.requests.upsert(shape.name, some)

    def insert(self, rows: Sequence[StoredRow]) -> None:
        raise AssertionError("Milvus has no conditional writes")

    def replace(self, rows: Sequence[StoredRow], key: Key, values: Sequence[str]) -> None:
        raise AssertionError("Milvus has no conditional writes")

    def delete(self, where: RowTest) -> None:
        with self._store.changing(self._layout.name) as shape:
            if shape is not None:
                within = self._within(Compiler(self._prefix, shape.dims).compile(where))
                self._store.requests.delete(shape.name, within)

    # -- requests

    def _shape(self) -> MilvusShape | None:
        return self._store.shape(self._layout)

    def _within(self, expression: str) -> str:
        """The rows of the tenant that satisfy it."""
        if self._tenant is None:
            return expression
        own = f"{TENANT} == {literal(self._tenant)}"
        return own if expression == EVERYTHING else f"({own} and {expression})"

    def _query(self, expression: str, fields: Sequence[str], limit: int | None = None) -> list[dict[str, Any]]:
        return self._store.requests.query(self._layout.name, expression, fields, limit)

    def _search(
        self,
        field: str,
        query: Any,
        k: int,
        expression: str,
        metric: str,
        effort: Mapping[str, int],
        fields: Sequence[str],
    ) -> list[dict[str, Any]]:
        return self._store.requests.search(self._layout.name, field, query, k, expression, metric, effort, fields)

    def _of(self, uuids: Sequence[bytes], fields: Sequence[str], having: str | None = None) -> Iterable[dict[str, Any]]:
        """The rows of at most ``AT_ONCE`` uuids."""
        shape = self._shape()
        if shape is None or not uuids:
            return []
        compiler = Compiler(self._prefix, shape.dims)
        chosen = f"{ID} in [{', '.join(literal(compiler.primary(uuid)) for uuid in uuids)}]"
        within = self._within(chosen if having is None else f"({chosen} and {having})")
        return self._query(within, [ID, *fields], len(uuids))

    def _page(self, where: RowTest, after: bytes | None, fields: Sequence[str], limit: int) -> list[dict[str, Any]]:
        """By uuid: Milvus returns what a query selects in the order of primary keys."""
        shape = self._shape()
        if shape is None:
            return []
        compiler = Compiler(self._prefix, shape.dims)
        expression = compiler.compile(where)
        if after is not None:
            behind = f"{ID} > {literal(compiler.primary(after))}"
            expression = behind if expression == EVERYTHING else f"({behind} and {expression})"
        return sorted(self._query(self._within(expression), [ID, *fields], limit), key=lambda row: str(row[ID]))

    def _uuid(self, row: Mapping[str, Any]) -> bytes:
        return parse_uuid(row[ID][len(self._prefix) :])

    def _seen(self, row: Mapping[str, Any]) -> SeenRow:
        return SeenRow(self._uuid(row), joined(row[BODY]))


def _values(row: Mapping[str, Any], key: Key, start: str) -> Iterable[Any]:
    """Each value of ``key`` that the row has, once."""
    if not key.several:
        return [row[KEYS][key.name]] if key.name in row[KEYS] else []
    texts = (one.removeprefix(start) for field in TERM_FIELDS for one in row[field] if one.startswith(start))
    convert: Callable[[str], Any] = int if key.kind is KeyKind.INTEGER else str
    return [convert(one) for one in texts]
