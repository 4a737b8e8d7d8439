"""Collections written to a server of Weaviate's protocol.

Weft stores copies as they are: with their times and the fingerprints of their models, without making vectors, and
before what their references lead to. Weaviate takes its own times, and a reference only when its object is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from weft.cli.move.objects import UNNAMED, MovedObject
from weft.cli.move.server import class_path, of_tenant, patiently
from weft.cli.move.server_reading import ServerReading
from weft.domain.errors import Conflict, Invalid, NotFound, TooLarge
from weft.domain.json_values import JsonObject, JsonValue

_BATCH: Final = "/v1/batch/objects"
_TENANTS_AT_ONCE: Final = 100


class ServerTarget(ServerReading):
    def __enter__(self) -> Self:
        super().__enter__()
        self.keeps_times = self.is_weft
        return self

    def create(self, document: JsonObject) -> None:
        self._server.post("/v1/schema", document)

    def add_property(self, name: str, property: JsonObject) -> None:
        self._server.post(f"{class_path('schema', name)}/properties", property)

    def add_tenants(self, name: str, tenants: Sequence[str]) -> None:
        for begin in range(0, len(tenants), _TENANTS_AT_ONCE):
            some: list[JsonValue] = [{"name": one} for one in tenants[begin : begin + _TENANTS_AT_ONCE]]
            self._server.post(f"{class_path('schema', name)}/tenants", some)

    def set_alias(self, alias: str, name: str) -> None:
        try:
            self._server.put(f"/v1/aliases/{quote(alias, safe='')}", {"class": name})
        except NotFound:
            self._server.post("/v1/aliases", {"alias": alias, "class": name})

    def write(
        self,
        name: str,
        tenant: str | None,
        objects: Sequence[MovedObject],
        models: Mapping[str, str] | None = None,
    ) -> list[str | None]:
        if not objects:
            return []
        body: dict[str, JsonValue] = {"objects": [self._sent(name, tenant, one) for one in objects]}
        if self.keeps_times:
            body |= {"weftCopies": True, "weftModels": dict(models or {})}
        try:
            answer: list[dict[str, Any]] = patiently(lambda: self._server.post(_BATCH, body))
        except (Invalid, TooLarge, Conflict) as refusal:
            if len(objects) == 1:
                return [refusal.message]
            half = len(objects) // 2  # one that cannot be read refuses all: find it
            first = self.write(name, tenant, objects[:half], models)
            return first + self.write(name, tenant, objects[half:], models)
        return [_error(one) for one in answer]

    def _sent(self, name: str, tenant: str | None, one: MovedObject) -> JsonObject:
        sent: dict[str, JsonValue] = {"class": name, "id": one.uuid, "properties": one.properties}
        named = {vector: numbers for vector, numbers in one.vectors.items() if vector != UNNAMED}
        if named:
            sent["vectors"] = named
        if UNNAMED in one.vectors:
            sent["vector"] = one.vectors[UNNAMED]
        if tenant is not None:
            sent["tenant"] = tenant
        if self.keeps_times and one.created_ms:
            sent |= {"creationTimeUnix": one.created_ms, "lastUpdateTimeUnix": one.updated_ms}
        return sent

    def remove(self, name: str, tenant: str | None, uuids: Sequence[str]) -> None:
        where = {"path": ["id"], "operator": "ContainsAny", "valueTextArray": [*uuids]}
        query = urlencode(of_tenant(tenant))
        path = f"{_BATCH}{f'?{query}' if query else ''}"
        patiently(lambda: self._server.delete(path, {"match": {"class": name, "where": where}}))


def _error(answer: Mapping[str, Any]) -> str | None:
    result = answer["result"]
    if result["status"] == "SUCCESS":
        return None
    return "; ".join(one["message"] for one in result["errors"]["error"])
