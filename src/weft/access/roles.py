"""The verbs on roles: make, read, change and delete them; give them to users and groups, and take them away.

Whether the caller may is asked before, by the service's table; what is hidden from him inside an answer is hidden here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from weft.access.identity import (
    assigns_roles,
    changing_role,
    creating_role,
    deleting_role,
    reading_role,
    reading_roles_of_group,
    reading_roles_of_user,
)
from weft.access.permissions import ALL, MATCH, READ, Permission, Right, parse_permission
from weft.access.requirement import public, requires
from weft.access.rights import BUILT_IN, FIXED_ROLES, ON_EVERYTHING, ROOT, Rights, RoleRights
from weft.access.role_documents import parse_permissions, parse_role
from weft.access.store import AccessStore, State
from weft.domain.caller import Caller
from weft.domain.errors import CallerError, Conflict, Forbidden, Invalid, NotFound, Unsupported
from weft.settings.access import AccessSettings

DB, OIDC = "db", "oidc"


class Roles:
    def __init__(self, settings: AccessSettings, store: AccessStore, rights: Rights) -> None:
        self._settings = settings
        self._store = store
        self._rights = rights

    # -- roles

    @public
    def all(self, caller: Caller) -> list[dict[str, Any]]:
        """Those whose reading the caller may see; ``root`` is shown to root users alone."""
        names = [*BUILT_IN, *self._store.state.roles] if self._of() else []
        shown = [name for name in names if name != ROOT or self.is_root_user(caller)]
        seen = [name for name in shown if self._rights.may(caller, Right(READ, "roles", (name,), ALL))]
        seen = seen or [name for name in shown if self._rights.may(caller, Right(READ, "roles", (name,), MATCH))]
        return [self._document(name) for name in sorted(seen)]

    @requires(reading_role)
    def get(self, name: str) -> dict[str, Any]:
        self.permissions(name)
        return self._document(name)

    def permissions(self, name: str) -> tuple[Permission, ...]:
        """Raises NotFound."""
        found = self._of().permissions_of(name)
        if found is None:
            raise NotFound(f"there is no role {name[:80]!r}", role=name)
        return found

    @requires(creating_role)
    def create(self, document: Mapping[str, Any]) -> None:
        self._of()
        name, permissions = parse_role(document)

        def edit(state: State) -> tuple[State, None]:
            if name in state.roles:
                raise Conflict(f"role with name {name} already exists", role=name)
            return replace(state, roles={**state.roles, name: permissions}), None

        self._store.change(edit)

    @requires(changing_role)
    def add_permissions(self, name: str, given: Any) -> None:
        added = self._changes(name, given)
        self._edit(name, lambda old: tuple(dict.fromkeys([*old, *added])))

    @requires(changing_role)
    def remove_permissions(self, name: str, given: Any) -> None:
        """Those that the role does not have are passed over."""
        removed = frozenset(self._changes(name, given))
        self._edit(name, lambda old: tuple(one for one in old if one not in removed))

    @requires(reading_role)
    def has_permission(self, name: str, given: Any) -> bool:
        """Whether the role has the permission in these words."""
        permission = parse_permission(given)
        verbs = ON_EVERYTHING.get(name, "")
        return permission in self.permissions(name) or (bool(verbs) and set(permission.verbs) <= set(verbs))

    @requires(deleting_role)
    def delete(self, name: str) -> None:
        """Nothing happens when there is no such role. Whoever has it loses it."""
        self._of()
        if name in BUILT_IN:
            raise CallerError(f"you can not delete built-in role {name}", role=name)

        def edit(state: State) -> tuple[State, None]:
            if name not in state.roles:
                return state, None
            roles = {other: permissions for other, permissions in state.roles.items() if other != name}
            return replace(state, roles=roles, assigned=_without(state.assigned, state.assigned, {name})), None

        self._store.change(edit)

    # -- who has them

    @requires(reading_roles_of_user)
    def of_user(self, user: str, user_type: str | None, caller: Caller, *, full: bool) -> list[dict[str, Any]]:
        """Of one type of user, or without one of both. ``full``: with permissions."""
        self._of()
        types = _user_types(user_type)
        self._check_user(user, user_type)
        return self._shown([f"{one}:{user}" for one in types], full)

    @requires(reading_roles_of_group)
    def of_group(self, group: str, group_type: str, caller: Caller, *, full: bool) -> list[dict[str, Any]]:
        self._of()
        _check_group_type(group_type)
        return self._shown([f"group:{group}"], full)

    @public
    def groups(self, group_type: str, caller: Caller) -> list[str]:
        """The groups that have roles and that the caller may read."""
        _check_group_type(group_type)
        names = [subject.removeprefix("group:") for subject in self._subjects() if subject.startswith("group:")]
        return [name for name in names if self._rights.may(caller, Right(READ, "groups", (OIDC, name)))]

    @requires(reading_role)
    def users_with(self, role: str, caller: Caller) -> list[tuple[str, str]]:
        """(id, type) of users with the role that the caller may read, or is: ``oidc``, ``db_user``, ``db_env_user``."""
        self._check_visible(role, caller)
        return [
            (user, self._told_type(user, user_type))
            for user_type in (OIDC, DB)
            for user in self._with(role, f"{user_type}:")
            if user == caller.user or self._rights.may(caller, Right(READ, "users", (user,)))
        ]

    @requires(reading_role)
    def groups_with(self, role: str, caller: Caller) -> list[str]:
        self._check_visible(role, caller)
        return [
            group
            for group in self._with(role, "group:")
            if group in caller.groups or self._rights.may(caller, Right(READ, "groups", (OIDC, group)))
        ]

    @requires(assigns_roles("users", held=True))
    def assign_to_user(self, user: str, roles: Sequence[str], user_type: str | None) -> None:
        subjects = self._changed_user(user, roles, user_type, "assign")
        self._store.change(lambda state: (replace(state, assigned=_with(state.assigned, subjects, roles)), None))

    @requires(assigns_roles("users", held=False))
    def revoke_from_user(self, user: str, roles: Sequence[str], user_type: str | None) -> None:
        subjects = self._changed_user(user, roles, user_type, "revoke")
        self._store.change(
            lambda state: (replace(state, assigned=_without(state.assigned, subjects, set(roles))), None)
        )

    @requires(assigns_roles("groups", held=True))
    def assign_to_group(self, group: str, roles: Sequence[str], group_type: str) -> None:
        subject = self._changed_group(group, roles, group_type, "assign")
        self._store.change(lambda state: (replace(state, assigned=_with(state.assigned, [subject], roles)), None))

    @requires(assigns_roles("groups", held=False))
    def revoke_from_group(self, group: str, roles: Sequence[str], group_type: str) -> None:
        subject = self._changed_group(group, roles, group_type, "revoke")
        self._store.change(
            lambda state: (replace(state, assigned=_without(state.assigned, [subject], set(roles))), None)
        )

    # -- for other rooms

    def names_of(self, subjects: Iterable[str]) -> list[str]:
        """The roles of ``subjects``, none where roles are off."""
        if not isinstance(self._rights, RoleRights):
            return []
        return sorted({role for subject in subjects for role in self._rights.roles_of(subject)})

    def documents_of(self, subjects: Iterable[str]) -> list[dict[str, Any]]:
        return [self._document(name) for name in self.names_of(subjects)]

    def is_root_user(self, caller: Caller) -> bool:
        groups = self._settings.rbac.root_groups
        return caller.user in self._settings.rbac.root_users or any(group in groups for group in caller.groups)

    # -- inside

    def _of(self) -> RoleRights:
        if not isinstance(self._rights, RoleRights):
            raise Unsupported("roles are off on this server; start it with AUTHORIZATION_RBAC_ENABLED=true")
        return self._rights

    def _document(self, name: str) -> dict[str, Any]:
        return {"name": name, "permissions": [one.to_json() for one in self._of().permissions_of(name) or ()]}

    def _shown(self, subjects: Iterable[str], full: bool) -> list[dict[str, Any]]:
        if full:
            return self.documents_of(subjects)
        return [{"name": name, "permissions": None} for name in self.names_of(subjects)]

    def _changes(self, name: str, given: Any) -> tuple[Permission, ...]:
        self._of()
        if name in BUILT_IN:
            raise CallerError(f"you can not update built-in role {name}", role=name)
        return parse_permissions(given, allow_none=False)

    def _edit(self, name: str, change: Any) -> None:
        def edit(state: State) -> tuple[State, None]:
            old = state.roles.get(name)
            if old is None:
                raise NotFound(f"there is no role {name[:80]!r}", role=name)
            return replace(state, roles={**state.roles, name: change(old)}), None

        self._store.change(edit)

    def _subjects(self) -> list[str]:
        return sorted({*self._of().fixed, *self._store.state.assigned})

    def _with(self, role: str, kind: str) -> list[str]:
        """The ids of the subjects of a kind that have ``role``."""
        rights = self._of()
        return [s.removeprefix(kind) for s in self._subjects() if s.startswith(kind) and role in rights.roles_of(s)]

    def _told_type(self, user: str, user_type: str) -> str:
        if user_type == OIDC:
            return OIDC
        return "db_user" if user in self._store.state.users else "db_env_user"

    def _check_visible(self, role: str, caller: Caller) -> None:
        if role in FIXED_ROLES and not self.is_root_user(caller):
            raise Forbidden(f"modifying '{role}' role or changing its assignments is not allowed")
        self.permissions(role)

    def _check_user(self, user: str, user_type: str | None) -> None:
        """Raises NotFound. Users of an identity provider are known to it alone, so all of them count as there."""
        if user_type == OIDC and not self._settings.oidc.enabled:
            raise Invalid("oidc is not enabled on this server; it has no such users")
        if self._settings.oidc.enabled and user_type != DB:
            return
        in_settings = self._settings.apikey_enabled and user in self._settings.apikey_users
        if not in_settings and user not in self._store.state.users:
            raise NotFound(f"there is no user {user[:80]!r}", user=user)

    def _changed_user(self, user: str, roles: Sequence[str], user_type: str | None, verb: str) -> list[str]:
        self._check_roles(roles, verb)
        types = _user_types(user_type)
        self._check_user(user, user_type)
        return [f"{one}:{user}" for one in types]

    def _changed_group(self, group: str, roles: Sequence[str], group_type: str, verb: str) -> str:
        _check_group_type(group_type)
        self._check_roles(roles, verb)
        if group in self._settings.rbac.root_groups or group in self._settings.rbac.readonly_groups:
            raise Forbidden(f"{verb}ing: cannot assign or revoke from root group {group}")
        return f"group:{group}"

    def _check_roles(self, roles: Sequence[str], verb: str) -> None:
        rights = self._of()
        if not roles:
            raise CallerError("roles can not be empty")
        for role in roles:
            if not role.strip():
                raise CallerError(f"one or more of the roles you want to {verb} is empty")
            if role in FIXED_ROLES:
                raise Forbidden(f"{verb}ing: modifying '{role}' role or changing its assignments is not allowed")
            if rights.permissions_of(role) is None:
                raise NotFound(f"one or more of the roles requested doesn't exist: {role[:80]!r}", role=role)


def _user_types(user_type: str | None) -> tuple[str, ...]:
    if user_type is None:
        return DB, OIDC
    if user_type not in (DB, OIDC):
        raise CallerError(f"unknown userType: {user_type[:40]!r}; it is {DB} or {OIDC}")
    return (user_type,)


def _check_group_type(group_type: str) -> None:
    if group_type != OIDC:
        raise CallerError(f"unknown groupType: {group_type[:40]!r}; it is {OIDC}")


def _with(
    assigned: Mapping[str, tuple[str, ...]], subjects: Iterable[str], roles: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    added = {subject: tuple(sorted({*assigned.get(subject, ()), *roles})) for subject in subjects}
    return {**assigned, **added}


def _without(
    assigned: Mapping[str, tuple[str, ...]], subjects: Iterable[str], roles: set[str]
) -> dict[str, tuple[str, ...]]:
    left = {one: tuple(r for r in assigned.get(one, ()) if r not in roles) for one in subjects}
    return {subject: kept for subject, kept in {**assigned, **left}.items() if kept}
