"""Objects of rows: their uuid, their vectors, their tenant, and properties that fit the collection."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from weft.cli.imports.dates import rfc3339
from weft.cli.imports.identity import ID_NAMES, is_uuid, mended, uuid_of
from weft.cli.sources.row import ID_FIELD, MODELS_FIELD, TENANT_FIELD, VECTORS_FIELD, Row
from weft.domain.names import property_name


@dataclass(slots=True)
class PreparedObject:
    """``position``: its file and its number in it. ``links``: sent again, with its references. ``sent``: the object as
    JSON, empty if ``row`` cannot be stored; its error says why. ``models``: what made its vectors, by name."""

    row: Row
    position: tuple[int, int]
    uuid: str = ""
    sent: bytes = b""
    models: Mapping[str, str] | None = None
    links: bool = False


class ObjectMaker:
    """``references``: the properties that are references. ``renamed``: the fields that are stored under another
    name; ``made_ids``: whether an id was no uuid."""

    def __init__(self, collection: str, arguments: argparse.Namespace) -> None:
        self._collection = collection
        self._tenant = arguments.tenant
        self._id_field = arguments.id_field
        self._vector_field = arguments.vector_field
        self._dates: Mapping[str, Any] = {}
        self.references: Set[str] = frozenset()
        self._only_vector: str | None = None
        self._legacy = False
        self.renamed: dict[str, str] = {}
        self.made_ids = False

    def fit(self, document: Mapping[str, Any]) -> None:
        """From now on properties are those of the collection's ``document``."""
        properties = document.get("properties") or ()
        self._dates = _dates(properties)
        self.references = frozenset(one["name"] for one in properties if one["dataType"][0][:1].isupper())
        names = list(document.get("vectorConfig") or {})
        self._legacy = not names
        self._only_vector = names[0] if len(names) == 1 else None

    def properties(self, row: Row) -> dict[str, Any]:
        """Those that the row needs; none of one that cannot be stored."""
        if row.error or _too_deep(row):
            return {}
        fields = dict(row.fields)
        for name in (ID_FIELD, TENANT_FIELD, VECTORS_FIELD, MODELS_FIELD, self._vector_field):
            fields.pop(name, None)
        self._take_id(row, fields)
        return self._named(fields)

    def links(self, row: Row, position: tuple[int, int]) -> PreparedObject | None:
        """The object with its references, which may be to objects that come after it; None if it has none."""
        if row.error or not self.references & row.fields.keys():
            return None
        prepared = self.prepare(row, position, whole=True)
        prepared.links = True
        return prepared if prepared.sent else None

    def prepare(self, row: Row, position: tuple[int, int], *, whole: bool) -> PreparedObject:
        """``whole``: with its references."""
        if row.error or _too_deep(row):
            return PreparedObject(row, position)
        fields = dict(row.fields)
        vectors = self._vectors(fields)
        models = fields.pop(MODELS_FIELD, None)
        tenant = fields.pop(TENANT_FIELD, None)
        uuid = self._take_id(row, fields)
        if uuid is None:
            return PreparedObject(row, position)
        properties = self._named(fields)
        if not whole:
            properties = {name: value for name, value in properties.items() if name not in self.references}
        for name, nested in self._dates.items():
            if name in properties:
                properties[name] = _dated(properties[name], nested)
        sent: dict[str, Any] = {"class": self._collection, "id": uuid, "properties": properties, **vectors}
        if self._tenant or tenant:
            sent["tenant"] = self._tenant or tenant
        named = {self._vector_name(name): model for name, model in models.items()} if models else None
        return PreparedObject(row, position, uuid, orjson.dumps(sent, option=orjson.OPT_SERIALIZE_NUMPY), named)

    def _named(self, fields: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for name, value in fields.items():
            fit = mended(name, fields)
            if fit != property_name(name):
                self.renamed[name] = fit
            found[fit] = value
        return found

    def _vectors(self, fields: dict[str, Any]) -> dict[str, Any]:
        """As the request has them."""
        own = fields.pop(VECTORS_FIELD, None) or {}
        if self._vector_field and (given := fields.pop(self._vector_field, None)) is not None:
            if not isinstance(given, dict):
                return {"vector": given}
            own = own | given
        if not own:
            return {}
        if self._legacy and own.keys() == {"default"}:
            return {"vector": own["default"]}
        return {"vectors": {self._vector_name(name): vector for name, vector in own.items()}}

    def _vector_name(self, name: str) -> str:
        """An unnamed vector is the collection's only one."""
        return self._only_vector if name == "default" and self._only_vector else name

    def _take_id(self, row: Row, fields: dict[str, Any]) -> str | None:
        """The uuid, and the field that it is from leaves ``fields`` if it says no more than that."""
        if ID_FIELD in fields:
            name, given = ID_FIELD, fields.pop(ID_FIELD)
        else:
            name = self._id_field or next((one for one in ID_NAMES if fields.get(one) is not None), "")
            if not name:
                content = orjson.dumps(row.fields, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY).decode()
                return str(uuid5(NAMESPACE_URL, f"{self._collection}{content}"))
            given = fields.get(name)
        if given is None:
            row.error = f"the row has no field {name!r} (--id-field)"
            return None
        uuid = uuid_of(given)
        if uuid is None:
            row.error = f"{given!r} is no id; a text or a number is (--id-field {name})"
        elif isinstance(given, str) and is_uuid(given):
            fields.pop(name, None)
        else:
            self.made_ids = True
        return uuid


def _too_deep(row: Row) -> bool:
    """Removes such fields, because the file of rejected rows cannot hold them either."""
    deep = [name for name, value in row.fields.items() if isinstance(value, dict | list) and not _is_json(value)]
    if deep:
        row.error = f"{deep[0]!r} is nested too deeply; at most 250 levels are stored"
        row.fields = {name: value for name, value in row.fields.items() if name not in deep}
    return bool(deep)


def _is_json(value: Any) -> bool:
    try:
        orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError:
        return False
    return True


def _dates(properties: Any) -> dict[str, Any]:
    """The properties that are dates, or objects with such: those inside by name."""
    found: dict[str, Any] = {}
    for one in properties:
        kind = one["dataType"][0].removesuffix("[]")
        if kind == "date":
            found[one["name"]] = {}
        elif kind == "object" and (inside := _dates(one.get("nestedProperties") or ())):
            found[one["name"]] = inside
    return found


def _dated(value: Any, nested: Mapping[str, Any]) -> Any:
    """Dates as the protocol has them; what is no date stays, and the server says why it refuses it."""
    if isinstance(value, list):
        return [_dated(one, nested) for one in value]
    if isinstance(value, dict):
        return {name: _dated(one, nested[name]) if name in nested else one for name, one in value.items()}
    return rfc3339(value) or value if isinstance(value, str) and not nested else value
