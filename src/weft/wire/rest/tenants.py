"""Tenants: ``/v1/schema/{class}/tenants``."""

from __future__ import annotations

import re
from typing import Any

from weft.domain.errors import Invalid, NotFound, TooLarge
from weft.service.schema import fields
from weft.wire.rest.body import as_list, as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply, verb

_PATH = "/v1/schema/{name}/tenants"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STATUSES = {
    "ACTIVE": "ACTIVE",
    "HOT": "ACTIVE",
    "INACTIVE": "INACTIVE",
    "COLD": "INACTIVE",
    "OFFLOADED": "OFFLOADED",
    "FROZEN": "OFFLOADED",
}
_MAX_PER_UPDATE = 100


def list_all(call: Call) -> Reply:
    return Reply(_found(call, None))


def add(call: Call) -> Reply:
    given = _tenants(call.body)
    verb(call.service.collections, "add_tenants", "tenants")(call.path["name"], given)
    return Reply(given)


def update(call: Call) -> Reply:
    given = _tenants(call.body)
    if len(given) > _MAX_PER_UPDATE:
        raise TooLarge(
            f"at most {_MAX_PER_UPDATE} tenants can be updated at once, got {len(given)}; send several requests"
        )
    verb(call.service.collections, "update_tenants", "tenants")(call.path["name"], given)
    return Reply(given)


def remove(call: Call) -> Reply:
    names = as_list(call.body)
    for name in names:
        _check_name(name)
    verb(call.service.collections, "delete_tenants", "tenants")(call.path["name"], names)
    return Reply()


def get(call: Call) -> Reply:
    name = call.path["tenant"]
    found = _found(call, [name])
    if not found:
        raise NotFound(f'tenant not found: "{name[:80]}"')
    return Reply(found[0])


def exists(call: Call) -> Reply:
    return Reply(status=200 if _found(call, [call.path["tenant"]]) else 404)


def _found(call: Call, names: list[str] | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = verb(call.service.collections, "tenants", "tenants")(call.path["name"], names)
    return found


def _tenants(body: Any) -> list[dict[str, str]]:
    """``[{name, activityStatus}]`` with the present names of the statuses."""
    tenants = []
    for one in as_list(body):
        given = as_object(one, "a tenant")
        name = given.get("name")
        _check_name(name)
        status = fields.text(given, "activityStatus", f"tenant {name!r}") or "ACTIVE"
        if status not in _STATUSES:
            known = ", ".join(dict.fromkeys(_STATUSES.values()))
            raise Invalid(
                f"invalid activity status {fields.shown(status)!r} of tenant {name!r}; one of {known} expected"
            )
        tenants.append({"name": str(name), "activityStatus": _STATUSES[status]})
    return tenants


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Invalid(
            f"'{fields.shown(name)}' is not a valid tenant name. should only contain alphanumeric characters (a-z, "
            "A-Z, 0-9), underscore (_), and hyphen (-), with a length between 1 and 64 characters"
        )


ENDPOINTS = [
    Endpoint("GET", _PATH, list_all),
    Endpoint("POST", _PATH, add, takes_body=True),
    Endpoint("PUT", _PATH, update, takes_body=True),
    Endpoint("DELETE", _PATH, remove, takes_body=True),
    Endpoint("GET", f"{_PATH}/{{tenant}}", get),
    Endpoint("HEAD", f"{_PATH}/{{tenant}}", exists),
]
