"""Parquet and Arrow files, a few rows at a time. Needs ``weft[import]``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from weft.cli.sources.place import SourceFile
from weft.domain.errors import Invalid, Misconfigured

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 256
PARQUET = (".parquet", ".pq")
ARROW = (".arrow", ".feather", ".ipc")
_MAGIC = b"ARROW1"


class ArrowFile:
    """One file. ``schema``: as the file has it; ``rows``: how many, None where only reading shows."""

    def __init__(self, place: SourceFile) -> None:
        import_pyarrow()
        self._place = place
        self.schema: Any
        self.rows: int | None
        with self._opened() as reader:
            if place.suffix in PARQUET:
                self.schema, self.rows = reader.schema_arrow, reader.metadata.num_rows
            else:
                self.schema, self.rows = reader.schema, None
            _ = self.schema.names, self.schema.metadata  # read here, where those that are no text are refused

    @property
    def metadata(self) -> dict[bytes, bytes]:
        return dict(self.schema.metadata or {})

    def batches(self, skip: int = 0) -> Iterator[pa.RecordBatch]:
        """At most ``BATCH_ROWS`` rows each, from row ``skip`` on. Raises Invalid."""
        with self._opened() as reader:
            whole = self._of_parquet(reader, skip) if self._place.suffix in PARQUET else self._of_arrow(reader, skip)
            for batch in whole:
                for begin in range(0, len(batch), BATCH_ROWS):
                    yield batch.slice(begin, BATCH_ROWS)

    def _of_parquet(self, reader: Any, skip: int) -> Iterator[pa.RecordBatch]:
        for group in range(reader.num_row_groups):
            rows = reader.metadata.row_group(group).num_rows
            if skip >= rows:
                skip -= rows
                continue
            yield from _without(reader.iter_batches(BATCH_ROWS, row_groups=[group], use_threads=False), skip)
            skip = 0

    def _of_arrow(self, reader: Any, skip: int) -> Iterator[pa.RecordBatch]:
        if hasattr(reader, "num_record_batches"):
            yield from _without((reader.get_batch(i) for i in range(reader.num_record_batches)), skip)
        else:
            yield from _without(reader, skip)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with self._place.open() as file:
            try:
                if self._place.suffix in PARQUET:
                    with pq.ParquetFile(file) as reader:
                        yield reader
                    return
                magic = file.read(len(_MAGIC))
                file.seek(0)
                opened = pa.ipc.open_file(file) if magic == _MAGIC else pa.ipc.open_stream(file)
                with opened as reader:
                    yield reader
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise  # of the disk; those of damaged content have no number
                first = str(error).partition("\n")[0][:300]
                raise Invalid(f"{self._place.name} cannot be read as {self._place.suffix[1:]}: {first}") from error


def _without(batches: Any, skip: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        batch.validate(full=True)  # pyarrow ends the process where it slices a batch whose parts do not fit
        if skip < len(batch):
            yield batch.slice(skip)
        skip = max(skip - len(batch), 0)


def import_pyarrow() -> None:
    """Raises Misconfigured where it is not installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise Misconfigured(
            "Parquet and Arrow files need the package pyarrow; install it with: pip install 'weft[import]'"
        ) from None
