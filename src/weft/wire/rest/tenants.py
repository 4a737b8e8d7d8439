"""Tenants: ``/v1/schema/{class}/tenants``."""

from __future__ import annotations

from collections.abc import Mapping

from weft.domain.errors import Invalid, NotFound
from weft.domain.json_fields import kind_of
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.tenants import Tenant, TenantStatus
from weft.wire.json.documents import as_list, as_object
from weft.wire.json.keys import TENANT
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.shapes import TEXT, array, ref

_PATH = "/v1/schema/{name}/tenants"
_STATUSES: Mapping[str, TenantStatus] = {
    "": TenantStatus.ACTIVE,
    "ACTIVE": TenantStatus.ACTIVE,
    "HOT": TenantStatus.ACTIVE,
    "INACTIVE": TenantStatus.INACTIVE,
    "COLD": TenantStatus.INACTIVE,
    "OFFLOADED": TenantStatus.OFFLOADED,
    "FROZEN": TenantStatus.OFFLOADED,
}
_SPELLED: Mapping[TenantStatus, str] = {
    TenantStatus.ACTIVE: "HOT",
    TenantStatus.INACTIVE: "COLD",
    TenantStatus.OFFLOADED: "FROZEN",
}
"""The newer names are for requests only: clients before 4.7 read none but these."""


def list_all(call: Call) -> Reply:
    return Reply([_spelled(one) for one in call.service.tenants.all(call.path["name"])])


def create(call: Call) -> Reply:
    """The answer has each tenant as it was sent."""
    given = _objects(call.body)
    call.service.tenants.create(call.path["name"], [_tenant(one) for one in given])
    return Reply([{key: one[key] for key in ("name", "activityStatus") if one.get(key)} for one in given])


def update(call: Call) -> Reply:
    given = [_tenant(one) for one in _objects(call.body)]
    return Reply([_spelled(one) for one in call.service.tenants.update(call.path["name"], given)])


def delete(call: Call) -> Reply:
    names: list[str] = []
    for name in as_list(call.body):
        if not isinstance(name, str):
            raise Invalid(f"the body must be an array of tenant names, but one of them is {kind_of(name)}")
        names.append(name)
    call.service.tenants.delete(call.path["name"], names)
    return Reply()


def get(call: Call) -> Reply:
    return Reply(_spelled(call.service.tenants.get(call.path["name"], call.path["tenant"])))


def exists(call: Call) -> Reply:
    try:
        call.service.tenants.get(call.path["name"], call.path["tenant"])
    except NotFound:
        return Reply(status=404)
    return Reply()


def _objects(body: JsonValue) -> list[JsonObject]:
    return [as_object(one, "a tenant") for one in as_list(body)]


def _tenant(given: JsonObject) -> Tenant:
    """Raises Invalid for a name or status of the wrong kind; the service checks what is in the name."""
    name, status = given.get("name"), given.get("activityStatus")
    if not isinstance(name, str):
        raise Invalid(
            f"{str(name)[:80]!r} is not a valid tenant name; use 1 to 64 letters, digits, hyphens, underscores"
        )
    status = "" if status is None else status
    if not isinstance(status, str) or status not in _STATUSES:
        raise Invalid(f"invalid tenant activity status {str(status)[:40]!r}; it is one of ACTIVE, INACTIVE, OFFLOADED")
    return Tenant(name, _STATUSES[status])


def _spelled(tenant: Tenant) -> JsonObject:
    return {"name": tenant.name, "activityStatus": _SPELLED[tenant.status]}


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
