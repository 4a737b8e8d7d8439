"""The fields of a collection in Milvus, and how a row of Weft fills them.

    id              VARCHAR, primary: the uuid; behind the id of the tenant where there are tenants
    tenant          VARCHAR, where there are tenants
    body            ARRAY of VARCHAR: base64 of the row's body, in pieces that fit
    keys            JSON: keys with one value; of keys with several numbers the least and the greatest
    terms_0 … 3     ARRAY of VARCHAR: keys with several values, see ``terms``
    vector_<name>   FLOAT_VECTOR with ``has_<name>`` BOOL: zeros where a row has none
    words           SPARSE_FLOAT_VECTOR, from Milvus 2.4 on; before, ``words_0 … 3`` ARRAY of INT64 have its dimensions
                    and ``weights_0 … 3`` ARRAY of FLOAT their weights

The tenant is no partition key: Milvus 2.3.5 loses rows that are upserted into a collection with one.

No field depends on the properties of the collection, so a new property changes nothing here. Vectors do: their
dimensions are part of the schema.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from pymilvus import CollectionSchema, DataType, MilvusClient

from weft.domain.errors import TooLarge
from weft.domain.objects import Vector, format_uuid
from weft.engine.milvus.expressions import ID, has_vector
from weft.engine.milvus.terms import (
    ARRAYS,
    KEYS,
    MOST_BYTES,
    MOST_IN_ARRAY,
    TERM_FIELDS,
    greatest_of,
    grouped,
    least_of,
    term,
)
from weft.engine.remote.row_test import KeyKind
from weft.engine.remote.store import RowLayout, StoredRow

TENANT: Final = "tenant"
BODY: Final = "body"
WORDS: Final = "words"
WORD_FIELDS: Final = tuple(f"words_{array}" for array in range(ARRAYS))
WEIGHT_FIELDS: Final = tuple(f"weights_{array}" for array in range(ARRAYS))
SPARSE_SINCE: Final = (2, 4)
_PLACEHOLDER: Final = "no_vector"
"""A collection of Milvus has at least one vector."""
_PIECE: Final = 65_532
"""Characters of base64 in one element of an array; Milvus takes 65,535 bytes."""
_MOST_JSON: Final = 65_536
_LONGEST_ID: Final = 64
_NO_WORDS: Final = {2**32 - 2: 1e-30}
"""A sparse vector of Milvus is never empty."""


@dataclass(frozen=True, slots=True)
class MilvusShape:
    """A collection as it is there. ``name``: the physical one, to which the alias of the layout's name leads."""

    name: str
    dims: Mapping[str, int]
    fields: tuple[str, ...] = ()
    """All that a copy needs."""

    def lacks(self, names: Sequence[str]) -> bool:
        return any(name not in self.dims for name in names)


def vector_field(name: str) -> str:
    return f"vector_{name}"


def shape_of(described: Mapping[str, Any]) -> MilvusShape:
    """From the answer of ``describe_collection``."""
    dims = {
        field["name"].removeprefix("vector_"): int(field["params"]["dim"])
        for field in described["fields"]
        if field["name"].startswith("vector_")
    }
    fields = tuple(field["name"] for field in described["fields"] if field["name"] != _PLACEHOLDER)
    return MilvusShape(described["collection_name"], dims, fields)


def empty_vectors(new: MilvusShape, old: MilvusShape) -> dict[str, Any]:
    """What a row of ``old`` has in the vectors that only ``new`` has."""
    if not new.dims:
        return {_PLACEHOLDER: np.zeros(2, np.float32)}
    added = {name: width for name, width in new.dims.items() if name not in old.dims}
    zeros: dict[str, Any] = {vector_field(name): np.zeros(width, np.float32) for name, width in added.items()}
    return zeros | {has_vector(name): False for name in added}


def schema_for(layout: RowLayout, dims: Mapping[str, int], *, sparse: bool) -> CollectionSchema:
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field(ID, DataType.VARCHAR, is_primary=True, max_length=_LONGEST_ID)
    if layout.tenants:
        schema.add_field(TENANT, DataType.VARCHAR, max_length=_LONGEST_ID)
    schema.add_field(KEYS, DataType.JSON)
    texts = {"element_type": DataType.VARCHAR, "max_capacity": MOST_IN_ARRAY}
    schema.add_field(BODY, DataType.ARRAY, max_length=65_535, **texts)
    for name in TERM_FIELDS:
        schema.add_field(name, DataType.ARRAY, max_length=MOST_BYTES, **texts)
    if layout.words and sparse:
        schema.add_field(WORDS, DataType.SPARSE_FLOAT_VECTOR)
    elif layout.words:
        for words, weights in zip(WORD_FIELDS, WEIGHT_FIELDS, strict=True):
            schema.add_field(words, DataType.ARRAY, element_type=DataType.INT64, max_capacity=MOST_IN_ARRAY)
            schema.add_field(weights, DataType.ARRAY, element_type=DataType.FLOAT, max_capacity=MOST_IN_ARRAY)
    for name, width in dims.items():
        schema.add_field(vector_field(name), DataType.FLOAT_VECTOR, dim=width)
        schema.add_field(has_vector(name), DataType.BOOL)
    if not dims:
        schema.add_field(_PLACEHOLDER, DataType.FLOAT_VECTOR, dim=2)
    return schema


def claim_schema() -> CollectionSchema:
    """Of a collection that only has a name."""
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field(ID, DataType.VARCHAR, is_primary=True, max_length=_LONGEST_ID)
    schema.add_field(_PLACEHOLDER, DataType.FLOAT_VECTOR, dim=2)
    return schema


def placeholder(dims: Mapping[str, int]) -> str | None:
    return None if dims else _PLACEHOLDER


class RowEncoder:
    """The rows of one shape. ``tenant``: None where there are none."""

    def __init__(self, layout: RowLayout, shape: MilvusShape, tenant: str | None, *, sparse: bool) -> None:
        self._several = {key.name: key for key in layout.keys if key.several}
        self._words = layout.words
        self._sparse = sparse
        self._tenant = tenant
        self._prefix = prefix_of(tenant)
        self._zeros = {name: np.zeros(width, np.float32) for name, width in shape.dims.items()}

    def encode(self, row: StoredRow) -> dict[str, Any]:
        """Raises TooLarge for what Milvus cannot hold."""
        found: dict[str, Any] = {ID: self._prefix + format_uuid(row.uuid), BODY: pieces_of(row.body)}
        if self._tenant is not None:
            found[TENANT] = self._tenant
        keys: dict[str, object] = {}
        terms: list[str] = []
        for name, values in row.keys.items():
            key = self._several.get(name)
            if key is None:
                keys[name] = values[0]
                continue
            terms += [term(name, value) for value in values]
            keys[least_of(name)] = min(values) if key.kind is not KeyKind.KEYWORD else len(values)
            if key.kind is not KeyKind.KEYWORD:
                keys[greatest_of(name)] = max(values)
        if (size := len(orjson.dumps(keys))) > _MOST_JSON:
            raise _too_large(row, f"{size} bytes of values to filter by", f"{_MOST_JSON} in a JSON field")
        found[KEYS] = keys
        by_field = grouped(terms)
        for name in TERM_FIELDS:
            found[name] = by_field.get(name, [])
            self._check(row, len(found[name]))
        if self._words:
            found |= self._words_of(row)
        for name, zeros in self._zeros.items():
            vector: Vector | None = row.vectors.get(name)
            found[vector_field(name)] = zeros if vector is None else vector
            found[has_vector(name)] = vector is not None
        if not self._zeros:
            found[_PLACEHOLDER] = np.zeros(2, np.float32)
        return found

    def _words_of(self, row: StoredRow) -> dict[str, Any]:
        if self._sparse:
            return {WORDS: dict(row.words) or _NO_WORDS}
        found: dict[str, Any] = {name: [] for name in (*WORD_FIELDS, *WEIGHT_FIELDS)}
        for dimension, weight in row.words.items():
            array = array_of(dimension)
            found[WORD_FIELDS[array]].append(dimension)
            found[WEIGHT_FIELDS[array]].append(weight)
        for name in WORD_FIELDS:
            self._check(row, len(found[name]))
        return found

    def _check(self, row: StoredRow, elements: int) -> None:
        if elements > MOST_IN_ARRAY:
            most = f"about {ARRAYS * MOST_IN_ARRAY} of an object"
            raise _too_large(row, f"more than {elements} different words and values of arrays", most)


def prefix_of(tenant: str | None) -> str:
    """What primary keys begin with, before the uuid."""
    return "" if tenant is None else f"{tenant}:"


def array_of(dimension: int) -> int:
    return dimension % ARRAYS


def pieces_of(body: bytes) -> list[str]:
    encoded = base64.b64encode(body).decode()
    return [encoded[start : start + _PIECE] for start in range(0, len(encoded), _PIECE)]


def joined(pieces: Sequence[str]) -> bytes:
    return base64.b64decode("".join(pieces))


def _too_large(row: StoredRow, has: str, most: str) -> TooLarge:
    return TooLarge(
        f"the object {format_uuid(row.uuid)} has {has}; Milvus takes at most {most}: split it into several objects, or "
        "make properties that are only read neither filterable nor searchable",
        uuid=format_uuid(row.uuid),
    )
