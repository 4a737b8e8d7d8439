"""Permissions: an action, and for which resources; and rights, which are what a call needs.

A permission comes and goes as the protocol's JSON, ``{"action": "read_data", "data": {"collection": "Movies*"}}``.
Inside it is a set of verbs in a domain, with a pattern for each name that the domain's resources have. A right is one
verb in a domain for exact names, where ``*`` stands for all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from weft.access import patterns
from weft.access.patterns import ANY
from weft.domain.errors import Invalid
from weft.domain.names import collection_name

CREATE, READ, UPDATE, DELETE, ASSIGN = "C", "R", "U", "D", "A"
ALL, MATCH = "all", "match"

_VERBS = {
    "create": CREATE,
    "read": READ,
    "update": UPDATE,
    "delete": DELETE,
    "assign_and_revoke": ASSIGN,
    "manage": CREATE + READ + UPDATE + DELETE,
}
_VERB_NAMES = {verbs: name for name, verbs in _VERBS.items()}

DOMAINS: Final[Mapping[str, tuple[str, ...]]] = {
    "aliases": ("collection", "alias"),
    "backups": ("collection",),
    "cluster": (),
    "collections": ("collection",),
    "data": ("collection", "tenant", "object"),
    "groups": ("groupType", "group"),
    "mcp": (),
    "namespaces": ("namespace",),
    "nodes": ("verbosity", "collection"),
    "replicate": ("collection", "shard"),
    "roles": ("role",),
    "tenants": ("collection", "tenant"),
    "users": ("users",),
}
"""The names of a resource of each domain, as their keys in the protocol's JSON."""

ACTIONS: Final = (
    *(f"{verb}_roles" for verb in ("create", "read", "update", "delete")),
    "manage_backups",
    "manage_namespaces",
    *(f"{verb}_users" for verb in ("assign_and_revoke", "create", "read", "update", "delete")),
    "read_cluster",
    "assign_and_revoke_groups",
    "read_groups",
    "read_nodes",
    *(
        f"{verb}_{domain}"
        for domain in ("collections", "data", "tenants", "replicate", "aliases")
        for verb in ("create", "read", "update", "delete")
    ),
    *(f"{verb}_mcp" for verb in ("create", "read", "update")),
)

_CLASS = re.compile(r"\*|[A-Z][_0-9A-Za-z\-.*+?^$()|{}\[\]\\]{0,254}")
_TENANT = re.compile(r"[A-Za-z0-9\-_.*+?^$()|{}\[\]\\]{1,64}")


class Right(NamedTuple):
    """What a call needs. ``scope`` is of the domain ``roles`` only: ``all`` or ``match``."""

    verb: str
    domain: str
    names: tuple[str, ...] = ()
    scope: str = ""

    @property
    def action(self) -> str:
        return f"{_VERB_NAMES[self.verb]}_{self.domain}"

    def __str__(self) -> str:
        """The resource, as refusals name it."""
        shown = [
            f" {_SHOWN.get(field, field.capitalize())}: {_shortened(name)}"
            for field, name in zip(DOMAINS[self.domain], self.names, strict=True)
            if field != "groupType"
        ]
        return f"[Domain: {self.domain},{','.join(shown)}]" if shown else f"[Domain: {self.domain}]"


_SHOWN = {"users": "User"}


def _shortened(name: str) -> str:
    """For one line of a message, whatever a request calls things."""
    return name if len(name) <= 100 and name.isprintable() else repr(name[:100])


@dataclass(frozen=True, slots=True)
class Permission:
    """``names`` are patterns. Two permissions are equal when they allow the same in the same words."""

    action: str
    names: tuple[str, ...] = ()
    scope: str = ""

    @property
    def domain(self) -> str:
        return self.action.rpartition("_")[2]

    @property
    def verbs(self) -> str:
        return _VERBS[self.action.rpartition("_")[0]]

    def right(self) -> Right:
        """One right of it, to tell who lacks it: its patterns as names."""
        return Right(self.verbs[0], self.domain, self.names, self.scope)

    def to_json(self) -> dict[str, Any]:
        shown = dict(zip(DOMAINS[self.domain], self.names, strict=True))
        if self.domain == "nodes" and shown["verbosity"] == "minimal":
            del shown["collection"]
        if self.scope:
            shown["scope"] = self.scope
        return {"action": self.action, self.domain: shown} if shown else {"action": self.action}


def everything(action: str) -> Permission:
    """The permission for ``action`` on every resource."""
    domain = action.rpartition("_")[2]
    fixed = {"groupType": "oidc", "verbosity": "verbose"}
    names = tuple(fixed.get(field, ANY) for field in DOMAINS[domain])
    return Permission(action, names, ALL if domain == "roles" else "")


def parse_permission(document: Any) -> Permission:
    """Raises Invalid naming what is wrong. Absent and empty filters are ``*``."""
    if not isinstance(document, Mapping):
        raise Invalid("a permission must be a JSON object with an action")
    action = document.get("action")
    if action not in ACTIONS:
        raise Invalid(f"invalid action: {str(action)[:80]}; it is one of {', '.join(sorted(ACTIONS))}")
    domain = str(action).rpartition("_")[2]
    given = document.get(domain)
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise Invalid(f"{domain} of permission {action} must be a JSON object")
    if domain == "groups" and given.get("groupType") != "oidc":
        raise Invalid(f"invalid groups type: {str(given.get('groupType'))[:40]}; only oidc has groups")
    names = tuple(_name(domain, field, given.get(field)) for field in DOMAINS[domain])
    if domain == "nodes" and names[0] == "minimal":
        names = ("minimal", ANY)
    return Permission(str(action), names, _scope(given) if domain == "roles" else "")


def _scope(given: Mapping[str, Any]) -> str:
    scope = given.get("scope")
    scope = str(scope).lower() if scope is not None and given.get("role") is not None else MATCH
    if scope not in (ALL, MATCH):
        raise Invalid(f"the scope of a permission on roles is {ALL} or {MATCH}, not {scope[:40]!r}")
    return scope


def _name(domain: str, field: str, value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise Invalid(f"{field} of a permission on {domain} must be a text")
    if field == "verbosity":
        if value not in (None, "minimal", "verbose"):
            raise Invalid(f"verbosity is minimal or verbose, not {value[:40]!r}")
        return value or "minimal"
    if not value:
        return ANY
    if field in ("collection", "alias"):
        value = collection_name(value)
    if field == "collection" and not _CLASS.fullmatch(value):
        raise Invalid(f"'{value[:80]}' is not a valid class name")
    if field == "tenant" and not _TENANT.fullmatch(value):
        raise Invalid(f"'{value[:80]}' is not a valid tenant name")
    if field != "group" and "/" in value:
        raise Invalid(f"{field} '{value[:80]}' must not contain '/'")
    patterns.check(field, value)
    return str(value)
