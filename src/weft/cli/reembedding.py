"""``weft reembed``: the vectors of stored objects made again, watched, compared, taken into use, and taken back."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from weft.cli.connection import Connection
from weft.cli.table import bytes_text, table
from weft.domain.counts import counted
from weft.domain.errors import Invalid

_ROOT = "/v1/weft/reembeddings"
_MOVING = ("WAITING", "RUNNING", "PAUSING", "FINISHING", "CANCELLING")
_LOOK_S = 0.25
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def reembed(arguments: argparse.Namespace) -> int:
    _check(arguments)
    with Connection(arguments) as server:
        arguments.vector = arguments.vector or _only_vector(server, arguments.collection)
        path = f"{_ROOT}/{quote(arguments.collection, safe='')}/{quote(arguments.vector, safe='')}"
        if arguments.compare is not None:
            return _compare(server, path, arguments)
        return _act(server, path, arguments)


def _only_vector(server: Connection, collection: str) -> str:
    """Raises Invalid unless there is just one."""
    schema = server.get(f"/v1/schema/{quote(collection, safe='')}")
    names = [*(["default"] if "vectorizer" in schema else []), *schema.get("vectorConfig", {})]
    if len(names) != 1:
        raise Invalid(f"name one of the vectors of {collection}: {', '.join(names) or 'it has none'}")
    return str(names[0])


def _act(server: Connection, path: str, arguments: argparse.Namespace) -> int:
    actions = {"pause": None, "resume": None, "rollback": None, "drop": None, "cutover": _cutover(arguments)}
    chosen = next((name for name in actions if getattr(arguments, name)), None)
    if chosen is not None:
        state = server.post(f"{path}/{chosen}", actions[chosen])
    elif arguments.cancel:
        server.delete(path)
        state = server.get(path)
    elif arguments.status:
        state = server.get(path)
    else:
        return _start(server, path, arguments)
    return _finish(server, path, arguments, state)


def _start(server: Connection, path: str, arguments: argparse.Namespace) -> int:
    asked: dict[str, Any] = {"collection": arguments.collection, "vector": arguments.vector}
    settings = _pairs(arguments.set) | ({"model": arguments.model} if arguments.model else {})
    asked |= {"module": arguments.module} if arguments.module else {}
    asked |= {"settings": settings} if settings else {}
    asked |= {"vectorIndexConfig": index} if (index := _pairs(arguments.index)) else {}
    answer = server.post(_ROOT, {**asked, "dryRun": arguments.dry_run})
    if arguments.dry_run and arguments.json:
        print(json.dumps(answer, indent=2))
    if not arguments.json:
        print("\n".join(_estimate(answer["estimate"], arguments.price)))
    return 0 if arguments.dry_run else _finish(server, path, arguments, answer)


def _finish(server: Connection, path: str, arguments: argparse.Namespace, state: dict[str, Any]) -> int:
    """Waits if that is asked for, and prints what there is then."""
    began = time.monotonic()
    begun_at = state.get("progress", {}).get("done", 0)
    while arguments.wait and state["status"] in _MOVING:
        if not arguments.json and sys.stderr.isatty():
            print(
                f"\r{_progress(state, begun_at, time.monotonic() - began)}\033[K", end="", file=sys.stderr, flush=True
            )
        time.sleep(_LOOK_S)
        state = server.get(path)
    if arguments.wait and not arguments.json and sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    print(json.dumps(state, indent=2) if arguments.json else "\n".join(_spelled(state)))
    return 1 if arguments.wait and state["status"] == "FAILED" else 0


def _compare(server: Connection, path: str, arguments: argparse.Namespace) -> int:
    lines = Path(arguments.compare).read_text(encoding="utf-8").splitlines()
    queries = [line.strip() for line in lines if line.strip()]
    tenant = f"?tenant={quote(arguments.tenant, safe='')}" if arguments.tenant else ""
    found = server.post(f"{path}/compare{tenant}", {"queries": queries, "limit": arguments.limit})
    if arguments.json:
        print(json.dumps(found, indent=2))
        return 0
    rows = [["query", "in both"], *([one["query"][:60], f"{one['overlap']:.0%}"] for one in found["queries"])]
    print("\n".join(table(rows)))
    print(f"of the first {found['limit']} hits, {found['overlap']:.0%} are found by both revisions, on average")
    return 0


def _spelled(state: dict[str, Any]) -> list[str]:
    lines = [f"{state['collection']}.{state['vector']}: {state['status'].lower().replace('_', ' ')}"]
    if "progress" in state:
        progress, report = state["progress"], state["report"]
        lines.append(f"  {progress['done']:,} of {counted(progress['total'], 'object')} seen to")
        if report["without"]:
            lines.append(f"  {counted(report['without'], 'object')} with nothing to embed")
        if report["failed"]:
            lines.append(f"  {counted(report['failed'], 'object')} got no vector:")
            lines += [f"    {one['id']}: {one['error']}" for one in report["errors"][:5]]
    lines.append(f"  searches use {_made_by(state['serving'])}")
    if "other" in state:
        what = "the previous one" if "keptUntil" in state else "the new one"
        until = f", kept until {state['keptUntil']}" if "keptUntil" in state else ""
        lines.append(f"  {what} is {_made_by(state['other'])}{until}")
    if state.get("error"):
        lines.append(f"  {state['error']}")
    if state["status"] == "READY":
        lines.append("  compare both with --compare FILE; let searches use the new one with --cutover")
    return lines


def _made_by(revision: dict[str, Any]) -> str:
    model = revision["settings"].get("model")
    lacking = revision["objectsWithoutVector"]
    without = f", {counted(lacking, 'object')} without" if lacking else ""
    return f"{revision['module']}{f' ({model})' if model else ''}{without}"


def _estimate(found: dict[str, Any], price: float | None) -> list[str]:
    lines = [
        f"{counted(found['objects'], 'object')} to see to, about {_time(found['seconds'])} where nothing else runs"
    ]
    if found["tokens"]:
        money = f", {found['tokens'] * price / 1e6:.2f} at the price given" if price is not None else ""
        lines.append(f"about {found['tokens']:,} tokens{money}")
    lines.append(
        f"{bytes_text(found['diskBytes'])} of disk, {bytes_text(found['peakDiskBytes'])} meanwhile; "
        f"{bytes_text(found['memoryBytes'])} of memory for the index"
    )
    return lines


def _progress(state: dict[str, Any], begun_at: int, passed_s: float) -> str:
    done, total = state["progress"]["done"], state["progress"]["total"]
    rate = (done - begun_at) / passed_s if passed_s else 0.0
    left = f", {rate:,.0f} a second, {_time((total - done) / rate)} left" if rate > 0 and total >= done else ""
    return f"{done:,} of {total:,} objects{left}"


def _time(seconds: float) -> str:
    for name, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return counted(max(round(seconds), 1), "second")


def _cutover(arguments: argparse.Namespace) -> dict[str, Any]:
    keep = {} if arguments.keep is None else {"keepSeconds": _duration(arguments.keep)}
    return {**keep, "incomplete": arguments.incomplete}


def _duration(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    if found is None:
        raise Invalid(f"--keep takes a number and a unit, as 7d, 12h or 0s, not {text[:40]!r}")
    return int(found[1]) * _UNITS[found[2]]


def _pairs(given: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE``, where a value is JSON if it is valid JSON, and otherwise a text."""
    pairs: dict[str, Any] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not key or not equals:
            raise Invalid(f"{one[:60]!r} is not KEY=VALUE")
        try:
            pairs[key] = orjson.loads(value)
        except orjson.JSONDecodeError:
            pairs[key] = value
    return pairs


def _check(arguments: argparse.Namespace) -> None:
    """Raises Invalid for flags that mean nothing together."""
    acts = [n for n in ("status", "pause", "resume", "cancel", "cutover", "rollback", "drop") if getattr(arguments, n)]
    acts += ["compare"] if arguments.compare is not None else []
    makes = arguments.module or arguments.model or arguments.set or arguments.index or arguments.dry_run
    if acts and makes:
        raise Invalid(f"--{acts[0]} is about one that was begun; leave out what says how to make another one")
    if arguments.keep is not None or arguments.incomplete:
        if acts != ["cutover"]:
            raise Invalid("--keep and --incomplete say how to cut over; give them with --cutover")
        if arguments.keep is not None:
            _duration(arguments.keep)
