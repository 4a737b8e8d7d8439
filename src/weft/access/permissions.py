"""Permissions: an action on certain resources; and rights: what a call requires.

A permission is a set of verbs in a domain, with a pattern for each name that the domain's resources have: ``read_data``
on the collections ``Movies*``, any tenant, any object. A right is one verb in a domain for exact names, where ``*``
stands for all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Final, NamedTuple

from weft.access.patterns import ANY, check_pattern
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
"""The names that a resource of each domain has, by Weaviate's keys."""

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


MOST_IN_ROLE: Final = 5_000
"""Permissions of a role: each is compared with those of the user that gives it."""


class Right(NamedTuple):
    """What a call requires. ``scope`` is for the domain ``roles`` only: ``all`` or ``match``."""

    verb: str
    domain: str
    names: tuple[str, ...] = ()
    scope: str = ""

    @property
    def action(self) -> str:
        return f"{_VERB_NAMES[self.verb]}_{self.domain}"

    def of_any(self, field: str) -> Right:
        """This with ``*`` for one of its names, for a refusal to a caller that may not learn the name."""
        hidden = DOMAINS[self.domain].index(field)
        return self._replace(names=tuple(ANY if i == hidden else name for i, name in enumerate(self.names)))

    def __str__(self) -> str:
        """The resource, as refusals name it."""
        named = [
            f" {_TITLES.get(field, field.capitalize())}: {_shortened(name)}"
            for field, name in zip(DOMAINS[self.domain], self.names, strict=True)
            if field != "groupType"
        ]
        return f"[Domain: {self.domain},{','.join(named)}]" if named else f"[Domain: {self.domain}]"


_TITLES = {"users": "User"}


def _shortened(name: str) -> str:
    """Shortened to fit a line of a message; names come from requests."""
    return name if len(name) <= 100 and name.isprintable() else repr(name[:100])


@dataclass(frozen=True, slots=True)
class Permission:
    """``names`` are patterns. Two permissions are equal if their patterns are, not whenever they allow the same."""

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
        """The permission as a right, with its patterns as names, for the message to a caller that lacks it."""
        return Right(self.verbs[0], self.domain, self.names, self.scope)

    @property
    def resource(self) -> Mapping[str, str]:
        """The patterns by the keys of their domain, without the collection for the brief form of nodes."""
        named = dict(zip(DOMAINS[self.domain], self.names, strict=True))
        if self.domain == "nodes" and named["verbosity"] == "minimal":
            del named["collection"]
        return named


def check_count(permissions: Sized) -> None:
    """Raises Invalid for more than a role may have."""
    if len(permissions) > MOST_IN_ROLE:
        raise Invalid(
            f"a role has at most {MOST_IN_ROLE} permissions, not {len(permissions)}; use patterns, or several roles"
        )


def everything(action: str) -> Permission:
    """The permission for ``action`` on every resource."""
    domain = action.rpartition("_")[2]
    fixed = {"groupType": "oidc", "verbosity": "verbose"}
    names = tuple(fixed.get(field, ANY) for field in DOMAINS[domain])
    return Permission(action, names, ALL if domain == "roles" else "")


def domain_of(action: object) -> str:
    """The domain of an action. Raises Invalid for an unknown one."""
    if action not in ACTIONS:
        raise Invalid(f"invalid action: {str(action)[:80]}; use one of {', '.join(sorted(ACTIONS))}")
    return str(action).rpartition("_")[2]


def checked_permission(action: str, names: Mapping[str, str | None], scope: str | None = None) -> Permission:
    """The permission for ``action``, with a pattern for each name of its domain; absent and empty ones become ``*``.

    ``scope`` is for roles only; without it, or without a name, it is ``match``. Raises Invalid.
    """
    domain = domain_of(action)
    if domain == "groups" and names.get("groupType") != "oidc":
        raise Invalid(f"invalid groups type: {str(names.get('groupType'))[:40]}; only oidc has groups")
    patterns = tuple(_pattern(field, names.get(field)) for field in DOMAINS[domain])
    if domain == "nodes" and patterns[0] == "minimal":
        patterns = ("minimal", ANY)
    if domain != "roles":
        return Permission(action, patterns)
    return Permission(action, patterns, MATCH if names.get("role") is None else _scope(scope))


def _scope(scope: str | None) -> str:
    scope = MATCH if scope is None else scope.lower()
    if scope not in (ALL, MATCH):
        raise Invalid(f"the scope of a permission on roles must be {ALL} or {MATCH}, not {scope[:40]!r}")
    return scope


def _pattern(field: str, value: str | None) -> str:
    if field == "verbosity":
        if value not in (None, "minimal", "verbose"):
            raise Invalid(f"verbosity must be minimal or verbose, not {str(value)[:40]!r}")
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
    check_pattern(field, value)
    return value
