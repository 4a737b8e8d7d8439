"""The columns of an exported collection: the Arrow type of each data type.

    id              string
    tenant          string                              in collections with tenants
    creation_time   timestamp[ms, UTC]
    update_time     timestamp[ms, UTC]
    properties      struct of the properties            when the collection has any
    vectors         struct: list<float32>, or list<list<float32>> for a multi-vector, by name; when there are any

    text, uuid          string                  date            timestamp[us, UTC]; finer digits are cut off
    int                 int64                   blob            binary
    number              float64                 geoCoordinates  struct of latitude, longitude: float64
    boolean             bool                    phoneNumber     struct of its parts
    object              struct                  cref            list of struct of collection, id: string
    …[]                 list

An object type without properties is a string of JSON, because Parquet has no empty structs.

Metadata of the schema: ``collection``, ``tenant`` where there are tenants; ``weft.collection``: the collection's schema
as a client reads it, JSON; ``weft.models``: the fingerprints of the models that made the vectors, by name of vector,
JSON. ``weft import`` reads them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import orjson
import pyarrow as pa

from weft.domain import instants, json_text
from weft.domain.objects import Object, Vector, format_uuid
from weft.domain.schema import CollectionConfig, DataType, Property

Convert: TypeAlias = Callable[[Any], Any]

_TIME = pa.timestamp("ms", "UTC")
_DATE = pa.timestamp("us", "UTC")
_GEO = pa.struct([("latitude", pa.float64()), ("longitude", pa.float64())])
_PHONE = pa.struct(
    [
        ("input", pa.string()),
        ("default_country", pa.string()),
        ("country_code", pa.int64()),
        ("national", pa.int64()),
        ("international_formatted", pa.string()),
        ("national_formatted", pa.string()),
        ("valid", pa.bool_()),
    ]
)
_REFERENCES = pa.list_(pa.struct([("collection", pa.string()), ("id", pa.string())]))
_EARLIEST, _LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The range of Python's datetime, in microseconds: Arrow's is larger, but many of its readers do not support that."""


def _same(value: Any) -> Any:
    return value


def _date(text: str) -> int:
    return min(max(instants.to_ns(instants.parse(text)) // 1000, _EARLIEST), _LATEST)


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode()


def _geo(point: Any) -> dict[str, float]:
    return {"latitude": point.latitude, "longitude": point.longitude}


def _phone(number: Any) -> dict[str, Any]:
    return {name: getattr(number, name) for name in _PHONE.names}


def _references(found: Sequence[Any]) -> list[dict[str, str]]:
    return [{"collection": one.collection, "id": format_uuid(one.uuid)} for one in found]


def _json(value: Any) -> str:
    return json_text.dumps(value).decode()


_SCALARS: Mapping[DataType, tuple[pa.DataType, Convert]] = {
    DataType.TEXT: (pa.string(), _same),
    DataType.UUID: (pa.string(), _same),
    DataType.INT: (pa.int64(), _same),
    DataType.NUMBER: (pa.float64(), _same),
    DataType.BOOLEAN: (pa.bool_(), _same),
    DataType.DATE: (_DATE, _date),
    DataType.BLOB: (pa.binary(), _blob),
    DataType.BLOB_HASH: (pa.string(), _same),
    DataType.GEO: (_GEO, _geo),
    DataType.PHONE: (_PHONE, _phone),
    DataType.REFERENCE: (_REFERENCES, _references),
}


def column_of(declared: Property) -> tuple[pa.DataType, Convert]:
    """The Arrow type of a property, and the conversion of a value (not None) to it."""
    kind = declared.data_type.element
    if kind is not DataType.OBJECT:
        type_, convert = _SCALARS[kind]
    elif declared.nested:
        type_, convert = struct_of(declared.nested)
    else:
        type_, convert = pa.string(), _json
    if not declared.data_type.is_array:
        return type_, convert
    return pa.list_(type_), lambda values: [None if value is None else convert(value) for value in values]


def struct_of(properties: Sequence[Property]) -> tuple[pa.StructType, Convert]:
    columns = {one.name: column_of(one) for one in properties}

    def convert(values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: None if values.get(name) is None else change(values[name]) for name, (_, change) in columns.items()
        }

    return pa.struct([(name, type_) for name, (type_, _) in columns.items()]), convert


class ArrowColumns:
    """Makes record batches of one collection's objects. ``multi``: by name, whether a vector is a multi-vector;
    ``models``: by name, the fingerprints of the models that made the vectors."""

    def __init__(
        self, config: CollectionConfig, tenant: str | None, multi: Mapping[str, bool], models: Mapping[str, str]
    ) -> None:
        self._tenant = tenant
        self._multi = dict(multi)
        self._properties = struct_of(config.properties) if config.properties else None
        fields = [("id", pa.string())]
        fields += [("tenant", pa.string())] if tenant is not None else []
        fields += [("creation_time", _TIME), ("update_time", _TIME)]
        fields += [("properties", self._properties[0])] if self._properties else []
        fields += [("vectors", self._vector_type())] if self._multi else []
        metadata = {"collection": config.name} | ({"tenant": tenant} if tenant is not None else {})
        metadata |= {"weft.collection": orjson.dumps(config.document).decode()}
        metadata |= {"weft.models": orjson.dumps(dict(models)).decode()} if models else {}
        self.schema = pa.schema(fields, metadata)

    def batch(self, objects: Sequence[Object], vectors: Mapping[str, Sequence[Vector | None]]) -> pa.RecordBatch:
        """``vectors``: by name, those of each object."""
        arrays: list[Any] = [pa.array([format_uuid(obj.uuid) for obj in objects], pa.string())]
        if self._tenant is not None:
            arrays.append(pa.array([self._tenant] * len(objects), pa.string()))
        arrays.append(pa.array([obj.created_ms for obj in objects], pa.int64()).cast(_TIME))
        arrays.append(pa.array([obj.updated_ms for obj in objects], pa.int64()).cast(_TIME))
        if self._properties:
            type_, convert = self._properties
            arrays.append(pa.array([convert(obj.properties) for obj in objects], type_))
        if self._multi:
            children = [_tokens(vectors[n]) if multi else _floats(vectors[n]) for n, multi in self._multi.items()]
            arrays.append(pa.StructArray.from_arrays(children, fields=list(self._vector_type())))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _vector_type(self) -> pa.StructType:
        single, many = pa.list_(pa.float32()), pa.list_(pa.list_(pa.float32()))
        return pa.struct([(name, many if multi else single) for name, multi in self._multi.items()])


def _floats(vectors: Sequence[Vector | None]) -> pa.Array:
    """``list<float32>``, null for a missing vector."""
    lengths = [0 if v is None else len(v) for v in vectors]
    values = [v for v in vectors if v is not None]
    flat = np.concatenate(values) if values else np.empty(0, np.float32)
    return pa.ListArray.from_arrays(_offsets(lengths), pa.array(flat, pa.float32()), mask=_missing(vectors))


def _tokens(vectors: Sequence[Vector | None]) -> pa.Array:
    """``list<list<float32>>``, null for a missing vector."""
    lengths = [0 if v is None else len(v) for v in vectors]
    rows = [v for v in vectors if v is not None and len(v)]
    flat = np.concatenate(rows) if rows else np.empty((0, 0), np.float32)
    inner = _offsets([flat.shape[1]] * len(flat))
    tokens = pa.ListArray.from_arrays(inner, pa.array(np.ravel(flat), pa.float32()))
    return pa.ListArray.from_arrays(_offsets(lengths), tokens, mask=_missing(vectors))


def _offsets(lengths: Sequence[int]) -> pa.Array:
    return pa.array(np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int32), pa.int32())


def _missing(vectors: Sequence[Vector | None]) -> pa.Array:
    return pa.array([v is None for v in vectors], pa.bool_())
