"""Database users, and who the caller is: ``/v1/users``."""

from __future__ import annotations

from datetime import UTC, datetime

from weft.domain import json_fields
from weft.domain.errors import Conflict, Invalid
from weft.wire.rest.audit import audited
from weft.wire.rest.authz import flag
from weft.wire.rest.body import as_object
from weft.wire.rest.endpoint import Call, Endpoint, Reply, failure
from weft.wire.rest.openapi.parameters import LAST_USED
from weft.wire.rest.openapi.shapes import array, ref

_ALL = "/v1/users/db"
_ONE = "/v1/users/db/{user}"


def me(call: Call) -> Reply:
    return Reply(call.service.access.users.me(call.caller))


def list_all(call: Call) -> Reply:
    return Reply(call.service.access.users.all(call.caller, times=flag(call, "includeLastUsedTime")))


def get(call: Call) -> Reply:
    times = flag(call, "includeLastUsedTime")
    return Reply(call.service.access.users.get(call.path["user"], call.caller, times=times))


@audited("user created")
def create(call: Call) -> Reply:
    given = {} if call.body is None else as_object(call.body)
    adopt = json_fields.boolean(given, "import", "user") or False
    created = _instant(json_fields.string(given, "createTime", "user"))
    try:
        key = call.service.access.users.create(call.path["user"], adopt=adopt, created=created, caller=call.caller)
    except Conflict as error:
        return Reply(failure(error.message), 409)
    return Reply({"apikey": key}, 201)


@audited("key of user rotated")
def rotate(call: Call) -> Reply:
    return Reply({"apikey": call.service.access.users.rotate(call.path["user"])})


@audited("user activated")
def activate(call: Call) -> Reply:
    try:
        call.service.access.users.activate(call.path["user"])
    except Conflict as error:
        return Reply(failure(error.message), 409)
    return Reply()


@audited("user deactivated")
def deactivate(call: Call) -> Reply:
    given = {} if call.body is None else as_object(call.body)
    revoke_key = json_fields.boolean(given, "revoke_key", "user") or False
    try:
        call.service.access.users.deactivate(call.path["user"], revoke_key=revoke_key, caller=call.caller)
    except Conflict as error:
        return Reply(failure(error.message), 409)
    return Reply()


@audited("user deleted")
def delete(call: Call) -> Reply:
    call.service.access.users.delete(call.path["user"], call.caller)
    return Reply(status=204)


def _instant(text: str | None) -> float | None:
    """Unix seconds of an RFC 3339 date."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"createTime must be a date like 2026-01-31T12:00:00Z, not {text[:40]!r}") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


ENDPOINTS = [
    Endpoint("GET", "/v1/users/own-info", me, "Who the caller is.", answers={200: ref("Me")}),
    Endpoint("GET", _ALL, list_all, "The users.", answers={200: array(ref("User"))}, query=(LAST_USED,)),
    Endpoint("GET", _ONE, get, "One user.", answers={200: ref("User")}, query=(LAST_USED,)),
    Endpoint(
        "POST",
        _ONE,
        create,
        "Make a user; the answer tells the key this once.",
        ref("NewUser"),
        {201: ref("ApiKey")},
        (409,),
        may_lack_body=True,
    ),
    Endpoint("DELETE", _ONE, delete, "Delete a user.", answers={204: None}),
    Endpoint("POST", f"{_ONE}/rotate-key", rotate, "Give a user another key.", answers={200: ref("ApiKey")}),
    Endpoint("POST", f"{_ONE}/activate", activate, "Let a user in again.", refuses=(409,)),
    Endpoint(
        "POST",
        f"{_ONE}/deactivate",
        deactivate,
        "Let a user in no more.",
        ref("Deactivation"),
        refuses=(409,),
        may_lack_body=True,
    ),
]
