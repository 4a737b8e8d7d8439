"""Sampled queries: the same questions to both places, by vectors, words and values of stored objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from weft.cli.move.objects import MovedCollection, MovedObject, data_types, properties_of
from weft.cli.move.place import MoveSource, MoveTarget, PlaceHit
from weft.domain.json_values import JsonObject

_LIMIT, _DEEP = 10, 100
_PARTS: Final = 3
_FILTERED: Final = ("text", "int", "boolean")


@dataclass(slots=True)
class QueryFigures:
    """``kind``: ``nearest NAME``, ``keyword``, ``filter PROPERTY``. ``agreement``: the mean part of the source's hits
    that the target has, or others that are as good; of filters, the part with the same count."""

    kind: str
    asked: int = 0
    agreement: float = 0.0

    def add(self, agreement: float) -> None:
        self.asked += 1
        self.agreement += (agreement - self.agreement) / self.asked

    @property
    def is_exact(self) -> bool:
        """Whether both places must agree. Ranked lists may differ: an index is approximate, the statistics of a server
        that was written to for long are not those of a fresh one."""
        return self.kind.startswith("filter ")

    def to_json(self) -> JsonObject:
        return {"kind": self.kind, "asked": self.asked, "agreement": round(self.agreement, 4)}


def sampled(source: MoveSource, target: MoveTarget, collection: MovedCollection, queries: int) -> list[QueryFigures]:
    """Of up to ``queries`` objects; only kinds of queries that both places have."""
    figures: dict[str, QueryFigures] = {}
    parts = collection.parts[:_PARTS]
    for tenant in parts:
        for one in _samples(source, collection, tenant, -(-queries // len(parts))):
            for kind, agreement in _asked(source, target, collection, tenant, one):
                figures.setdefault(kind, QueryFigures(kind)).add(agreement)
    return [figures[kind] for kind in sorted(figures)]


def _samples(source: MoveSource, collection: MovedCollection, tenant: str | None, wanted: int) -> Sequence[MovedObject]:
    """From the first page, evenly: uuids say nothing about content."""
    page = next(iter(islice(source.pages(collection, tenant, None), 1)), None)
    if page is None or not page.objects or not wanted:
        return []
    return page.objects[:: max(1, len(page.objects) // wanted)][:wanted]


def _asked(
    source: MoveSource, target: MoveTarget, collection: MovedCollection, tenant: str | None, one: MovedObject
) -> Iterator[tuple[str, float]]:
    for name, vector in one.vectors.items():
        mine = source.nearest(collection, tenant, name, vector, _DEEP)
        theirs = target.nearest(collection, tenant, name, vector, _LIMIT) if mine is not None else None
        if mine is not None and theirs is not None:
            yield f"nearest {name}".rstrip(), agreement(mine, theirs)
    if words := _words(collection, one):
        mine = source.keyword(collection, tenant, words, _DEEP)
        theirs = target.keyword(collection, tenant, words, _LIMIT) if mine is not None else None
        if mine is not None and theirs is not None:
            yield "keyword", agreement(mine, theirs)
    for property in properties_of(collection.document):
        name, value = str(property["name"]), one.properties.get(str(property["name"]))
        if data_types(property)[0] not in _FILTERED or value is None or value == "":
            continue
        count = source.matching(collection, tenant, name, value)
        other = target.matching(collection, tenant, name, value) if count is not None else None
        if count is not None and other is not None:
            yield f"filter {name}", float(count == other)


def agreement(mine: Sequence[PlaceHit], theirs: Sequence[PlaceHit], limit: int = _LIMIT) -> float:
    """The part of the best ``limit`` of ``mine`` that ``theirs`` has, or instead of which it has one that is as good by
    its rank in ``mine``, which goes deeper: places differ in their scores, and in which of equals comes first."""
    best = mine[:limit]
    if not best or not theirs:
        return float(not best and not theirs)
    worst = best[-1].rank
    good = {hit.uuid for hit in mine if hit.rank <= worst + 1e-5 + 1e-4 * abs(worst)}
    return min(1.0, sum(hit.uuid in good for hit in theirs) / len(best))


def _words(collection: MovedCollection, one: MovedObject) -> str:
    """Three words of its first text that is searched by words."""
    for property in properties_of(collection.document):
        if data_types(property)[0] != "text" or property.get("indexSearchable") is False:
            continue
        value = one.properties.get(str(property["name"]))
        if isinstance(value, str) and value:
            return " ".join(re.findall(r"\w+", value)[:3])
    return ""
