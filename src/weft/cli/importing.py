"""``weft import``: files into a collection, with a report of what was stored, what was not, and why."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

from weft.cli.columns import Columns
from weft.cli.connection import Connection
from weft.cli.loader import Loader, PreparedObject
from weft.cli.report import ImportReport, RejectedFile
from weft.cli.rows import Row, check, read_rows
from weft.domain.errors import Invalid, NotFound, OperatorError, WeftError
from weft.domain.names import collection_name

_DEFAULT_VECTORIZER = "text2vec-transformers"


def import_files(arguments: argparse.Namespace) -> int:
    """0 when every row was stored, 1 when some were rejected."""
    files = [Path(name) for name in arguments.files]
    rejected = Path(arguments.rejected or ("stdin" if str(files[0]) == "-" else str(files[0])) + ".rejected.jsonl")
    for file in files:
        check(file)
        if file.absolute() == rejected.absolute():
            raise Invalid(f"{file} would be overwritten by the rejected rows; name another file with --rejected")
    name = collection_name(arguments.collection)
    if not name:
        raise Invalid("--collection must name a collection")
    for word in (name, arguments.tenant or ""):
        word.encode()  # raises UnicodeEncodeError here, and not for each row
    started = time.perf_counter()
    with Connection(arguments) as server:
        columns = _columns(_collection(server, name), arguments)
        report = ImportReport(name, RejectedFile(rejected))
        rows = _rows(files, columns)
        try:
            if (first := next(rows, None)) is not None:
                _create(server, name, arguments)
                _load(server, chain([first], rows), _total_bytes(files), report, _ObjectMaker(name, arguments))
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
    print(report.text(time.perf_counter() - started))
    return 1 if report.rejected else 0


def _collection(server: Connection, name: str) -> dict[str, Any] | None:
    """The collection's document; None when there is no such collection."""
    try:
        return dict(server.get(f"/v1/schema/{quote(name, safe='')}"))
    except NotFound:
        return None


def _create(server: Connection, name: str, arguments: argparse.Namespace) -> None:
    """Create the collection when it is missing."""
    if _collection(server, name) is None:
        vectorizer = arguments.vectorizer or ("none" if arguments.vector_field else _DEFAULT_VECTORIZER)
        server.post("/v1/schema", {"class": name, "vectorConfig": {"default": {"vectorizer": {vectorizer: {}}}}})


def _columns(collection: dict[str, Any] | None, arguments: argparse.Namespace) -> Columns:
    properties = (collection or {}).get("properties") or []
    return Columns(
        {one["name"]: one["dataType"][0] for one in properties},
        texts=[arguments.id_field] if arguments.id_field else [],
        json=[arguments.vector_field] if arguments.vector_field else [],
    )


def _load(
    server: Connection, rows: Iterable[Row], total_bytes: int, report: ImportReport, identity: _ObjectMaker
) -> None:
    with _progress(total_bytes, report) as bar, Loader(server, report, bar.update) as loader:
        for row in rows:
            prepared = identity.prepare(row)
            if prepared is None:
                report.reject(row.where, row.fields, row.error)
                bar.update(row.size_bytes)
            else:
                loader.send(prepared)


def _rows(files: list[Path], columns: Columns) -> Iterator[Row]:
    for file in files:
        yield from read_rows(file, columns)


def _total_bytes(files: list[Path]) -> int:
    """0 if it is unknown."""
    return 0 if any(str(file) == "-" for file in files) else sum(file.stat().st_size for file in files)


class _ObjectMaker:
    """Makes objects of rows: their uuid and vector from the fields named for them, or a uuid from the content."""

    def __init__(self, collection: str, arguments: argparse.Namespace) -> None:
        self._collection = collection
        self._tenant = arguments.tenant
        self._id_field = arguments.id_field
        self._vector_field = arguments.vector_field

    def prepare(self, row: Row) -> PreparedObject | None:
        """None when the row cannot be stored; its ``error`` says why."""
        if row.error or _too_deep(row):
            return None
        properties = dict(row.fields)
        uuid = self._uuid(row, properties)
        if uuid is None:
            return None
        sent: dict[str, Any] = {"class": self._collection, "id": uuid, "properties": properties}
        if self._tenant:
            sent["tenant"] = self._tenant
        if self._vector_field and (vector := properties.pop(self._vector_field, None)) is not None:
            sent["vectors" if isinstance(vector, dict) else "vector"] = vector
        return PreparedObject(row, uuid, orjson.dumps(sent))

    def _uuid(self, row: Row, properties: dict[str, Any]) -> str | None:
        if not self._id_field:
            content = orjson.dumps(row.fields, option=orjson.OPT_SORT_KEYS).decode()
            return str(uuid5(NAMESPACE_URL, f"{self._collection}{content}"))
        given = properties.pop(self._id_field, None)
        if given is None:
            row.error = f"the row has no field {self._id_field!r} (--id-field)"
            return None
        try:
            return str(UUID(str(given)))
        except ValueError:
            row.error = f"{given!r} is not a uuid (--id-field {self._id_field})"
            return None


def _too_deep(row: Row) -> bool:
    """Removes such fields, because the file of rejected rows cannot hold them either."""
    deep = [name for name, value in row.fields.items() if isinstance(value, dict | list) and not _is_json(value)]
    if deep:
        row.error = f"{deep[0]!r} is nested too deeply; at most 250 levels are stored"
        row.fields = {name: value for name, value in row.fields.items() if name not in deep}
    return bool(deep)


def _is_json(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True


def _progress(total_bytes: int, report: ImportReport) -> Any:
    """A bar on a terminal; nothing elsewhere."""
    from tqdm import tqdm

    return tqdm(
        total=total_bytes or None,
        unit="B",
        unit_scale=True,
        desc=report.collection,
        file=sys.stderr,
        leave=False,
        disable=None,
    )
