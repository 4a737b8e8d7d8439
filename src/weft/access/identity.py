"""The rights that verbs on roles, groups and users require."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from weft.access.assigned import DB, OIDC, group_subject, user_subject
from weft.access.context import CallerRights
from weft.access.permissions import ASSIGN, CREATE, DELETE, READ, UPDATE, Permission, Right
from weft.access.requirement import Rule
from weft.domain.caller import Caller


def reading_role(context: CallerRights, name: str, *_: object) -> Iterator[Right]:
    context.check_role(READ, name, ())
    yield from ()


def creating_role(context: CallerRights, name: str, permissions: Sequence[Permission]) -> Iterator[Right]:
    context.check_role(CREATE, name, permissions)
    yield from ()


def changing_role(context: CallerRights, name: str, permissions: Sequence[Permission]) -> Iterator[Right]:
    """With scope ``match`` only a role that allows no more than the caller has: others may have it, too."""
    context.check_role(UPDATE, name, [*context.permissions_of(name), *permissions])
    yield from ()


def deleting_role(context: CallerRights, name: str) -> Iterator[Right]:
    context.check_role(DELETE, name, context.permissions_of(name))
    yield from ()


def reading_roles_of_user(
    context: CallerRights, user: str, user_type: str | None, caller: Caller, *, full: bool
) -> Iterator[Right]:
    """Every caller may read their own. ``full``: with permissions, so each role must be readable, too."""
    if user == caller.user and user_type in (None, caller.user_type):
        return
    yield Right(READ, "users", (user,))
    if full:
        for role in context.roles_of([user_subject(user, one) for one in (DB, OIDC) if user_type in (None, one)]):
            context.check_role(READ, role, ())


def reading_roles_of_group(
    context: CallerRights, group: str, group_type: str, caller: Caller, *, full: bool
) -> Iterator[Right]:
    """Every caller may read those of their own groups."""
    if group in caller.groups:
        return
    yield Right(READ, "groups", (OIDC, group))
    if full:
        for role in context.roles_of([group_subject(group)]):
            context.check_role(READ, role, ())


def assigns_roles(domain: str) -> Rule:
    """To assign or revoke roles of a user or a group: the caller must have all that the roles allow."""

    def rule(context: CallerRights, subject: str, roles: Sequence[str], *_: object) -> Iterator[Right]:
        yield Right(ASSIGN, domain, (OIDC, subject) if domain == "groups" else (subject,))
        context.check_held(roles)

    return rule


def reading_user(context: CallerRights, user: str, *_: object, **__: object) -> Iterator[Right]:
    yield Right(READ, "users", (user,))


def managing_user(verb: str) -> Rule:
    """To create, change or delete a user, which may mean to act as that user: by a new key, or by letting them in
    again. The caller must have all that the user may do, and be a root user where the user is one."""

    def rule(context: CallerRights, user: str, *_: object, **__: object) -> Iterator[Right]:
        yield Right(verb, "users", (user,))
        context.check_may_act_as(user_subject(user, DB))

    return rule
