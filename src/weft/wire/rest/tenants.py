"""Tenants: ``/v1/schema/{class}/tenants``."""

from __future__ import annotations

from weft.domain.errors import Invalid, NotFound
from weft.domain.json_fields import kind_of
from weft.domain.json_values import JsonObject, JsonValue
from weft.wire.json.documents import as_list, as_object
from weft.wire.json.keys import TENANT
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.shapes import TEXT, array, ref

_PATH = "/v1/schema/{name}/tenants"


def list_all(call: Call) -> Reply:
    return Reply(call.service.collections.tenants(call.path["name"]))


def create(call: Call) -> Reply:
    """The answer repeats each tenant as it was sent."""
    given = _tenants(call.body)
    call.service.collections.create_tenants(call.path["name"], given)
    return Reply([{key: one[key] for key in ("name", "activityStatus") if one.get(key)} for one in given])


def update(call: Call) -> Reply:
    return Reply(call.service.collections.update_tenants(call.path["name"], _tenants(call.body)))


def delete(call: Call) -> Reply:
    names: list[str] = []
    for name in as_list(call.body):
        if not isinstance(name, str):
            raise Invalid(f"the body must be an array of tenant names, but one of them is {kind_of(name)}")
        names.append(name)
    call.service.collections.delete_tenants(call.path["name"], names)
    return Reply()


def get(call: Call) -> Reply:
    return Reply(call.service.collections.tenant(call.path["name"], call.path["tenant"]))


def exists(call: Call) -> Reply:
    try:
        call.service.collections.tenant(call.path["name"], call.path["tenant"])
    except NotFound:
        return Reply(status=404)
    return Reply()


def _tenants(body: JsonValue) -> list[JsonObject]:
    return [as_object(one, "a tenant") for one in as_list(body)]


_SOME = array(ref("Tenant"))

ENDPOINTS = [
    Endpoint("GET", _PATH, list_all, "The tenants of a collection.", answers={200: _SOME}),
    Endpoint(
        "POST", _PATH, create, "Make tenants; those that exist stay as they are.", _SOME, {200: _SOME}, keys=TENANT
    ),
    Endpoint("PUT", _PATH, update, "Activate or deactivate tenants.", _SOME, {200: _SOME}, keys=TENANT),
    Endpoint("DELETE", _PATH, delete, "Delete tenants with their objects.", array(TEXT)),
    Endpoint("GET", f"{_PATH}/{{tenant}}", get, "One tenant.", answers={200: ref("Tenant")}),
    Endpoint("HEAD", f"{_PATH}/{{tenant}}", exists, "Whether a tenant is there.", answers={200: None, 404: None}),
]
