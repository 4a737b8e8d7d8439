"""Database users, and who the caller is: ``/v1/users``."""

from __future__ import annotations

from datetime import UTC, datetime

from weft.access.users import UserInfo
from weft.domain import json_fields
from weft.domain.errors import Conflict, Invalid
from weft.wire.json.documents import as_object
from weft.wire.json.times import NO_TIME
from weft.wire.rest.audit import audited
from weft.wire.rest.authz import USER_TYPES
from weft.wire.rest.endpoint import Call, Endpoint, Reply, failure
from weft.wire.rest.openapi.parameters import LAST_USED
from weft.wire.rest.openapi.shapes import array, ref
from weft.wire.rest.permission_json import role_json

_ALL = "/v1/users/db"
_ONE = "/v1/users/db/{user}"


def me(call: Call) -> Reply:
    """Of anonymous callers there is nothing to say."""
    if call.caller.user is None:
        return Reply(status=401)
    found = call.service.access.users.me(call.caller)
    roles = [role_json(one) for one in found.roles] or None
    return Reply({"username": found.user, "groups": list(found.groups), "roles": roles})


def list_all(call: Call) -> Reply:
    found = call.service.access.users.all(call.caller, times=call.boolean("includeLastUsedTime"))
    return Reply([_user_json(one) for one in found])


def get(call: Call) -> Reply:
    times = call.boolean("includeLastUsedTime")
    return Reply(_user_json(call.service.access.users.get(call.path["user"], call.caller, times=times)))


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


def _user_json(user: UserInfo) -> dict[str, object]:
    document: dict[str, object] = {
        "userId": user.user,
        "dbUserType": USER_TYPES[user.source],
        "active": user.active,
        "roles": list(user.roles),
        "createdAt": _date(user.created),
        "lastUsedAt": _date(user.last_used),
    }
    if user.key_prefix is not None:
        document["apiKeyFirstLetters"] = user.key_prefix
    return document


def _date(seconds: float | None) -> str:
    """No time for None: what is not known or was not requested, as in Weaviate."""
    if seconds is None:
        return NO_TIME
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _instant(text: str | None) -> float | None:
    """Unix seconds of an RFC 3339 date; None for the zero time, which Go sends where none is set."""
    if not text or text.startswith(NO_TIME.removesuffix(".000Z")):
        return None
    try:
        at = datetime.fromisoformat(text)
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        _date(seconds)  # which it will be in every list of users
    except (ValueError, OverflowError):
        raise Invalid(f"createTime must be a date like 2026-01-31T12:00:00Z, not {text[:40]!r}") from None
    return seconds


ENDPOINTS = [
    Endpoint("GET", "/v1/users/own-info", me, "Who the caller is.", answers={200: ref("Me"), 401: None}),
    Endpoint("GET", _ALL, list_all, "The users.", answers={200: array(ref("User"))}, query=(LAST_USED,)),
    Endpoint("GET", _ONE, get, "One user.", answers={200: ref("User")}, query=(LAST_USED,), is_bare=True),
    Endpoint(
        "POST",
        _ONE,
        create,
        "Create a user; the answer has the key, this once.",
        ref("NewUser"),
        {201: ref("ApiKey")},
        (409,),
        may_lack_body=True,
    ),
    Endpoint("DELETE", _ONE, delete, "Delete a user.", answers={204: None}, is_bare=True),
    Endpoint("POST", f"{_ONE}/rotate-key", rotate, "Replace a user's key.", answers={200: ref("ApiKey")}, is_bare=True),
    Endpoint("POST", f"{_ONE}/activate", activate, "Activate a user.", refuses=(409,), is_bare=True),
    Endpoint(
        "POST",
        f"{_ONE}/deactivate",
        deactivate,
        "Deactivate a user.",
        ref("Deactivation"),
        refuses=(409,),
        may_lack_body=True,
        is_bare=True,
    ),
]
