"""``weft imports``: what a running server reports of the imports that it took, over any wire."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from weft.cli.connection import Connection
from weft.cli.table import table
from weft.domain.counts import counted
from weft.domain.errors import Invalid, OperatorError

_ROOT = "/v1/weft/imports"
_MOST_LISTED = 10


def imports(arguments: argparse.Namespace) -> int:
    """0; of one import 1 if objects were refused."""
    if not arguments.id:
        if arguments.rejected or arguments.delete:
            raise Invalid("name the import, by its ID in the list: weft imports ID")
        with Connection(arguments) as server:
            found = server.get(_ROOT)["imports"]
        print(json.dumps(found, indent=2) if arguments.json else _listed(found))
        return 0
    path = f"{_ROOT}/{quote(arguments.id, safe='')}"
    with Connection(arguments) as server:
        if arguments.delete:
            server.delete(path)
            return 0
        report = server.get(path)
        if arguments.rejected:
            _write(server.lines(f"{path}/rejected"), arguments.rejected)
            return 0
    print(json.dumps(report, indent=2) if arguments.json else _described(report))
    return 1 if report["objects"]["refused"] or report["references"]["refused"] else 0


def _write(lines: bytes, name: str) -> None:
    if name == "-":
        sys.stdout.buffer.write(lines)
        return
    try:
        Path(name).write_bytes(lines)
    except OSError as error:
        raise OperatorError(f"{name} cannot be written: {error.strerror}; name another file") from error


def _listed(found: list[dict[str, Any]]) -> str:
    if not found:
        return "no reports of imports are kept"
    rows = [["ID", "collection", "kind", "status", "stored", "refused", "started"]]
    rows += [
        [
            *(one["id"], one["collection"], one["kind"], one["status"]),
            *(f"{one['objects']['stored']:,}", f"{one['objects']['refused']:,}", one["startedAt"][:19]),
        ]
        for one in found
    ]
    return "\n".join(table(rows))


def _described(report: dict[str, Any]) -> str:
    objects, references, vectors = report["objects"], report["references"], report["vectors"]
    rejected = report["rejected"]
    status, times = report["status"].lower(), f"{report['startedAt'][:19]} to {report['activeAt'][:19]}"
    lines = [
        f"{report['collection']}: {counted(objects['stored'], 'object')} stored, {objects['refused']:,} refused",
        f"  {report['kind']} over {report['wire']}, {status}, {times}",
        f"  {counted(report['batches'], 'request')}, {report['tookMs'] / 1000:,.1f} s in the server",
    ]
    if references["stored"] or references["refused"]:
        lines.append(f"  {counted(references['stored'], 'reference')} stored, {references['refused']:,} refused")
    if vectors["providerCalls"]:
        calls = counted(vectors["providerCalls"], "call")
        lines.append(f"  {calls} to providers, {vectors['retries']:,} retried, {vectors['tokens']:,} tokens")
    if vectors["truncatedTexts"]:
        texts = counted(vectors["truncatedTexts"], "text")
        lines.append(f"  {texts} longer than the model reads; what follows its limit is not in the vectors")
    for one in report["errors"][:_MOST_LISTED]:
        example = one["examples"][0]
        where = f" ({example['id']})" if example["id"] else ""
        lines.append(f"  {one['count']:,} × {example['message']}{where}")
    if len(report["errors"]) > _MOST_LISTED:
        lines.append(f"  and {len(report['errors']) - _MOST_LISTED:,} other kinds of error")
    if rejected["kept"]:
        lines.append(f"Write the refused objects to a file: weft imports {report['id']} --rejected FILE.jsonl")
    if rejected["omitted"]:
        lines.append(f"{counted(rejected['omitted'], 'refused object')} could not be kept (WEFT_IMPORT_REJECTED_BYTES)")
    return "\n".join(lines)
