"""Aliases: ``/v1/aliases``."""

from __future__ import annotations

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject
from weft.domain.names import Alias
from weft.wire.json.documents import as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.parameters import Parameter
from weft.wire.rest.openapi.shapes import ref

_ONE = "/v1/aliases/{alias}"
_OF_CLASS = (Parameter("class", "Only those of this collection."),)


def list_all(call: Call) -> Reply:
    return Reply({"aliases": [_spelled(one) for one in call.service.aliases.all(call.query.get("class") or None)]})


def create(call: Call) -> Reply:
    return Reply(_spelled(call.service.aliases.create(_named(call, "alias"), _named(call, "class"))))


def get(call: Call) -> Reply:
    return Reply(_spelled(call.service.aliases.get(call.path["alias"])))


def update(call: Call) -> Reply:
    return Reply(_spelled(call.service.aliases.update(call.path["alias"], _named(call, "class"))))


def delete(call: Call) -> Reply:
    call.service.aliases.delete(call.path["alias"])
    return Reply(status=204)


def _spelled(alias: Alias) -> JsonObject:
    return {"alias": alias.name, "class": alias.collection}


def _named(call: Call, key: str) -> str:
    name = json_fields.string(as_object(call.body), key, "alias")
    if not name:
        raise Invalid(f"the body must name the {key}")
    return name


ENDPOINTS = [
    Endpoint("GET", "/v1/aliases", list_all, "All aliases.", answers={200: ref("Aliases")}, query=_OF_CLASS),
    Endpoint("POST", "/v1/aliases", create, "Make an alias.", ref("Alias"), {200: ref("Alias")}, (404,)),
    Endpoint("GET", _ONE, get, "One alias.", answers={200: ref("Alias")}, is_bare=True),
    Endpoint(
        "PUT",
        _ONE,
        update,
        "Let an alias mean another collection.",
        ref("AliasChange"),
        {200: ref("Alias")},
        is_bare=True,
    ),
    Endpoint("DELETE", _ONE, delete, "Delete an alias.", answers={204: None}, is_bare=True),
]
