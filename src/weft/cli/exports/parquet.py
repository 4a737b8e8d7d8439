"""Parquet of an export, with the columns of the exports of a server (see ``weft.jobs.export.columns``)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Final, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from weft.cli.exports.written import written_vectors
from weft.cli.move.objects import MovedObject, data_types, properties_of
from weft.domain import instants
from weft.domain.errors import Conflict
from weft.domain.json_values import JsonObject

_Convert: TypeAlias = Callable[[Any], Any]
_GROUP_ROWS: Final = 10_000
_TIME, _DATE = pa.timestamp("ms", "UTC"), pa.timestamp("us", "UTC")
_EARLIEST, _LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""Of Python's datetime, in microseconds, which many readers of Arrow use."""
_PHONE: Final = {
    "input": pa.string(),
    "default_country": pa.string(),
    "country_code": pa.int64(),
    "national": pa.int64(),
    "international_formatted": pa.string(),
    "national_formatted": pa.string(),
    "valid": pa.bool_(),
}
_PHONE_KEYS: Final = {name: name.split("_")[0] + "".join(map(str.title, name.split("_")[1:])) for name in _PHONE}


def _same(value: Any) -> Any:
    return value


def _date(text: str) -> int:
    return min(max(instants.to_ns(instants.parse(text)) // 1000, _EARLIEST), _LATEST)


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode()


def _phone(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.get(key) for name, key in _PHONE_KEYS.items()}


def _references(found: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    parts = (one["beacon"].rsplit("/", 2) for one in found)
    return [{"collection": collection, "id": uuid} for _, collection, uuid in parts]


_SCALARS: Final[Mapping[str, tuple[pa.DataType, _Convert]]] = {
    "text": (pa.string(), _same),
    "string": (pa.string(), _same),
    "uuid": (pa.string(), _same),
    "blobHash": (pa.string(), _same),
    "int": (pa.int64(), int),
    "number": (pa.float64(), float),
    "boolean": (pa.bool_(), _same),
    "date": (_DATE, _date),
    "blob": (pa.binary(), _blob),
    "geoCoordinates": (pa.struct([("latitude", pa.float64()), ("longitude", pa.float64())]), _same),
    "phoneNumber": (pa.struct(list(_PHONE.items())), _phone),
}
_REFERENCES: Final = pa.list_(pa.struct([("collection", pa.string()), ("id", pa.string())]))


def _column(declared: Mapping[str, Any]) -> tuple[pa.DataType, _Convert]:
    """The Arrow type of a property, and the conversion of a value of JSON to it."""
    kind = data_types(declared)[0]
    if kind[:1].isupper():
        return _REFERENCES, _references
    element = kind.removesuffix("[]")
    if element != "object":
        type_, convert = _SCALARS[element]
    elif nested := declared.get("nestedProperties"):
        type_, convert = _struct(nested)
    else:
        type_, convert = pa.string(), lambda value: orjson.dumps(value).decode()
    if element == kind:
        return type_, convert
    return pa.list_(type_), lambda values: [None if one is None else convert(one) for one in values]


def _struct(properties: Sequence[Mapping[str, Any]]) -> tuple[pa.StructType, _Convert]:
    columns = {str(one["name"]): _column(one) for one in properties}

    def convert(values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: None if values.get(name) is None else change(values[name]) for name, (_, change) in columns.items()
        }

    return pa.struct([(name, type_) for name, (type_, _) in columns.items()]), convert


class ParquetWriter:
    """``multi``: by name, whether a vector is a multi-vector. ``models``: those of all tenants.

    Raises Conflict where the vectors of two tenants are by different models: a file has one for each vector."""

    def __init__(
        self,
        file: IO[bytes],
        document: JsonObject,
        multi: Mapping[str, bool],
        models: Sequence[Mapping[str, str]],
        *,
        tenants: bool,
    ) -> None:
        self._tenants, self._multi = tenants, dict(multi)
        properties = properties_of(document)
        self._properties = _struct(properties) if properties else None
        fields = [("id", pa.string())]
        fields += [("tenant", pa.string())] if tenants else []
        fields += [("creation_time", _TIME), ("update_time", _TIME)]
        fields += [("properties", self._properties[0])] if self._properties else []
        fields += [("vectors", self._vector_type())] if self._multi else []
        metadata = {"collection": str(document["class"]), "weft.collection": orjson.dumps(document).decode()}
        if known := _together(models):
            metadata["weft.models"] = orjson.dumps(known).decode()
        self._schema = pa.schema(fields, metadata)
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def write(self, tenant: str | None, objects: Sequence[MovedObject], models: Mapping[str, str]) -> None:
        self._rows += [self._row(one, tenant) for one in objects]
        if len(self._rows) >= _GROUP_ROWS:
            self._flush()

    def finish(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []

    def _row(self, one: MovedObject, tenant: str | None) -> dict[str, Any]:
        row: dict[str, Any] = {"id": one.uuid, "creation_time": one.created_ms, "update_time": one.updated_ms}
        if self._tenants:
            row["tenant"] = tenant
        if self._properties:
            row["properties"] = self._properties[1](one.properties)
        if self._multi:
            row["vectors"] = written_vectors(one)
        return row

    def _vector_type(self) -> pa.StructType:
        single, many = pa.list_(pa.float32()), pa.list_(pa.list_(pa.float32()))
        return pa.struct([(name, many if multi else single) for name, multi in self._multi.items()])


def _together(models: Sequence[Mapping[str, str]]) -> dict[str, str]:
    known: dict[str, str] = {}
    for one in models:
        for name, model in one.items():
            if known.setdefault(name, model) != model:
                raise Conflict(
                    f"the vector {name} of different tenants is by different models, and a Parquet file has one; "
                    "export to .jsonl, or one tenant at a time with --tenant"
                )
    return known
