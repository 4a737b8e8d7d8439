"""``weft delete``: a collection, or the objects of it that match; asked before, unless ``--yes`` is given."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from weft.cli.collections import schema_of
from weft.cli.connection import Connection
from weft.cli.where import where_json
from weft.domain.counts import counted
from weft.domain.errors import Invalid, OperatorError


def delete(arguments: argparse.Namespace) -> int:
    """0 when it was deleted, or would be (``--dry-run``); 1 when the answer was no, or an object could not be."""
    with Connection(arguments) as server:
        document = schema_of(server, arguments.collection)
        if arguments.where:
            return _objects(server, document, arguments)
        return _whole(server, document, arguments)


def _whole(server: Connection, document: Mapping[str, Any], arguments: argparse.Namespace) -> int:
    """The collection, or one tenant of it."""
    name, path = document["class"], f"/v1/schema/{quote(document['class'], safe='')}"
    nodes = server.get(f"/v1/nodes/{quote(name, safe='')}?output=verbose")["nodes"]
    shards = [shard for node in nodes for shard in node.get("shards") or ()]
    if arguments.tenant:
        what = f"the tenant {arguments.tenant} of {name}"
        if arguments.tenant not in {one["name"] for one in server.get(f"{path}/tenants")}:
            raise Invalid(f"{name} has no tenant {arguments.tenant!r}")
        shards = [shard for shard in shards if shard["name"] == arguments.tenant]
    else:
        what = f"the collection {name}"
    count = sum(shard.get("objectCount", 0) for shard in shards)
    if not arguments.dry_run:
        if not _agreed(f"Delete {what} with its {counted(count, 'object')}?", arguments):
            return 1
        if arguments.tenant:
            server.delete(f"{path}/tenants", [arguments.tenant])
        else:
            server.delete(path)
    _report(arguments, {"collection": name, "tenant": arguments.tenant, "objects": count, "failed": 0}, what)
    return 0


def _objects(server: Connection, document: Mapping[str, Any], arguments: argparse.Namespace) -> int:
    """Those that match: as many requests as the server's limit for one of them needs."""
    query = urlencode({"tenant": arguments.tenant} if arguments.tenant else {})
    path = f"/v1/batch/objects{f'?{query}' if query else ''}"
    match = {"class": document["class"], "where": where_json(arguments.where, document)}
    found = server.delete(path, {"match": match, "output": "minimal", "dryRun": True})["results"]
    count, name = int(found["matches"]), document["class"]
    if count and not arguments.dry_run:
        if not _agreed(f"Delete {counted(count, 'object')} of {name}?", arguments):
            return 1
        count, failed = _deleted(server, path, match)
    else:
        failed = 0
    what = f"{counted(count, 'object')} of {name}"
    _report(arguments, {"collection": name, "tenant": arguments.tenant, "objects": count, "failed": failed}, what)
    return 1 if failed else 0


def _deleted(server: Connection, path: str, match: Mapping[str, Any]) -> tuple[int, int]:
    """How many were deleted, and how many could not be."""
    count = 0
    while True:
        results = server.delete(path, {"match": match, "output": "minimal"})["results"]
        count += int(results["successful"])
        if results["failed"] or not results["successful"]:
            return count, int(results["failed"])


def _agreed(question: str, arguments: argparse.Namespace) -> bool:
    """Raises OperatorError where no one can be asked."""
    if arguments.yes:
        return True
    if not sys.stdin.isatty():
        raise OperatorError(f"{question} Nothing was deleted: say --yes, because standard input is no terminal")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    print("nothing was deleted", file=sys.stderr)
    return False


def _report(arguments: argparse.Namespace, facts: Mapping[str, Any], what: str) -> None:
    if arguments.json:
        print(orjson.dumps({**facts, "dryRun": arguments.dry_run}).decode())
    elif arguments.dry_run:
        print(f"would delete {what}" + ("" if arguments.where else f" with its {counted(facts['objects'], 'object')}"))
    else:
        print(f"deleted {what}" + (f"; {facts['failed']:,} could not be deleted" if facts["failed"] else ""))
