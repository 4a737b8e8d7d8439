"""``--plan``: what would be moved, what is changed on the way, and what is lost. Nothing is written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from weft.cli.move.objects import UNNAMED, MovedCollection, SourcePage, data_types, properties_of
from weft.cli.move.place import MoveSource, MoveTarget
from weft.cli.table import bytes_text
from weft.domain.counts import counted
from weft.domain.json_values import JsonObject, JsonValue

_SAMPLED_PAGES = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """``size_bytes`` and ``read_s``: by a sample, as a client receives the objects. ``there``: how many objects the
    target's collection of that name has; None if there is none."""

    collection: MovedCollection
    size_bytes: int
    read_s: float
    there: int | None

    def lines(self) -> list[str]:
        one = self.collection
        name = one.name if one.name == one.source_name else f"{one.source_name} → {one.name}"
        tenants = "" if one.tenants is None else f", {counted(len(one.tenants), 'tenant')}"
        lines = [
            f"{name}: {counted(one.count, 'object')}{tenants}, about {bytes_text(self.size_bytes)}; reading takes "
            f"about {_duration(self.read_s)}, and writing as long as the target needs to index"
        ]
        lines += [f"  properties: {', '.join(_properties(one.document)) or 'none'}"]
        lines += [f"  vector {line}" for line in _vectors(one.document)]
        if one.aliases:
            lines.append(f"  aliases: {', '.join(one.aliases)}")
        lines += [f"  changed: {note}" for note in one.notes.mapped]
        lines += [f"  lost: {note}" for note in one.notes.lost]
        if self.there:
            lines.append(f"  the target has {counted(self.there, 'object')} in {one.name} already")
        return lines

    def to_json(self) -> JsonObject:
        one = self.collection
        return {
            "source": one.source_name,
            "target": one.name,
            "objects": one.count,
            "tenants": None if one.tenants is None else [*sorted(one.tenants)],
            "aliases": [*one.aliases],
            "bytes": self.size_bytes,
            "readSeconds": round(self.read_s, 1),
            "changed": [*one.notes.mapped],
            "lost": [*one.notes.lost],
            "objectsAtTarget": self.there,
            "document": one.document,
        }


def plans(collections: Sequence[MovedCollection], source: MoveSource, target: MoveTarget) -> list[Plan]:
    return [_plan(one, source, target) for one in collections]


def _plan(collection: MovedCollection, source: MoveSource, target: MoveTarget) -> Plan:
    objects = size_bytes = 0
    began = time.monotonic()
    for tenant in collection.parts[:_SAMPLED_PAGES]:
        for page in islice(_pages(collection, source, tenant), 1 if collection.tenants else _SAMPLED_PAGES):
            objects += len(page.objects) + len(page.unmoved)
            size_bytes += page.size_bytes
    scale = collection.count / objects if objects else 0.0
    read_s = (time.monotonic() - began) * scale
    there = None
    if target.document(collection.name) is not None:
        tenants = [None] if collection.tenants is None else list(target.tenants(collection.name))
        there = sum(target.count(collection.name, tenant) for tenant in tenants)
    return Plan(collection, round(size_bytes * scale), read_s, there)


def _pages(collection: MovedCollection, source: MoveSource, tenant: str | None) -> Sequence[SourcePage]:
    return list(islice(source.pages(collection, tenant, None), _SAMPLED_PAGES))


def _properties(document: JsonObject) -> list[str]:
    return [f"{one['name']} ({', '.join(data_types(one))})" for one in properties_of(document)]


def _vectors(document: JsonObject) -> list[str]:
    named = document.get("vectorConfig")
    if isinstance(named, dict) and named:
        return [f"{name}: {_index(one)}" for name, one in named.items() if isinstance(one, dict)]
    return [f"{UNNAMED or 'without a name'}: {_index(document)}"] if document.get("vectorIndexType") else []


def _index(vector: JsonObject) -> str:
    """Its kind, metric, quantization, and whether it has several vectors an object."""
    settings = vector.get("vectorIndexConfig")
    given: JsonObject = settings if isinstance(settings, dict) else {}
    words = [str(vector.get("vectorIndexType") or "default index"), str(given.get("distance") or "cosine")]
    words += [kind for kind in ("pq", "bq", "sq", "rq") if _enabled(given.get(kind))]
    if _enabled(given.get("multivector")):
        words.append("several vectors an object")
    return ", ".join(words)


def _enabled(settings: JsonValue) -> bool:
    return isinstance(settings, dict) and bool(settings.get("enabled"))


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
