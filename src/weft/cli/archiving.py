"""``weft backup`` and ``weft restore``: start one on the server and wait until it ends."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from weft.cli.connection import Connection
from weft.cli.table import bytes_text, table
from weft.domain.errors import OperatorError

_ENDED = ("SUCCESS", "FAILED", "CANCELED")
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 1.0
_GIB = 1 << 30


def backup(arguments: argparse.Namespace) -> int:
    """0 when the backup is complete. Without an id, lists the backups."""
    root = f"/v1/backups/{quote(arguments.backend, safe='')}"
    with Connection(arguments) as server:
        if arguments.id is None:
            print("\n".join(_listed(server.get(root))))
            return 0
        config = _place(arguments) | {"CompressionLevel": arguments.compression}
        request = {"id": arguments.id, "config": config, **_choice(arguments)}
        if arguments.base:
            request["incremental_base_backup_id"] = arguments.base
        begun = server.post(root, request)
        ended = _wait(server, f"{root}/{quote(arguments.id, safe='')}", arguments, "backup")
    size = bytes_text(round(ended.get("size", 0) * _GIB))
    print(f"backup {arguments.id}: {_names(begun)}, {size}, in {begun['path']}")
    return 0


def restore(arguments: argparse.Namespace) -> int:
    """0 when everything requested is restored."""
    url = f"/v1/backups/{quote(arguments.backend, safe='')}/{quote(arguments.id, safe='')}/restore"
    config = _place(arguments)
    config |= {"rolesOptions": "all"} if arguments.roles else {}
    config |= {"usersOptions": "all"} if arguments.users else {}
    with Connection(arguments) as server:
        request = {"config": config, "overwriteAlias": arguments.overwrite_alias, **_choice(arguments)}
        begun = server.post(url, request)
        _wait(server, url, arguments, "restore")
    print(f"restored from {arguments.id}: {_names(begun)}")
    return 0


def _wait(server: Connection, url: str, arguments: argparse.Namespace, what: str) -> dict[str, Any]:
    """The last status. Raises OperatorError unless it is a success."""
    from tqdm import tqdm

    query = urlencode(_place(arguments))
    wait_s = _FIRST_WAIT_S
    with tqdm(unit="B", unit_scale=True, desc=what, file=sys.stderr, leave=False, disable=None) as bar:
        while True:
            try:
                status: dict[str, Any] = server.get(f"{url}?{query}" if query else url)
                _update(bar, status.get("progress") or {})
                if status["status"] in _ENDED:
                    break
                time.sleep(wait_s)
            except KeyboardInterrupt:
                print(f"the {what} continues on the server; check it with: curl {server.url}{url}", file=sys.stderr)
                raise
            wait_s = min(wait_s * 1.5, _LONGEST_WAIT_S)
    if status["status"] != "SUCCESS":
        raise OperatorError(f"the {what} {arguments.id!r} ended as {status['status']}: {status.get('error', '')}")
    return status


def _update(bar: Any, progress: Mapping[str, Any]) -> None:
    bar.total = max(progress.get("total", 0), progress.get("done", 0)) or None
    bar.update(progress.get("done", 0) - bar.n)


def _choice(arguments: argparse.Namespace) -> dict[str, list[str]]:
    return {key: names for key in ("include", "exclude") if (names := getattr(arguments, key))}


def _place(arguments: argparse.Namespace) -> dict[str, str]:
    return {key: value for key in ("bucket", "path") if (value := getattr(arguments, key))}


def _names(begun: Mapping[str, Any]) -> str:
    classes = begun["classes"]
    return ", ".join(classes) if len(classes) <= 5 else f"{len(classes):,} collections"


def _listed(backups: list[dict[str, Any]]) -> list[str]:
    if not backups:
        return ["no backups yet; create one with: weft backup ID"]
    rows = [["backup", "status", "started", "size", "base", "collections"]]
    for one in backups:
        size = bytes_text(round(one["size"] * _GIB))
        base = one.get("incremental_base_backup_id", "")
        rows.append([one["id"], one["status"], one["startedAt"][:19], size, base, _names(one)])
    return table(rows)
