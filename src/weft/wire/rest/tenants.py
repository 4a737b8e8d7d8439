"""Tenants: ``/v1/schema/{class}/tenants``."""

from __future__ import annotations

from collections.abc import Mapping

from weft.domain import json_fields
from weft.domain.errors import CollectionNotFound, Invalid, NotFound
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.tenants import Tenant, TenantStatus
from weft.wire.json.documents import as_list, as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.shapes import TEXT, array, ref

_PATH = "/v1/schema/{name}/tenants"
_STATUSES: Mapping[str, TenantStatus] = {
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
    """The answer has each tenant as it was sent, its status by the older name."""
    given = _objects(call.body)
    tenants = [_tenant(one, default="HOT") for one in given]
    call.service.tenants.create(call.path["name"], tenants)
    return Reply(
        [
            _spelled(tenant) if one.get("activityStatus") else {"name": tenant.name}
            for one, tenant in zip(given, tenants, strict=True)
        ]
    )


def update(call: Call) -> Reply:
    """Each has to have a status: one that was forgotten must not activate a tenant."""
    given = [_tenant(one, default="") for one in _objects(call.body)]
    return Reply([_spelled(one) for one in call.service.tenants.update(call.path["name"], given)])


def delete(call: Call) -> Reply:
    names = [name if isinstance(name, str) else "" for name in as_list(call.body)]
    call.service.tenants.delete(call.path["name"], names)
    return Reply()


def get(call: Call) -> Reply:
    return Reply(_spelled(call.service.tenants.get(call.path["name"], call.path["tenant"])))


def exists(call: Call) -> Reply:
    try:
        call.service.tenants.get(call.path["name"], call.path["tenant"])
    except CollectionNotFound:
        raise
    except NotFound:
        return Reply(status=404)
    return Reply()


def _objects(body: JsonValue) -> list[JsonObject]:
    return [as_object(one, "a tenant") for one in as_list(body)]


def _tenant(given: JsonObject, *, default: str) -> Tenant:
    """``default`` is the status where none is given. Raises Invalid for a status that cannot be set."""
    name = json_fields.string(given, "name", "tenant") or ""
    status = json_fields.string(given, "activityStatus", "tenant") or default
    if status not in _STATUSES:
        raise Invalid(
            f"invalid activity status {status[:40]!r} for tenant {name[:80]!r}; use ACTIVE, INACTIVE or OFFLOADED"
        )
    return Tenant(name, _STATUSES[status])


def _spelled(tenant: Tenant) -> JsonObject:
    return {"name": tenant.name, "activityStatus": _SPELLED[tenant.status]}


_SOME = array(ref("Tenant"))

ENDPOINTS = [
    Endpoint("GET", _PATH, list_all, "The tenants of a collection.", answers={200: _SOME}, unknown_class=422),
    Endpoint(
        "POST",
        _PATH,
        create,
        "Make tenants; those that exist stay as they are.",
        _SOME,
        {200: _SOME},
        (429,),
        unknown_class=422,
    ),
    Endpoint("PUT", _PATH, update, "Activate or deactivate tenants.", _SOME, {200: _SOME}, unknown_class=422),
    Endpoint("DELETE", _PATH, delete, "Delete tenants with their objects.", array(TEXT), unknown_class=422),
    Endpoint(
        "GET", f"{_PATH}/{{tenant}}", get, "One tenant.", answers={200: ref("Tenant")}, unknown_class=422, is_bare=True
    ),
    Endpoint(
        "HEAD",
        f"{_PATH}/{{tenant}}",
        exists,
        "Whether a tenant is there.",
        answers={200: None, 404: None},
        unknown_class=422,
    ),
]
