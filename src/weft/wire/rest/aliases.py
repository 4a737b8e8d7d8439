"""Aliases: ``/v1/aliases``."""

from __future__ import annotations

from weft.domain.errors import Invalid
from weft.service.schema import fields
from weft.wire.rest.body import as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply

_ONE = "/v1/aliases/{alias}"


def list_all(call: Call) -> Reply:
    return Reply({"aliases": call.service.collections.aliases(call.query.get("class") or None)})


def create(call: Call) -> Reply:
    return Reply(call.service.collections.create_alias(_named(call, "alias"), _named(call, "class")))


def get(call: Call) -> Reply:
    return Reply(call.service.collections.alias(call.path["alias"]))


def update(call: Call) -> Reply:
    return Reply(call.service.collections.update_alias(call.path["alias"], _named(call, "class")))


def delete(call: Call) -> Reply:
    call.service.collections.delete_alias(call.path["alias"])
    return Reply(status=204)


def _named(call: Call, key: str) -> str:
    name = fields.text(as_object(call.body), key, "alias")
    if not name:
        raise Invalid(f"the body must name the {key}")
    return name


ENDPOINTS = [
    Endpoint("GET", "/v1/aliases", list_all),
    Endpoint("POST", "/v1/aliases", create, takes_body=True),
    Endpoint("GET", _ONE, get),
    Endpoint("PUT", _ONE, update, takes_body=True),
    Endpoint("DELETE", _ONE, delete),
]
