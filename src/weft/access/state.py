"""AccessState: roles, their assignments and database users, as one immutable value; and its stored form, JSON.

    {"secrets": [hex, …],                               keys of the keys' hashes; new ones are by the first
     "roles": {name: [permission, …]},                  the built-in ones are not among them
     "assigned": {"db:jane" | "oidc:jane" | "group:staff": [role, …]},
     "users": {id: {"key": hash or null, "letters": the key's first characters, "active": …, "created": …, "used": …}},
     "adopted": [id, …]}

A permission is ``{"action": "read_data", "data": {"collection": "Movies*", …}}``; ``"scope"`` stands among the names of
one on roles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.access.permissions import Permission, checked_permission, domain_of
from weft.domain.json_values import JsonObject


@dataclass(frozen=True, slots=True)
class UserRecord:
    """``key`` is the hash of the user's API key, None after it was revoked; ``key_prefix`` is how the key begins.

    Times are Unix seconds; ``used`` 0 is never.
    """

    key: str | None
    key_prefix: str
    active: bool
    created: float
    used: float = 0.0


@dataclass(frozen=True, slots=True)
class AccessState:
    """``secrets``: several if users were restored from another data folder. ``adopted``: the users of the settings that
    became database users; their keys in the settings are no longer valid."""

    secrets: tuple[bytes, ...]
    roles: Mapping[str, tuple[Permission, ...]] = field(default_factory=dict)
    assigned: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    users: Mapping[str, UserRecord] = field(default_factory=dict)
    adopted: frozenset[str] = frozenset()


def to_json(state: AccessState) -> JsonObject:
    return {
        "secrets": [secret.hex() for secret in state.secrets],
        "roles": {name: [_permission_json(one) for one in permissions] for name, permissions in state.roles.items()},
        "assigned": {subject: list(roles) for subject, roles in state.assigned.items()},
        "users": {id: _user_json(user) for id, user in state.users.items()},
        "adopted": [*sorted(state.adopted)],
    }


def from_json(document: Mapping[str, Any]) -> AccessState:
    """The inverse of ``to_json``. Raises Invalid, or an exception of Python, for anything else."""
    return AccessState(
        tuple(bytes.fromhex(secret) for secret in document["secrets"]),
        {name: tuple(_permission(one) for one in given) for name, given in document["roles"].items()},
        {subject: tuple(roles) for subject, roles in document["assigned"].items()},
        {id: _user(user) for id, user in document["users"].items()},
        frozenset(document.get("adopted", ())),
    )


def _permission_json(permission: Permission) -> JsonObject:
    named = dict(permission.resource) | ({"scope": permission.scope} if permission.scope else {})
    return {"action": permission.action} | ({permission.domain: named} if named else {})


def _permission(document: Mapping[str, Any]) -> Permission:
    action = document["action"]
    named = document.get(domain_of(action), {})
    return checked_permission(action, named, named.get("scope"))


def _user_json(user: UserRecord) -> JsonObject:
    return {
        "key": user.key,
        "letters": user.key_prefix,
        "active": user.active,
        "created": user.created,
        "used": user.used,
    }


def _user(document: Mapping[str, Any]) -> UserRecord:
    key, prefix = document["key"], document["letters"]
    return UserRecord(key, prefix, document["active"], document["created"], document.get("used", 0.0))
