"""The rows of one file, and how they are divided into blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from weft.cli.bulk.block import check_schema
from weft.cli.bulk.chunks import Chunk, arrow_chunks, inferred_schema, row_chunks
from weft.cli.bulk.request import EmbedRequest
from weft.cli.sources.arrow_files import ArrowFile
from weft.cli.sources.files import RowReading, is_arrow, read_rows
from weft.cli.sources.place import SourceFile

if TYPE_CHECKING:
    import pyarrow as pa

_SAMPLED_ROWS = 5_000


def block_name(file: int, block: int) -> str:
    return f"{file:05d}-{block:06d}"


class TakenChunks:
    """The chunks of one file, taken block by block. ``ended``: none is left. ``progress`` is called with the bytes and
    rows of each."""

    def __init__(self, chunks: Iterator[Chunk], progress: Callable[[int, int], object]) -> None:
        self._chunks = chunks
        self._progress = progress
        self._next: Chunk | None = next(chunks, None)

    @property
    def ended(self) -> bool:
        return self._next is None

    def take(self, rows: int) -> Iterator[Chunk]:
        while rows and self._next is not None:
            chunk, self._next = cut(self._next, rows)
            yield chunk
            rows -= chunk.rows
            self._progress(chunk.size_bytes, chunk.rows)
            if self._next is None:
                self._next = next(self._chunks, None)

    def skip(self, rows: int) -> int:
        return sum(chunk.rows for chunk in self.take(rows))


def cut(chunk: Chunk, rows: int) -> tuple[Chunk, Chunk | None]:
    """The first rows of ``chunk``, and the others if there are any."""
    if chunk.rows <= rows:
        return chunk, None
    unread = [(i, row) for i, row in chunk.unread if i < rows]
    others = [(i - rows, row) for i, row in chunk.unread if i >= rows]
    good = rows - len(unread)
    size = chunk.size_bytes * rows // chunk.rows
    first = Chunk(chunk.batch.slice(0, good), chunk.values[:good], unread, size)
    return first, Chunk(chunk.batch.slice(good), chunk.values[good:], others, chunk.size_bytes - size)


def opened(file: SourceFile, request: EmbedRequest) -> tuple[pa.Schema, Iterator[Chunk]]:
    """The columns of the file, and its rows. Raises Invalid for a file that lacks a field."""
    if is_arrow(file):
        schema = ArrowFile(file).schema
        check_schema(schema, request, file.name)
        return schema, arrow_chunks(file, request.fields, 0)
    rows = read_rows(file, RowReading())
    sample = list(islice(rows, _SAMPLED_ROWS))
    schema = inferred_schema(sample)
    check_schema(schema, request, file.name)
    return schema, row_chunks(chain(sample, rows), schema)
