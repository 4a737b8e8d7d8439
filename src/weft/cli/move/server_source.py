"""Collections of a server of Weaviate's protocol, to be moved from there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from weft.cli.move.objects import MovedCollection, Notes
from weft.cli.move.place import MoveTarget
from weft.cli.move.schema import mapped_document
from weft.cli.move.server import class_path, of_tenant, patiently
from weft.cli.move.server_reading import ServerReading
from weft.domain.errors import NotFound
from weft.domain.json_values import JsonObject

_ACTIVE: Final = ("HOT", "ACTIVE")


class ServerSource(ServerReading):
    def collections(self, wanted: Mapping[str, str], target: MoveTarget) -> list[MovedCollection]:
        """Raises NotFound for one that is not there."""
        found = {one["class"]: one for one in self._server.get("/v1/schema").get("classes") or ()}
        if missing := sorted(wanted.keys() - found.keys()):
            there = ", ".join(sorted(found)) or "none"
            raise NotFound(f"{self.text} has no collection {missing[0]}; it has: {there}")
        self.names = dict(wanted) or {name: name for name in found}
        aliases = self._aliases()
        return [self._collection(found[name], aliases[name], target) for name in sorted(self.names)]

    def _collection(self, document: JsonObject, aliases: list[str], target: MoveTarget) -> MovedCollection:
        name, notes = str(document["class"]), Notes()
        tenancy = document.get("multiTenancyConfig")
        mapped = mapped_document(document, self.names, target.modules, notes)
        if mapped["class"] != name:
            notes.mapped.append(f"the collection {name} is named {mapped['class']} in the target")
        tenants: dict[str, str] | None = None
        parts: list[str | None] = [None]
        if isinstance(tenancy, dict) and tenancy.get("enabled"):
            all_tenants = self.tenants(name)
            tenants = {one: status for one, status in all_tenants.items() if status in _ACTIVE}
            parts = [*tenants]
            if len(tenants) < len(all_tenants):
                notes.lost.append(
                    f"{len(all_tenants) - len(tenants):,} of {len(all_tenants):,} tenants, which are not active: "
                    "nothing of them can be read; activate them at the source first"
                )
        if not target.keeps_times:
            notes.lost.append("the times of creation and of the last change: the target takes its own")
        count = sum(self.count(name, part) for part in parts)
        return MovedCollection(name, mapped, count, tenants, aliases, notes)

    def _aliases(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        try:
            listed = self._server.get("/v1/aliases").get("aliases") or ()
        except NotFound:  # of a server without aliases
            return found
        for one in listed:
            found[one["class"]].append(one["alias"])
        return found

    def models(self, collection: MovedCollection, tenant: str | None) -> Mapping[str, str]:
        if not self.is_weft:
            return {}
        query = urlencode(of_tenant(tenant))
        path = f"{class_path('weft/collections', collection.source_name)}/models?{query}"
        return dict(patiently(lambda: self._server.get(path))["models"])

    def _name(self, collection: MovedCollection) -> str:
        return collection.source_name
