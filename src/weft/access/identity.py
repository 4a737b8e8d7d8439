"""The rights that verbs on roles, groups and users require."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weft.access.context import CallerRights
from weft.access.permissions import ASSIGN, CREATE, DELETE, READ, UPDATE, Right
from weft.access.requirement import Rule
from weft.access.role_documents import parse_permissions, parse_role
from weft.domain.caller import Caller


def reading_role(context: CallerRights, name: str, *_: object) -> Iterator[Right]:
    context.check_role(READ, name, ())
    yield from ()


def creating_role(context: CallerRights, document: Mapping[str, Any]) -> Iterator[Right]:
    name, permissions = parse_role(document)
    context.check_role(CREATE, name, permissions)
    yield from ()


def changing_role(context: CallerRights, name: str, given: Any) -> Iterator[Right]:
    context.check_role(UPDATE, name, parse_permissions(given, allow_none=False))
    yield from ()


def deleting_role(context: CallerRights, name: str) -> Iterator[Right]:
    context.check_role(DELETE, name, context.permissions_of(name))
    yield from ()


def reading_roles_of_user(
    context: CallerRights, user: str, user_type: str | None, caller: Caller, *, full: bool
) -> Iterator[Right]:
    """Every caller may read their own. ``full``: with permissions, so each role must be readable too."""
    if user == caller.user and user_type in (None, caller.user_type):
        return
    yield Right(READ, "users", (user,))
    if full:
        for role in context.roles_of([f"{one}:{user}" for one in ("db", "oidc") if user_type in (None, one)]):
            context.check_role(READ, role, ())


def reading_roles_of_group(
    context: CallerRights, group: str, group_type: str, caller: Caller, *, full: bool
) -> Iterator[Right]:
    """Every caller may read those of their own groups."""
    if group in caller.groups:
        return
    yield Right(READ, "groups", ("oidc", group))
    if full:
        for role in context.roles_of([f"group:{group}"]):
            context.check_role(READ, role, ())


def assigns_roles(domain: str, *, held: bool) -> Rule:
    """Roles given to or taken from a user or a group. ``held``: the caller must have all that the roles allow."""

    def rule(context: CallerRights, subject: str, roles: Sequence[str], *_: object) -> Iterator[Right]:
        yield Right(ASSIGN, domain, ("oidc", subject) if domain == "groups" else (subject,))
        if held:
            context.check_held(roles)

    return rule


def user(verb: str) -> Rule:
    def rule(context: CallerRights, user: str, *_: object, **__: object) -> Iterator[Right]:
        yield Right(verb, "users", (user,))

    return rule
