"""``weft status``: what a server holds, by collection, and what it takes of memory and disk."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from weft.cli.connection import Connection
from weft.cli.table import bytes_text, table
from weft.domain.counts import counted


@dataclass(slots=True)
class StoredSums:
    """One collection: the sums over its shards. ``sizes`` are bytes by the first part of the component's name."""

    shards: int = 0
    objects: int = 0
    waiting: int = 0
    sizes: Counter[str] = field(default_factory=Counter)
    lacking: Counter[str] = field(default_factory=Counter)
    """Objects without a vector, by its name."""

    def add(self, shard: dict[str, Any]) -> None:
        self.shards += 1
        self.objects += shard.get("objectCount", 0)
        self.waiting += shard.get("vectorQueueLength", 0)
        for component, size_bytes in (shard.get("sizes") or {}).items():
            self.sizes[component.partition("/")[0]] += size_bytes
        self.lacking.update(shard.get("objectsWithoutVector") or {})


def status(arguments: argparse.Namespace) -> int:
    with Connection(arguments) as server:
        meta = server.get("/v1/meta")
        nodes = server.get("/v1/nodes?output=verbose")["nodes"]
    if arguments.json:
        print(json.dumps({"meta": meta, "nodes": nodes}, indent=2))
        return 0
    for node in nodes:
        print(
            f"{node['name']} at {server.url}: {node['status'].lower()}, protocol {meta['version']}, {node['gitHash']}"
        )
        shards = node.get("shards") or []
        totals = _by_collection(shards)
        if totals:
            print("\n".join([*_table(totals), *_lacking(totals)]))
            for shard in shards:
                if "error" in shard:
                    print(
                        f"{shard['class']}/{shard['name']} is {shard['vectorIndexingStatus'].lower()}: {shard['error']}"
                    )
        if usage := node.get("usage"):
            print("\n".join(_usage(usage)))
        if not totals:
            print("no collections yet; create one with a client, or with: weft import FILE --collection NAME")
    return 0


def _by_collection(shards: list[dict[str, Any]]) -> dict[str, StoredSums]:
    totals: dict[str, StoredSums] = {}
    for shard in shards:
        totals.setdefault(shard["class"], StoredSums()).add(shard)
    return totals


def _lacking(totals: dict[str, StoredSums]) -> list[str]:
    """What searches by a vector do not find."""
    return [
        f"{name}: {counted(count, 'object')} without vector {vector}"
        for name, one in sorted(totals.items())
        for vector, count in sorted(one.lacking.items())
    ]


def _usage(usage: dict[str, Any]) -> list[str]:
    """What the processes, and the components of all shards together, take; the greatest first."""
    lines = []
    for name in ("memory", "disk"):
        share = usage[name]
        if share["used"] is not None:
            percent = 100 * share["used"] / max(1, share["total"])
            lines.append(f"{name}: {bytes_text(share['used'])} of {bytes_text(share['total'])} ({percent:.0f}%)")
        components = sorted(share["components"].items(), key=lambda pair: -pair[1])
        lines += table([[component, bytes_text(size)] for component, size in components if size])
    processes = [one for one in usage["processes"] if one["memory"] is not None]
    if len(processes) > 1:
        lines.append("processes:")
        lines += table([[f"{one['name']} ({one['pid']})", bytes_text(one["memory"])] for one in processes])
    requests = usage["requests"]
    if requests:
        lines.append(f"requests under way: {requests['rest']} over REST, {requests['grpc']} over gRPC")
    return lines


def _table(totals: dict[str, StoredSums]) -> list[str]:
    """A line for each collection and, for several, one of their sums. Columns without information are left out."""
    total = StoredSums()
    for one in totals.values():
        total.shards += one.shards
        total.objects += one.objects
        total.waiting += one.waiting
        total.sizes += one.sizes
    components = list(total.sizes)
    tenants = any(one.shards != 1 for one in totals.values())
    header = ["collection", *(["shards"] if tenants else []), "objects", "to index"]
    header += [f"{component}, bytes" if component == "objects" else component for component in components]
    if len(components) > 1:
        header.append("sum")
    rows = [header]
    named = sorted(totals.items())
    for name, one in [*named, ("all", total)] if len(named) > 1 else named:
        row = [name, *([f"{one.shards:,}"] if tenants else []), f"{one.objects:,}", f"{one.waiting:,}"]
        row += [bytes_text(one.sizes[component]) for component in components]
        if len(components) > 1:
            row.append(bytes_text(one.sizes.total()))
        rows.append(row)
    return table(rows)
