"""Rows of Parquet and Arrow files: those of an export, those of ``weft embed``, and any others.

What a file is, its metadata says: ``collection`` is an export's (see ``weft.jobs.export.columns``), ``weft.vectors`` is
of ``weft embed`` (see ``weft.cli.bulk.sink``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from weft.cli.sources.arrow_files import ArrowFile
from weft.cli.sources.exported import exported_fields
from weft.cli.sources.place import SourceFile
from weft.cli.sources.plain import plain
from weft.cli.sources.row import ID_FIELD, MODELS_FIELD, VECTORS_FIELD, Row
from weft.cli.sources.vector_columns import vectors_of

if TYPE_CHECKING:
    import pyarrow as pa

VECTORS_KEY, ID_KEY, ERROR_KEY, REST_KEY = b"weft.vectors", b"weft.id", b"weft.error", b"weft.rest"
"""Of the metadata of a file of ``weft embed``: its vectors, JSON by column; and the names of the columns of the ids, of
the errors, and of the fields that have no column of their own."""

COLLECTION_KEY, MODELS_KEY = b"weft.collection", b"weft.models"


def arrow_rows(place: SourceFile, vector_fields: Sequence[str] = (), skip: int = 0) -> Iterator[Row]:
    """The rows of the file from row ``skip`` on. ``vector_fields``: columns whose lists become arrays of numpy."""
    file = ArrowFile(place)
    number = skip
    size_bytes = place.size_bytes // max(file.rows or 1, 1) if file.rows else 0
    for batch in file.batches(skip):
        for fields, error in _fields(batch, vector_fields, file.metadata):
            number += 1
            yield Row(f"{place.short}, row {number}", fields, size_bytes, error)


def embedded_vectors(metadata: Mapping[bytes, bytes]) -> dict[str, dict[str, Any]]:
    """What the file of ``weft embed`` says of its vectors, by column; empty for other files."""
    return dict(orjson.loads(metadata.get(VECTORS_KEY, b"{}")))


def _fields(
    batch: pa.RecordBatch, vector_fields: Sequence[str], metadata: Mapping[bytes, bytes]
) -> list[tuple[dict[str, Any], str]]:
    if b"collection" in metadata and "id" in batch.schema.names:
        return _exported(batch, metadata)
    stated = embedded_vectors(metadata)
    names = [name for name in batch.schema.names if name in stated or name in vector_fields]
    vectors = {name: vectors_of(batch.column(name)) for name in names}
    rows = _plain_rows(batch, [name for name in batch.schema.names if name not in names])
    for i, (fields, _) in enumerate(rows):
        fields |= {name: vectors[name][i] for name in names if name not in stated and vectors[name][i] is not None}
    if not stated:
        return rows
    models = {vector_name(name): one["fingerprint"] for name, one in stated.items()}
    found = []
    for i, (fields, error) in enumerate(rows):
        own = {vector_name(name): vectors[name][i] for name in stated if vectors[name][i] is not None}
        found.append(_embedded(fields, error, own, models, metadata))
    return found


def vector_name(column: str) -> str:
    """The name of the vector that a column of ``weft embed`` is for."""
    return "default" if column == "vector" else column


def _embedded(
    fields: dict[str, Any], error: str, vectors: dict[str, Any], models: dict[str, str], metadata: Mapping[bytes, bytes]
) -> tuple[dict[str, Any], str]:
    fields |= orjson.loads(fields.pop(metadata.get(REST_KEY, b"").decode(), None) or "{}")
    failed = fields.pop(metadata.get(ERROR_KEY, b"").decode(), None)
    if (key := metadata.get(ID_KEY, b"").decode()) and fields.get(key) is not None:
        fields[ID_FIELD] = fields[key]
    if vectors:
        fields[VECTORS_FIELD] = vectors
        fields[MODELS_FIELD] = {name: model for name, model in models.items() if name in vectors}
    return fields, error or (f"it was not embedded: {failed}" if failed else "")


def _exported(batch: pa.RecordBatch, metadata: Mapping[bytes, bytes]) -> list[tuple[dict[str, Any], str]]:
    document, models = orjson.loads(metadata.get(COLLECTION_KEY, b"{}")), orjson.loads(metadata.get(MODELS_KEY, b"{}"))
    vectors: dict[str, list[Any]] = {}
    if "vectors" in batch.schema.names:
        struct = batch.column("vectors")
        vectors = {field.name: vectors_of(struct.field(i)) for i, field in enumerate(struct.type)}
    found = []
    for i, (row, error) in enumerate(_rows(batch, [n for n in batch.schema.names if n != "vectors"])):
        own = {name: values[i] for name, values in vectors.items() if values[i] is not None}
        found.append((exported_fields(row, own, models, document), error))
    return found


def _plain_rows(batch: pa.RecordBatch, names: Sequence[str]) -> list[tuple[dict[str, Any], str]]:
    return [
        ({name: plain(value) for name, value in row.items() if value is not None}, error)
        for row, error in _rows(batch, names)
    ]


def _rows(batch: pa.RecordBatch, names: Sequence[str]) -> list[tuple[dict[str, Any], str]]:
    """Each row as Python has it, and what of it Python cannot hold."""
    import pyarrow as pa

    kept = batch.select(list(names))
    columns = [_readable(column) for column in kept.columns]
    kept = pa.RecordBatch.from_arrays(columns, names=list(names))
    try:
        return [(row, "") for row in kept.to_pylist()]
    except (ValueError, OverflowError):  # a date beyond the year 9999, text that is not UTF-8
        return [_row(kept.slice(i, 1)) for i in range(len(kept))]


def _row(batch: pa.RecordBatch) -> tuple[dict[str, Any], str]:
    fields: dict[str, Any] = {}
    error = ""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            fields[name] = column[0].as_py()
        except (ValueError, OverflowError) as reason:
            error = error or f"{name!r} holds what cannot be read: {reason}"
    return fields, error


def _readable(column: pa.Array) -> pa.Array:
    """Without what ``to_pylist`` cannot give: times finer than microseconds are cut off there."""
    import pyarrow as pa

    wanted = _type(column.type)
    return (
        column if wanted == column.type else column.cast(wanted, safe=False) if isinstance(column, pa.Array) else column
    )


def _type(type_: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", type_.tz and "UTC")
    if pa.types.is_time64(type_):
        return pa.time64("us")
    if pa.types.is_duration(type_):
        return pa.duration("us")
    if pa.types.is_struct(type_):
        return pa.struct([field.with_type(_type(field.type)) for field in type_])
    if pa.types.is_list(type_):
        return pa.list_(type_.value_field.with_type(_type(type_.value_type)))
    if pa.types.is_large_list(type_):
        return pa.large_list(type_.value_field.with_type(_type(type_.value_type)))
    return type_.storage_type if isinstance(type_, pa.BaseExtensionType) else type_
