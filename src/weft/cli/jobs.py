"""``weft jobs``: the long work of a running server, and how to pause, resume and cancel it."""

from __future__ import annotations

import argparse
import json
from typing import Any
from urllib.parse import quote

from weft.cli.connection import Connection
from weft.cli.table import bytes_text, table
from weft.domain.errors import Invalid

_ROOT = "/v1/weft/jobs"
_ENDED = ("SUCCESS", "FAILED", "CANCELED")


def jobs(arguments: argparse.Namespace) -> int:
    if arguments.action == "list":
        if arguments.id:
            raise Invalid("weft jobs list takes no ID; it lists all of them")
        with Connection(arguments) as server:
            found = server.get(_ROOT)["jobs"]
        _list([one for one in found if arguments.all or one["status"] not in _ENDED], as_json=arguments.json)
        return 0
    if arguments.all:
        raise Invalid(f"--all is for the list; weft jobs {arguments.action} is about one job")
    if not arguments.id:
        raise Invalid(f"name the job, by its ID in the list: weft jobs {arguments.action} ID")
    path = f"{_ROOT}/{quote(arguments.id, safe='')}"
    with Connection(arguments) as server:
        if arguments.action == "cancel":
            server.delete(path)
        else:
            server.post(f"{path}/{arguments.action}", None)
        job = server.get(path)
    print(json.dumps(job, indent=2) if arguments.json else f"job {arguments.id}: {job['status']}")
    return 0


def _list(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=2))
        return
    if not found:
        print("no jobs are running; for those that have ended: weft jobs --all")
        return
    rows = [["ID", "kind", "name", "status", "done", "started"]]
    rows += [
        [one["id"], one["kind"], one["name"], one["status"], _progress(one["progress"]), one["startedAt"][:19]]
        for one in found
    ]
    print("\n".join(table(rows)))
    for one in found:
        if one.get("error"):
            print(f"  {one['id']}: {one['error']}")


def _progress(progress: dict[str, Any]) -> str:
    """``12 MB of 3.0 GB``, ``5,000 of 20,000 objects``; the total is known once the job has begun."""
    done, total, unit = progress["done"], progress["total"], progress["unit"]
    if unit == "bytes":
        return f"{bytes_text(done)} of {bytes_text(total)}" if total else bytes_text(done)
    return f"{done:,} of {total:,} {unit}" if total else f"{done:,} {unit}"
