"""``weft import``: files into a collection, with a report of what was stored, what was not, and why."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from weft.cli.connection import Connection
from weft.cli.imports.identity import ID_NAMES, mended
from weft.cli.imports.loader import Loader
from weft.cli.imports.objects import ObjectMaker, PreparedObject
from weft.cli.imports.report import ImportReport, RejectedFile
from weft.cli.imports.state import ImportState, Reached
from weft.cli.imports.target import TargetCollection
from weft.cli.progress import LongProgress
from weft.cli.sources.arrow_files import ArrowFile
from weft.cli.sources.arrow_rows import COLLECTION_KEY
from weft.cli.sources.columns import Columns
from weft.cli.sources.files import STDIN, RowReading, files_of, is_arrow, read_rows
from weft.cli.sources.place import SourceFile
from weft.cli.sources.row import COLLECTION_FIELD, Row
from weft.domain.errors import Invalid, NotFound, OperatorError, WeftError
from weft.domain.names import collection_name

_SAMPLED_ROWS, _SAMPLED_OF_STDIN = 5_000, 500
_SAMPLED_BYTES = 16 << 20


def import_files(arguments: argparse.Namespace) -> int:
    """0 when every row was stored, 1 when some were rejected."""
    files = files_of(arguments.files)
    rejected = Path(arguments.rejected or _beside(arguments.files[0]) + ".rejected.jsonl")
    for file in files:
        if file is not STDIN and Path(file.name).absolute() == rejected.absolute():
            raise Invalid(f"{file.name} would be overwritten by the rejected rows; name another file with --rejected")
    name = collection_name(arguments.collection)
    if not name:
        raise Invalid("--collection must name a collection")
    for word in (name, arguments.tenant or ""):
        word.encode()  # raises UnicodeEncodeError here, and not for each row
    started = time.perf_counter()
    with Connection(arguments) as server:
        target = TargetCollection(server, name, arguments)
        state = _state(server, files, rejected, arguments)
        reached = _reached(server, target, state, arguments)
        report = ImportReport(name, RejectedFile(rejected, reached.rejected_bytes), reached)
        try:
            _Import(server, target, files, state, reached, report, arguments).run()
        except WeftError as error:
            so_far = f"; {report.summary(time.perf_counter() - started)}" if report.stored else ""
            raise type(error)(error.message + so_far) from error
        except OSError as error:
            so_far = f"; {report.summary(time.perf_counter() - started)}" if report.stored else ""
            raise OperatorError(f"{error.filename or 'a file'} cannot be read: {error.strerror}{so_far}") from error
        except KeyboardInterrupt:
            print(f"stopped: {report.summary(time.perf_counter() - started)}", file=sys.stderr)
            raise
        finally:
            report.close()
        state.remove()
        if not report.stored and target.withdraw():
            print(f"the collection {name} was not made, because nothing could be stored", file=sys.stderr)
    print(report.text(time.perf_counter() - started))
    return 1 if report.rejected else 0


def _beside(name: str) -> str:
    """Where what belongs to the files is written: beside those of a disk, else here."""
    if name == "-":
        return "stdin"
    local = name.rstrip("/").rpartition("/")[2] if name.startswith("s3://") else name.rstrip("/")
    return "".join("_" if letter in "*?[]" else letter for letter in local)


def _state(
    server: Connection, files: Sequence[SourceFile], rejected: Path, arguments: argparse.Namespace
) -> ImportState:
    key: dict[str, Any] = {"server": server.url, "files": [[one.name, one.size_bytes, one.version] for one in files]}
    key |= {name: getattr(arguments, name) for name in ("collection", "tenant", "id_field", "vector_field")}
    if STDIN in files or (rejected.exists() and not rejected.is_file()):
        return ImportState(None, key)
    return ImportState(rejected.with_name(rejected.name.removesuffix(".rejected.jsonl") + ".import-state.json"), key)


def _reached(
    server: Connection, target: TargetCollection, state: ImportState, arguments: argparse.Namespace
) -> Reached:
    """Where the import continues; at the beginning unless the collection has what was stored before."""
    reached = None if arguments.restart or target.document is None else state.load()
    if reached is None:
        return Reached()
    if reached.last:
        of_tenant = f"?tenant={quote(arguments.tenant, safe='')}" if arguments.tenant else ""
        try:
            server.get(f"/v1/objects/{quote(target.name, safe='')}/{reached.last}{of_tenant}")
        except NotFound:
            print(f"{target.name} lacks what was imported before; beginning again", file=sys.stderr)
            return Reached()
    done = f"{reached.stored + reached.rejected:,} rows are done"
    print(f"continuing where the last import ended: {done}; --restart begins again", file=sys.stderr)
    return reached


class _Import:
    def __init__(
        self,
        server: Connection,
        target: TargetCollection,
        files: Sequence[SourceFile],
        state: ImportState,
        reached: Reached,
        report: ImportReport,
        arguments: argparse.Namespace,
    ) -> None:
        self._server = server
        self._target = target
        self._files = files
        self._count = len(files)
        self._state = state
        self._begin = (reached.file, reached.row)
        self._schema: dict[str, Any] | None = None
        """Of the collection that was exported, as JSON Lines have it."""
        self._report = report
        self._maker = ObjectMaker(target.name, arguments)
        self._reading = RowReading(_columns(target.document, arguments), [arguments.vector_field or ""])

    def run(self) -> None:
        ends = self._count if self._begin[0] < self._count else 2 * self._count
        rows = self._rows(self._begin, ends)
        sample = _sampled(rows, _SAMPLED_OF_STDIN if STDIN in self._files else _SAMPLED_ROWS)
        if not sample:
            return
        metadata, blobs = self._of_first()
        self._target.prepare(metadata, blobs, [self._maker.properties(row) for row, _ in sample])
        self._maker.fit(self._target.document or {})
        self._say_names()
        links = bool(self._maker.references) and STDIN not in self._files
        again = self._rows((self._count, 0), 2 * self._count) if links and ends == self._count else ()
        total = sum(one.size_bytes for one in self._files) * (2 if links else 1)
        done = sum(one.size_bytes for one in [*self._files, *self._files][: self._begin[0]])
        with (
            LongProgress(self._report.collection, "row", total, done_bytes=done) as progress,
            Loader(self._server, self._report, lambda batch, stored: self._settled(progress, batch)) as loader,
        ):
            for row, position in chain(sample, rows):
                self._send(loader, row, position, links)
            loader.settle()
            for row, position in again:
                self._send(loader, row, position, links)

    def _rows(self, begin: tuple[int, int], end: int) -> Iterator[tuple[Row, tuple[int, int]]]:
        """Of the files from ``begin`` on, each with where the import continues after it. After the last file the first
        follows once more, for references: they may be to objects that are stored later."""
        for number in range(begin[0], end):
            skip = begin[1] if number == begin[0] else 0
            for i, row in enumerate(read_rows(self._files[number % self._count], self._reading, skip), skip + 1):
                if COLLECTION_FIELD in row.fields:
                    self._take_schema(row)
                else:
                    yield row, (number, i)

    def _send(self, loader: Loader, row: Row, position: tuple[int, int], links: bool) -> None:
        if position[0] < self._count:
            loader.send(self._maker.prepare(row, position, whole=not links))
        elif (linked := self._maker.links(row, position)) is not None:
            loader.send(linked)

    def _settled(self, progress: LongProgress, batch: Sequence[PreparedObject]) -> None:
        self._state.save(self._report.reached(*batch[-1].position))
        progress.update(sum(one.row.size_bytes for one in batch), len(batch))

    def _take_schema(self, row: Row) -> None:
        """Raises Invalid for the schema of a second collection."""
        schema = row.fields[COLLECTION_FIELD]
        if not isinstance(schema, dict) or "class" not in schema:
            raise Invalid(f"{row.where}: {COLLECTION_FIELD} is no schema of a collection")
        if self._schema is not None and schema["class"] != self._schema["class"]:
            names = ", ".join(sorted({str(schema["class"]), str(self._schema["class"])}))
            raise Invalid(f"the files are of several collections ({names}); import one at a time")
        self._schema = schema

    def _of_first(self) -> tuple[dict[bytes, bytes], list[str]]:
        """The metadata of the first file, and its columns of bytes."""
        file = self._files[self._begin[0] % self._count]
        if not is_arrow(file):
            return {} if self._schema is None else {COLLECTION_KEY: orjson.dumps(self._schema)}, []
        import pyarrow as pa

        arrow = ArrowFile(file)
        names = arrow.schema.names
        bytes_ = [
            one.name for one in arrow.schema if pa.types.is_binary(one.type) or pa.types.is_large_binary(one.type)
        ]
        exported = {ArrowFile(one).metadata.get(b"collection", b"").decode() for one in self._files if is_arrow(one)}
        if len(exported) > 1:
            raise Invalid(f"the files are of several collections ({', '.join(sorted(exported))}); import one at a time")
        return arrow.metadata, [mended(name, names) for name in bytes_]

    def _say_names(self) -> None:
        for name, stored in self._maker.renamed.items():
            print(f"the field {name!r} is stored as {stored!r}", file=sys.stderr)
        if self._maker.made_ids:
            print(
                "ids that are no uuids: the object's uuid is generate_uuid5 of the id, which is kept", file=sys.stderr
            )


def _sampled(rows: Iterable[tuple[Row, tuple[int, int]]], most: int) -> list[tuple[Row, tuple[int, int]]]:
    """The first rows, of at most so many bytes together."""
    found: list[tuple[Row, tuple[int, int]]] = []
    size = 0
    for one in islice(rows, most):
        found.append(one)
        size += one[0].size_bytes
        if size >= _SAMPLED_BYTES:
            break
    return found


def _columns(collection: dict[str, Any] | None, arguments: argparse.Namespace) -> Columns:
    properties = (collection or {}).get("properties") or []
    return Columns(
        {one["name"]: one["dataType"][0] for one in properties},
        texts=[arguments.id_field] if arguments.id_field else ID_NAMES,
        json=[arguments.vector_field] if arguments.vector_field else [],
    )
