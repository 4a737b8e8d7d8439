"""The verbs on role assignments: read, assign and revoke roles of users, and of groups of an identity provider.

The requirement at each verb has already checked whether the caller is allowed to use it; the verbs leave out of their
results what the caller may not see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import Enum
from typing import NamedTuple

from weft.access.assigned import DB, OIDC, group_subject, user_subject, with_roles, without
from weft.access.identity import assigns_roles, reading_role, reading_roles_of_group, reading_roles_of_user
from weft.access.permissions import READ, Right
from weft.access.requirement import public, requires
from weft.access.rights import FIXED_ROLES, Rights, RoleRights, is_root, role_rights
from weft.access.roles import Role
from weft.access.store import AccessStore
from weft.domain.caller import Caller
from weft.domain.errors import CallerError, Forbidden, Invalid, NotFound
from weft.settings.access import AccessSettings

_GROUP = group_subject("")


class UserSource(Enum):
    """Where a user comes from."""

    DATABASE = "database"
    SETTINGS = "settings"
    PROVIDER = "provider"


class Assignee(NamedTuple):
    """A user that has a role."""

    user: str
    source: UserSource


class Assignments:
    """If roles are off, nothing is assigned, and every verb that changes this raises Unsupported."""

    def __init__(self, settings: AccessSettings, store: AccessStore, rights: Rights) -> None:
        self._settings = settings
        self._store = store
        self._rights = rights

    # -- reading

    @requires(reading_roles_of_user)
    def of_user(self, user: str, user_type: str | None, caller: Caller, *, full: bool) -> list[Role]:
        """Of a user of one type, ``db`` or ``oidc``, or of both types. ``full``: with permissions. Raises NotFound."""
        rights, types = self._rights, _user_types(user_type)
        if not isinstance(rights, RoleRights):
            return []
        self._check_user(user, user_type)
        return _roles(rights, [user_subject(user, one) for one in types], full=full)

    @requires(reading_roles_of_group)
    def of_group(self, group: str, group_type: str, caller: Caller, *, full: bool) -> list[Role]:
        rights = self._rights
        _check_group_type(group_type)
        return [] if not isinstance(rights, RoleRights) else _roles(rights, [group_subject(group)], full=full)

    @public
    def groups(self, group_type: str, caller: Caller) -> list[str]:
        """The groups that have roles and that the caller may read."""
        _check_group_type(group_type)
        if not isinstance(self._rights, RoleRights):
            return []
        names = [one.removeprefix(_GROUP) for one in self._subjects() if one.startswith(_GROUP)]
        return [name for name in names if self._rights.may(caller, Right(READ, "groups", (OIDC, name)))]

    @requires(reading_role)
    def users_with(self, role: str, caller: Caller) -> list[Assignee]:
        """The users with the role that the caller may read, and the caller; none for an unknown role."""
        if not isinstance(self._rights, RoleRights):
            return []
        self._check_visible(role, caller)
        return [
            Assignee(user, self._source(user, user_type))
            for user_type in (OIDC, DB)
            for user in self._with(role, user_subject("", user_type))
            if user == caller.user or self._rights.may(caller, Right(READ, "users", (user,)))
        ]

    @requires(reading_role)
    def groups_with(self, role: str, caller: Caller) -> list[str]:
        """The groups with the role that the caller may read, and the caller's own; none for an unknown role."""
        if not isinstance(self._rights, RoleRights):
            return []
        self._check_visible(role, caller)
        return [
            group
            for group in self._with(role, _GROUP)
            if group in caller.groups or self._rights.may(caller, Right(READ, "groups", (OIDC, group)))
        ]

    # -- changing

    @requires(assigns_roles("users"))
    def assign_to_user(self, user: str, roles: Sequence[str], user_type: str | None) -> None:
        self._assign(self._users_to_change(user, roles, user_type, "assign"), roles)

    @requires(assigns_roles("users"))
    def revoke_from_user(self, user: str, roles: Sequence[str], user_type: str | None) -> None:
        self._revoke(self._users_to_change(user, roles, user_type, "revoke"), roles)

    @requires(assigns_roles("groups"))
    def assign_to_group(self, group: str, roles: Sequence[str], group_type: str) -> None:
        self._assign([self._group_to_change(group, roles, group_type, "assign")], roles)

    @requires(assigns_roles("groups"))
    def revoke_from_group(self, group: str, roles: Sequence[str], group_type: str) -> None:
        self._revoke([self._group_to_change(group, roles, group_type, "revoke")], roles)

    def _assign(self, subjects: Iterable[str], roles: Sequence[str]) -> None:
        self._store.change(lambda state: (replace(state, assigned=with_roles(state.assigned, subjects, roles)), None))

    def _revoke(self, subjects: Iterable[str], roles: Sequence[str]) -> None:
        self._store.change(lambda state: (replace(state, assigned=without(state.assigned, subjects, roles)), None))

    # -- subjects

    def _subjects(self) -> list[str]:
        return sorted({*role_rights(self._rights).fixed, *self._store.state.assigned})

    def _with(self, role: str, prefix: str) -> list[str]:
        """The users or groups that have ``role``; ``prefix`` is the beginning of their subjects."""
        rights = role_rights(self._rights)
        subjects = [one for one in self._subjects() if one.startswith(prefix) and role in rights.roles_of(one)]
        return [one.removeprefix(prefix) for one in subjects]

    def _source(self, user: str, user_type: str) -> UserSource:
        if user_type == OIDC:
            return UserSource.PROVIDER
        return UserSource.DATABASE if user in self._store.state.users else UserSource.SETTINGS

    # -- checks

    def _check_visible(self, role: str, caller: Caller) -> None:
        if role in FIXED_ROLES and not is_root(self._settings.rbac, caller):
            raise Forbidden(f"modifying '{role}' role or changing its assignments is not allowed")

    def _check_user(self, user: str, user_type: str | None) -> None:
        """Raises NotFound. Only the identity provider knows its users, so any of them may exist."""
        if user_type == OIDC and not self._settings.oidc.enabled:
            raise Invalid("oidc is not enabled on this server; use userType db")
        if self._settings.oidc.enabled and user_type != DB:
            return
        in_settings = self._settings.apikey_enabled and user in self._settings.apikey_users
        if not in_settings and user not in self._store.state.users:
            raise NotFound(f"there is no user {user[:80]!r}", user=user)

    def _users_to_change(self, user: str, roles: Sequence[str], user_type: str | None, verb: str) -> list[str]:
        self._check_roles(roles, verb)
        types = _user_types(user_type)
        self._check_user(user, user_type)
        return [user_subject(user, one) for one in types]

    def _group_to_change(self, group: str, roles: Sequence[str], group_type: str, verb: str) -> str:
        _check_group_type(group_type)
        self._check_roles(roles, verb)
        if group in self._settings.rbac.root_groups or group in self._settings.rbac.readonly_groups:
            raise Forbidden(f"{verb}ing: cannot assign or revoke from root group {group}")
        return group_subject(group)

    def _check_roles(self, roles: Sequence[str], verb: str) -> None:
        rights = role_rights(self._rights)
        if not roles:
            raise CallerError("roles can not be empty")
        for role in roles:
            if not role.strip():
                raise CallerError(f"one or more of the roles you want to {verb} is empty")
            if role in FIXED_ROLES:
                raise Forbidden(f"{verb}ing: modifying '{role}' role or changing its assignments is not allowed")
            if rights.permissions_of(role) is None:
                raise NotFound(f"one or more of the roles requested doesn't exist: {role[:80]!r}", role=role)


def _roles(rights: RoleRights, subjects: Iterable[str], *, full: bool) -> list[Role]:
    names = rights.roles_of_all(subjects)
    return [Role(name, (rights.permissions_of(name) or ()) if full else None) for name in names]


def _user_types(user_type: str | None) -> tuple[str, ...]:
    if user_type is None:
        return DB, OIDC
    if user_type not in (DB, OIDC):
        raise CallerError(f"unknown userType: {user_type[:40]!r}; use {DB} or {OIDC}")
    return (user_type,)


def _check_group_type(group_type: str) -> None:
    if group_type != OIDC:
        raise CallerError(f"unknown groupType: {group_type[:40]!r}; use {OIDC}")
