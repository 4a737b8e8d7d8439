"""Rows in chunks of Arrow: those of a Parquet file as they are, those of JSON and CSV by inferred types.

What a row of JSON or CSV has beyond the columns that the first rows show, and what does not fit them, is kept as JSON
in the column ``weft_rest``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from weft.cli.imports.inferred import inferred
from weft.cli.sources.arrow_files import ArrowFile
from weft.cli.sources.place import SourceFile
from weft.cli.sources.row import TEXT_FIELD, Row

if TYPE_CHECKING:
    import pyarrow as pa

REST = "weft_rest"
CHUNK_ROWS = 256


@dataclass(slots=True)
class Chunk:
    """``batch``: its rows; ``values``: those of the fields that are embedded, for each. ``unread``: rows that are no
    rows, each with its place among all."""

    batch: pa.RecordBatch
    values: list[dict[str, Any]]
    unread: Sequence[tuple[int, Row]]
    size_bytes: int

    @property
    def rows(self) -> int:
        return len(self.batch) + len(self.unread)


def arrow_chunks(file: SourceFile, fields: Iterable[str], skip: int) -> Iterator[Chunk]:
    source = ArrowFile(file)
    names = [name for name in source.schema.names if name in frozenset(fields)]
    each = file.size_bytes // max(source.rows or 1, 1) if source.rows else 0
    for batch in source.batches(skip):
        yield Chunk(batch, batch.select(names).to_pylist(), (), each * len(batch))


def row_chunks(rows: Iterable[Row], schema: pa.Schema) -> Iterator[Chunk]:
    """``schema``: of ``inferred_schema``."""
    rest = iter(rows)
    while taken := list(islice(rest, CHUNK_ROWS)):
        good = [row.fields for row in taken if not row.error]
        unread = [(i, row) for i, row in enumerate(taken) if row.error]
        yield Chunk(_batch(good, schema), good, unread, sum(row.size_bytes for row in taken))


def inferred_schema(rows: Iterable[Row]) -> pa.Schema:
    """A column for each field of ``rows``, the first of a file."""
    import pyarrow as pa

    sample = [row.fields for row in rows if not row.error]
    columns = [pa.field(one["name"], _type(one)) for one in inferred(sample) if one["name"] != TEXT_FIELD]
    known = {column.name for column in columns}
    texts = dict.fromkeys(
        name for row in sample for name, value in row.items() if name not in known and isinstance(value, str)
    )
    return pa.schema([*columns, *(pa.field(name, pa.string()) for name in texts), pa.field(REST, pa.string())])


def _type(declared: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    kind = declared["dataType"][0]
    if kind.endswith("[]"):
        return pa.list_(_type({**declared, "dataType": [kind.removesuffix("[]")]}))
    if kind == "geoCoordinates":
        return pa.struct([("latitude", pa.float64()), ("longitude", pa.float64())])
    if kind == "object":
        return pa.struct([(one["name"], _type(one)) for one in declared["nestedProperties"]])
    return {"int": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}.get(kind, pa.string())


def _batch(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    rest: list[dict[str, Any]] = [{} for _ in rows]
    arrays = []
    for column in schema:
        if column.name == REST:
            continue
        values = [row.get(column.name) for row in rows]
        array = _array(values, column.type)
        if array is None:
            fit = [_array([value], column.type) is not None for value in values]
            for i, fits in enumerate(fit):
                if not fits:
                    rest[i][column.name], values[i] = values[i], None
            array = pa.array(values, column.type)
        arrays.append(array)
    known = set(schema.names)
    for row, more in zip(rows, rest, strict=True):
        more.update((name, value) for name, value in row.items() if name not in known and value is not None)
    arrays.append(pa.array([orjson.dumps(one).decode() if one else None for one in rest], pa.string()))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(values: Sequence[Any], kind: Any) -> Any:
    """None if a value does not fit, or would not come back as it is."""
    import pyarrow as pa

    try:
        array = pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return None
    nested = pa.types.is_struct(kind) or pa.types.is_list(kind)
    return None if nested and not _alike(values, array.to_pylist()) else array


def _alike(given: Any, back: Any) -> bool:
    """Whether nothing of ``given`` is missing; a field that an object lacks is a null."""
    if isinstance(given, list) and isinstance(back, list):
        return len(given) == len(back) and all(map(_alike, given, back))
    if isinstance(given, dict) and isinstance(back, dict):
        return all(value is None or _alike(value, back.get(name)) for name, value in given.items())
    return bool(given == back)
