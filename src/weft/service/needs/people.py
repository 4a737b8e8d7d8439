"""What verbs on roles, groups and users need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from weft.access.permissions import ASSIGN, CREATE, READ, UPDATE, Right
from weft.domain.caller import Caller
from weft.service.asking import Asking
from weft.service.needs.row import Given, Rule


def role(verb: str) -> Rule:
    def rule(asking: Asking, name: str, *_: Any) -> Iterator[Right]:
        asking.check_role(verb, name, asking.role_changes(verb, name))
        yield from ()

    return rule


def role_created(asking: Asking, document: Given) -> Iterator[Right]:
    name, permissions = asking.parsed_role(document)
    asking.check_role(CREATE, name, permissions)
    yield from ()


def role_changed(asking: Asking, name: str, given: Any) -> Iterator[Right]:
    asking.check_role(UPDATE, name, asking.parsed_permissions(name, given))
    yield from ()


def roles_of_user(asking: Asking, user: str, user_type: str | None, caller: Caller, *, full: bool) -> Iterator[Right]:
    if user == caller.user and user_type in (None, caller.user_type):
        return
    yield Right(READ, "users", (user,))
    if full:
        for role in asking.roles_of([f"{one}:{user}" for one in ("db", "oidc") if user_type in (None, one)]):
            asking.check_role(READ, role, ())


def roles_of_group(asking: Asking, group: str, group_type: str, caller: Caller, *, full: bool) -> Iterator[Right]:
    if group in caller.groups:
        return
    yield Right(READ, "groups", ("oidc", group))
    if full:
        for role in asking.roles_of([f"group:{group}"]):
            asking.check_role(READ, role, ())


def handed_out(domain: str, *, held: bool) -> Rule:
    """Roles to or from a user or a group. ``held``: the caller must himself have what the roles allow."""

    def rule(asking: Asking, subject: str, roles: Sequence[str], *_: Any) -> Iterator[Right]:
        yield Right(ASSIGN, domain, ("oidc", subject) if domain == "groups" else (subject,))
        if held:
            asking.check_held(roles)

    return rule


def user(verb: str) -> Rule:
    def rule(asking: Asking, user: str, *_: Any, **__: Any) -> Iterator[Right]:
        yield Right(verb, "users", (user,))

    return rule
