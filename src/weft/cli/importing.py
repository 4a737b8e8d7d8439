"""``weft import``: files into a collection, with a report that tells what was stored and what was not, and why."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.cli.arguments import connected
from weft.cli.rows import read_rows
from weft.domain.errors import Invalid

if TYPE_CHECKING:
    from weaviate.collections import Collection

_REPORTED_ERRORS = 10


@dataclass(slots=True)
class Report:
    """``rejected``: how often each error came. Every object sent is either stored or rejected."""

    stored: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        return sum(self.rejected.values())


def import_files(arguments: argparse.Namespace) -> int:
    """0 when every object was stored, 1 when some were rejected."""
    files = [Path(name) for name in arguments.files]
    for file in files:
        if str(file) != "-" and not file.is_file():
            raise Invalid(f"{file} is not a file")
    name = arguments.rejected or ("stdin" if str(files[0]) == "-" else str(files[0])) + ".rejected.jsonl"
    with connected(arguments) as client:
        collection = _collection(client, arguments)
        report = Report()
        with _Rejected(Path(name)) as rejected:
            for file in files:
                _import_file(collection, file, arguments, report, rejected)
    print(f"{report.stored} objects stored in {arguments.collection}, {report.failed} rejected")
    for message, count in report.rejected.most_common(_REPORTED_ERRORS):
        print(f"  {count} × {message}")
    if report.failed:
        print(f"the rejected objects, with their errors, are in {name}; mend them and import that file")
    return 1 if report.failed else 0


def _collection(client: Any, arguments: argparse.Namespace) -> Collection[Any, Any]:
    from weaviate.classes.config import Configure

    if not client.collections.exists(arguments.collection):
        if arguments.vectorizer == "none":
            vector = Configure.Vectors.self_provided()
        elif arguments.vectorizer == "text2vec-transformers":
            vector = Configure.Vectors.text2vec_transformers()
        else:
            vector = Configure.Vectors.custom(module_name=arguments.vectorizer)
        client.collections.create(arguments.collection, vector_config=vector)
    return client.collections.use(arguments.collection)


def _import_file(
    collection: Collection[Any, Any], file: Path, arguments: argparse.Namespace, report: Report, rejected: _Rejected
) -> None:
    from weaviate.util import generate_uuid5

    size = 0 if str(file) == "-" else file.stat().st_size
    with _progress(size, file.name) as bar, collection.batch.dynamic() as batch:
        sent: dict[str, dict[str, Any]] = {}
        for row, read_bytes in _counted(read_rows(file)):
            bar.update(read_bytes)
            uuid = row.pop(arguments.id_field, None) if arguments.id_field else None
            vector = row.pop(arguments.vector_field, None) if arguments.vector_field else None
            uuid = str(uuid or generate_uuid5(json.dumps(row, sort_keys=True), arguments.collection))
            sent[uuid] = row
            batch.add_object(properties=row, uuid=uuid, vector=vector)
    failed = {str(f.original_uuid): f.message for f in collection.batch.failed_objects}
    for uuid, message in failed.items():
        report.rejected[message] += 1
        rejected.write({**sent.get(uuid, {}), "_id": uuid, "_error": message})
    report.stored += len(sent) - len(failed)


def _counted(rows: Iterator[tuple[dict[str, Any], int]]) -> Iterator[tuple[dict[str, Any], int]]:
    """Rows without the two fields that a file of rejected objects carries."""
    for row, position in rows:
        row.pop("_error", None)
        row.pop("_id", None)
        yield row, position


def _progress(total: int, name: str) -> Any:
    from tqdm import tqdm

    return tqdm(total=total or None, unit="B", unit_scale=True, desc=name, file=sys.stderr, leave=False)


class _Rejected:
    """A JSON Lines file that exists only once something was rejected."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None

    def __enter__(self) -> _Rejected:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, row: dict[str, Any]) -> None:
        if self._file is None:
            self._file = self._path.open("w", encoding="utf-8")
        self._file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
