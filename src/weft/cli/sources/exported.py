"""A row of an export (see ``weft.jobs.export.columns``) as the fields of an object to be stored again."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from weft.cli.sources.plain import plain
from weft.cli.sources.row import ID_FIELD, MODELS_FIELD, TENANT_FIELD, VECTORS_FIELD

_REFERENCE = {"collection", "id"}


def exported_fields(
    row: Mapping[str, Any], vectors: Mapping[str, Any], models: Mapping[str, str], document: Mapping[str, Any]
) -> dict[str, Any]:
    """``document``: the collection's schema, as the file has it; without one, values are taken for what they look like.

    An object of a property has no nulls: a property that it lacks is a null in the file, too.
    """
    fields: dict[str, Any] = {ID_FIELD: row["id"]}
    if row.get("tenant") is not None:
        fields[TENANT_FIELD] = row["tenant"]
    if vectors:
        fields[VECTORS_FIELD] = dict(vectors)
    if known := {name: models[name] for name in vectors if name in models}:
        fields[MODELS_FIELD] = known
    return fields | _values(row.get("properties") or {}, document.get("properties") or ())


def _values(values: Mapping[str, Any], properties: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    declared = {one["name"]: one for one in properties}
    return {name: _value(value, declared.get(name, {})) for name, value in values.items() if value is not None}


def _value(value: Any, declared: Mapping[str, Any]) -> Any:
    kind = (declared.get("dataType") or [""])[0]
    if kind.endswith("[]"):
        element = {**declared, "dataType": [kind.removesuffix("[]")]}
        return [None if one is None else _value(one, element) for one in value]
    if kind[:1].isupper() or (not kind and _are_references(value)):
        return [{"beacon": f"weaviate://localhost/{one['collection']}/{one['id']}"} for one in value]
    if kind == "object":
        nested = declared.get("nestedProperties")
        return _values(value, nested) if nested else orjson.loads(value)
    if kind == "phoneNumber":
        phone = {"input": value.get("input"), "defaultCountry": value.get("default_country")}
        return {name: one for name, one in phone.items() if one}
    if kind == "blob" and isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return plain(value)


def _are_references(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and one.keys() == _REFERENCE for one in value)
    )
