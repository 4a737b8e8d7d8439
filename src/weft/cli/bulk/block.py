"""One block of rows: embedded, and written as one file of Parquet and one of what was rejected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from weft.cli.bulk.chunks import REST, Chunk
from weft.cli.bulk.inputs import input_of
from weft.cli.bulk.model import EmbeddingModel
from weft.cli.bulk.request import EmbedRequest
from weft.cli.bulk.sink import Note, Sink
from weft.cli.sources.arrow_rows import ERROR_KEY, ID_KEY, REST_KEY, VECTORS_KEY, embedded_vectors
from weft.cli.sources.plain import plain
from weft.cli.sources.row import ERROR_FIELD
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import Vector
from weft.modules.base import ModuleInput

if TYPE_CHECKING:
    import pyarrow as pa

ERROR = "error"
_GROUP_BYTES = 32 << 20


@dataclass(slots=True)
class Written:
    """``rows`` of the input, and how many of them were ``rejected``."""

    rows: int = 0
    rejected: int = 0


class BlockWriter:
    """Writes blocks of one run. In memory is a chunk, and what one group of rows takes."""

    def __init__(self, request: EmbedRequest, model: EmbeddingModel, sink: Sink, note: Note) -> None:
        self._request, self._model, self._sink, self._note = request, model, sink, note

    def write(self, name: str, chunks: Iterable[Chunk], schema: pa.Schema, folder: Path | None) -> Written:
        """``name``: of the files, without their endings. ``folder``: see ``input_of``."""
        written = Written()
        rejected: list[bytes] = []

        def fill(path: Path) -> None:
            self._fill(path, chunks, schema, folder, written, rejected)
            self._put_rejected(name, rejected)
            self._note.put(self._sink, self._model.fingerprint)

        self._sink.write(f"{name}.parquet", fill)
        return written

    def _put_rejected(self, name: str, rejected: Sequence[bytes]) -> None:
        """Before the block is whole: what is left of an earlier try does not stay."""
        if rejected:
            self._sink.put(f"{name}.rejected.jsonl", b"".join(rejected))
        else:
            self._sink.remove(f"{name}.rejected.jsonl")

    def _fill(
        self,
        path: Path,
        chunks: Iterable[Chunk],
        schema: pa.Schema,
        folder: Path | None,
        written: Written,
        rejected: list[bytes],
    ) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        waiting: list[pa.RecordBatch] = []
        writer: Any = None
        try:
            for chunk in chunks:
                waiting.append(self._embedded(chunk, folder, rejected))
                written.rows += chunk.rows
                writer = writer or pq.ParquetWriter(path, self._schema(schema), compression="zstd")
                if sum(batch.nbytes for batch in waiting) >= _GROUP_BYTES:
                    writer.write_table(pa.Table.from_batches(waiting).cast(writer.schema))
                    waiting = []
            writer = writer or pq.ParquetWriter(path, self._schema(schema), compression="zstd")
            if waiting:
                writer.write_table(pa.Table.from_batches(waiting).cast(writer.schema))
        finally:
            if writer is not None:
                writer.close()
        written.rejected = len(rejected)

    def _embedded(self, chunk: Chunk, folder: Path | None, rejected: list[bytes]) -> pa.RecordBatch:
        import pyarrow as pa

        asked: list[ModuleInput | WeftError] = []
        for fields in chunk.values:
            try:
                asked.append(input_of(self._request, fields, folder))
            except Invalid as refusal:
                asked.append(refusal)
        found = iter(self._model.embed([one for one in asked if isinstance(one, ModuleInput)]))
        made = [next(found) if isinstance(one, ModuleInput) else one for one in asked]
        self._model.check_same(self._note.fingerprint)
        errors = [one.message if isinstance(one, WeftError) else None for one in made]
        rejected += [_line(row.fields, row.error) for _, row in chunk.unread]
        batch = chunk.batch
        for i, error in enumerate(errors):
            if error is not None:
                (fields,) = batch.slice(i, 1).to_pylist()
                kept = orjson.loads(fields.pop(REST, None) or "{}")
                rejected.append(_line({**plain(fields), **kept}, error))
        vectors = vector_array([None if isinstance(one, WeftError) else one for one in made], self._model.multi)
        if ERROR in batch.schema.names:
            before = batch.column(ERROR).to_pylist()
            errors = [one or earlier for one, earlier in zip(errors, before, strict=True)]
            batch = batch.drop_columns([ERROR])
        batch = batch.append_column(self._request.vector, vectors)
        return batch.append_column(ERROR, pa.array(errors, pa.string()))

    def _schema(self, schema: pa.Schema) -> pa.Schema:
        """With the columns of vectors and errors, and what made them, which is known by now."""
        import pyarrow as pa

        metadata = dict(schema.metadata or {})
        if ERROR in schema.names:
            schema = schema.remove(schema.get_field_index(ERROR))
        made = {
            "module": self._request.module,
            "settings": dict(self._model.settings),
            "fingerprint": self._model.fingerprint,
            "multi": self._model.multi,
        }
        metadata[VECTORS_KEY] = orjson.dumps({**embedded_vectors(metadata), self._request.vector: made})
        metadata[ERROR_KEY] = ERROR.encode()
        if self._request.id_field:
            metadata[ID_KEY] = self._request.id_field.encode()
        if REST in schema.names:
            metadata[REST_KEY] = REST.encode()
        vector = pa.field(self._request.vector, vector_array([], self._model.multi).type)
        return pa.schema([*schema, vector, pa.field(ERROR, pa.string())], metadata)


def check_schema(schema: pa.Schema, request: EmbedRequest, name: str) -> None:
    """Raises Invalid for a file that lacks a field, or that has the column of the vectors already."""
    for field in (*sorted(request.fields), *([request.id_field] if request.id_field else [])):
        if field not in schema.names:
            raise Invalid(f"{name} has no field {field!r}; it has {', '.join(n for n in schema.names if n != REST)}")
    if request.vector in schema.names:
        raise Invalid(f"{name} has a field {request.vector!r} already; name another column with --vector-column")
    if ERROR in schema.names and ERROR_KEY not in (schema.metadata or {}):
        raise Invalid(f"{name} has a field {ERROR!r}, which is the column of the errors here; call it something else")


def vector_array(vectors: Sequence[Vector | None], multi: bool) -> pa.Array:
    """``list<float32>`` of ``(d,)``, or if ``multi`` lists of such of ``(T, d)``; null where there is none."""
    import pyarrow as pa

    rows = [one for one in vectors if one is not None]
    numbers = np.concatenate([one.ravel() for one in rows]) if rows else np.empty(0)
    values = pa.array(numbers.astype(np.float32, copy=False))
    if multi:
        inner = np.cumsum([0, *(one.shape[1] for one in rows for _ in range(len(one)))], dtype=np.int32)
        values = pa.ListArray.from_arrays(pa.array(inner), values)
    lengths = [0 if one is None else len(one) for one in vectors]
    missing = pa.array([one is None for one in vectors], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(np.cumsum([0, *lengths], dtype=np.int32)), values, mask=missing)


def _line(fields: dict[str, Any], error: str) -> bytes:
    kept = {name: value for name, value in fields.items() if value is not None}
    return orjson.dumps({**kept, ERROR_FIELD: error}, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY)
