"""``weft export``: the objects of a collection as a file that ``weft import`` makes the same collection of.

Objects are read over REST, by the cursor, while the server serves; what is written meanwhile may or may not be in the
file. A file appears under its name when it is complete.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import orjson

from weft.cli.collections import schema_of, vectors_of
from weft.cli.connection import Connection
from weft.cli.exports.lines import LinesWriter
from weft.cli.exports.written import ExportWriter
from weft.cli.move.meter import Meter
from weft.cli.move.objects import MovedCollection
from weft.cli.move.opening import place_of
from weft.cli.move.server_source import ServerSource
from weft.domain.counts import counted
from weft.domain.errors import Invalid, Misconfigured, OperatorError
from weft.domain.json_values import JsonObject

_STDOUT = "-"
_ACTIVE = ("HOT", "ACTIVE")


def export(arguments: argparse.Namespace) -> int:
    with Connection(arguments) as server:
        document = schema_of(server, arguments.collection)
    name = str(document["class"])
    target = arguments.file or f"{name}.jsonl"
    suffix = Path(target).suffix.lower()
    if target != _STDOUT and suffix not in (".jsonl", ".ndjson", ".parquet"):
        raise Invalid(f"{target} must end with .jsonl or .parquet; - writes JSON Lines to standard output")
    if target != _STDOUT and Path(target).exists() and not arguments.overwrite:
        raise Invalid(f"{target} is there already; name another file, or add --overwrite")
    with ServerSource(place_of(arguments), arguments.ca_certificate) as source:
        collection = _collection(source, document, arguments.tenant)
        with _file(target) as file:
            writer = _writer(file, suffix, document, source, collection)
            count = _write(source, collection, writer, vectors=not arguments.no_vectors)
    if target != _STDOUT:
        print(
            orjson.dumps({"collection": name, "file": target, "objects": count}).decode()
            if arguments.json
            else f"{counted(count, 'object')} of {name} in {target}"
        )
    return 0


def _collection(source: ServerSource, document: JsonObject, tenant: str | None) -> MovedCollection:
    """Raises Invalid for a tenant that is not there, or cannot be read."""
    name = str(document["class"])
    tenancy = document.get("multiTenancyConfig")
    tenants: dict[str, str] | None = None
    if isinstance(tenancy, dict) and tenancy.get("enabled"):
        known = source.tenants(name)
        tenants = {one: status for one, status in known.items() if tenant in (None, one)}
        if tenant is not None and not tenants:
            raise Invalid(f"{name} has no tenant {tenant!r}; it has {counted(len(known), 'tenant')}")
        if closed := [one for one, status in tenants.items() if status not in _ACTIVE]:
            raise Invalid(f"the tenant {closed[0]} of {name} is not active; activate it, or name others with --tenant")
    elif tenant is not None:
        raise Invalid(f"{name} has no tenants; leave out --tenant")
    count = sum(source.count(name, one) for one in (tenants or [None]))
    return MovedCollection(name, document, count, tenants)


def _writer(
    file: IO[bytes], suffix: str, document: JsonObject, source: ServerSource, collection: MovedCollection
) -> ExportWriter:
    if suffix != ".parquet":
        return LinesWriter(file, document)
    try:
        from weft.cli.exports.parquet import ParquetWriter
    except ImportError as error:
        raise Misconfigured(
            f"Parquet needs the package {error.name}; install it with: pip install 'weft[import]', or export to .jsonl"
        ) from error

    models = [source.models(collection, tenant) for tenant in collection.parts]
    multi = {name or "default": _is_multi(vector) for name, vector in vectors_of(document).items()}
    return ParquetWriter(file, document, multi, models, tenants=collection.tenants is not None)


def _is_multi(vector: Mapping[str, object]) -> bool:
    config = vector.get("vectorIndexConfig")
    found = config.get("multivector") if isinstance(config, dict) else None
    return isinstance(found, dict) and bool(found.get("enabled"))


def _write(source: ServerSource, collection: MovedCollection, writer: ExportWriter, *, vectors: bool) -> int:
    count = 0
    source.names = {collection.name: collection.name}
    with Meter(collection.name, collection.count, 0) as meter:
        for tenant in collection.parts:
            models = source.models(collection, tenant)
            for page in source.pages(collection, tenant, None):
                for one in page.objects if not vectors else ():
                    one.vectors = {}
                writer.write(tenant, page.objects, models)
                count += len(page.objects)
                meter.advance(len(page.objects))
    writer.finish()
    return count


@contextmanager
def _file(name: str) -> Iterator[IO[bytes]]:
    """A new file, which takes its name when it is complete."""
    if name == _STDOUT:
        yield sys.stdout.buffer
        return
    unfinished = Path(f"{name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(name)
    except OSError as error:
        raise OperatorError(f"{name} cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
