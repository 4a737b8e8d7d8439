"""Aliases: ``/v1/aliases``."""

from __future__ import annotations

from typing import Any

from weft.domain.errors import Invalid
from weft.service.schema import fields
from weft.wire.rest.body import as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply, verb


def list_all(call: Call) -> Reply:
    return Reply({"aliases": _verb(call, "aliases")(call.query.get("class"))})


def create(call: Call) -> Reply:
    return Reply(_verb(call, "create_alias")(_named(call, "alias"), _named(call, "class")))


def get(call: Call) -> Reply:
    return Reply(_verb(call, "alias")(call.path["alias"]))


def update(call: Call) -> Reply:
    return Reply(_verb(call, "update_alias")(call.path["alias"], _named(call, "class")))


def delete(call: Call) -> Reply:
    _verb(call, "delete_alias")(call.path["alias"])
    return Reply(status=204)


def _verb(call: Call, name: str) -> Any:
    return verb(call.service.collections, name, "aliases")


def _named(call: Call, key: str) -> str:
    name = fields.text(as_object(call.body), key, "alias")
    if not name:
        raise Invalid(f"the body must name the {key}")
    return name


ENDPOINTS = [
    Endpoint("GET", "/v1/aliases", list_all),
    Endpoint("POST", "/v1/aliases", create, takes_body=True),
    Endpoint("GET", "/v1/aliases/{alias}", get),
    Endpoint("PUT", "/v1/aliases/{alias}", update, takes_body=True),
    Endpoint("DELETE", "/v1/aliases/{alias}", delete),
]
