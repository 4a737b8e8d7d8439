"""Objects and collections read from a server of Weaviate's protocol: by its cursor, with vectors, times, references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from weft.cli.move.objects import UNNAMED, Cursor, MovedCollection, MovedObject, SourcePage
from weft.cli.move.references import led_to
from weft.cli.move.server import ServerPlace, class_path, of_tenant, patiently
from weft.domain.errors import NotFound
from weft.domain.json_values import JsonObject, JsonValue

_PAGE_BYTES: Final = 4_000_000
_FIRST_LIMIT, _MAX_LIMIT = 50, 1000


class ServerReading(ServerPlace):
    ordered = True
    names: Mapping[str, str] = {}
    """Of collections in the target, by those here: where they differ, references follow them."""

    def document(self, name: str) -> JsonObject | None:
        try:
            return dict(patiently(lambda: self._server.get(class_path("schema", name))))
        except NotFound:
            return None

    def tenants(self, name: str) -> dict[str, str]:
        found = patiently(lambda: self._server.get(f"{class_path('schema', name)}/tenants"))
        return {one["name"]: one.get("activityStatus") or "HOT" for one in found}

    def pages(self, collection: MovedCollection, tenant: str | None, after: Cursor) -> Iterator[SourcePage]:
        limit, name, references = _FIRST_LIMIT, self._name(collection), collection.references
        while True:
            query = {"class": name, "limit": limit, "include": "vector", "after": after or "", **of_tenant(tenant)}
            given = self._listed(f"/v1/objects?{urlencode(query)}")
            if not given:
                return
            after = str(given[-1]["id"])
            size_bytes = len(given) * len(orjson.dumps(given[0]))
            yield SourcePage([self._moved(one, references) for one in given], after, size_bytes)
            limit = max(1, min(_MAX_LIMIT, _PAGE_BYTES * len(given) // size_bytes))

    def _listed(self, path: str) -> list[dict[str, Any]]:
        return patiently(lambda: self._server.get(path)).get("objects") or []

    def fetch(self, collection: MovedCollection, tenant: str | None, uuid: str) -> MovedObject | None:
        query = urlencode({"include": "vector", **of_tenant(tenant)})
        path = f"{class_path('objects', self._name(collection))}/{uuid}?{query}"
        try:
            return self._moved(patiently(lambda: self._server.get(path)), collection.references)
        except NotFound:
            return None

    def set_read_only(self, collection: MovedCollection, *, read_only: bool) -> bool:
        path = f"{class_path('schema', self._name(collection))}/shards"
        for shard in self._server.get(path):
            self._server.put(f"{path}/{shard['name']}", {"status": "READONLY" if read_only else "READY"})
        return True

    def _moved(self, given: Mapping[str, Any], references: list[str]) -> MovedObject:
        vectors: dict[str, JsonValue] = {name: one for name, one in (given.get("vectors") or {}).items() if one}
        if unnamed := given.get("vector"):
            vectors[UNNAMED] = unnamed
        properties = {name: value for name, value in (given.get("properties") or {}).items() if value is not None}
        for name in properties.keys() & references:
            properties[name] = led_to(properties[name], self.names)
        return MovedObject(
            str(given["id"]).lower(),
            properties,
            vectors,
            int(given.get("creationTimeUnix") or 0),
            int(given.get("lastUpdateTimeUnix") or 0),
        )
