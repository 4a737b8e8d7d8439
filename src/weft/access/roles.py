"""The verbs on roles: create, read, change and delete them. Their assignments are in ``assignments``.

The requirement at each verb has already checked whether the caller is allowed to use it; the verbs leave out of their
results what the caller may not see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from weft.access.assigned import without
from weft.access.identity import changing_role, creating_role, deleting_role, reading_role
from weft.access.permissions import ALL, MATCH, READ, Permission, Right, check_count
from weft.access.requirement import public, requires
from weft.access.rights import BUILT_IN, ON_EVERYTHING, ROOT, Rights, RoleRights, is_root, role_rights
from weft.access.state import AccessState
from weft.access.store import AccessStore
from weft.domain.caller import Caller
from weft.domain.errors import CallerError, Conflict, NotFound
from weft.settings.access import RbacSettings

_NAME = re.compile(r"[A-Za-z][-_0-9A-Za-z]{0,63}")

Permissions = tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """``permissions``: None if only names were requested."""

    name: str
    permissions: Permissions | None


class Roles:
    """If roles are off, there are none, and every verb that changes this raises Unsupported."""

    def __init__(self, settings: RbacSettings, store: AccessStore, rights: Rights) -> None:
        self._settings = settings
        self._store = store
        self._rights = rights

    @public
    def all(self, caller: Caller) -> list[Role]:
        """The roles that the caller may read, by name; only root users may read ``root``."""
        rights = self._rights
        if not isinstance(rights, RoleRights):
            return []
        names = [*BUILT_IN, *self._store.state.roles]
        visible = [name for name in names if name != ROOT or is_root(self._settings, caller)]
        readable = [name for name in visible if rights.may(caller, Right(READ, "roles", (name,), ALL))]
        readable = readable or [name for name in visible if rights.may(caller, Right(READ, "roles", (name,), MATCH))]
        return [Role(name, rights.permissions_of(name) or ()) for name in sorted(readable)]

    @requires(reading_role)
    def get(self, name: str) -> Role:
        """Raises NotFound."""
        return existing_role(self._rights, name)

    @requires(creating_role)
    def create(self, name: str, permissions: Sequence[Permission]) -> None:
        """Raises Conflict when the role exists, CallerError for an invalid name."""
        role_rights(self._rights)
        check_role_name(name)

        def edit(state: AccessState) -> tuple[AccessState, None]:
            if name in state.roles:
                raise Conflict(f"role with name {name} already exists", role=name)
            return replace(state, roles={**state.roles, name: _once(permissions)}), None

        self._store.change(edit)

    @requires(changing_role)
    def add_permissions(self, name: str, permissions: Sequence[Permission]) -> None:
        """Raises Invalid where the role would have too many."""

        def added(old: Permissions) -> Permissions:
            found = _once([*old, *permissions])
            check_count(found)
            return found

        self._edit(name, added)

    @requires(changing_role)
    def remove_permissions(self, name: str, permissions: Sequence[Permission]) -> None:
        """Permissions that the role does not have are ignored."""
        removed = frozenset(permissions)
        self._edit(name, lambda old: tuple(one for one in old if one not in removed))

    @requires(reading_role)
    def has_permission(self, name: str, permission: Permission) -> bool:
        """Whether the role has exactly this permission; an unknown role has none."""
        if not isinstance(self._rights, RoleRights):
            return False
        verbs = ON_EVERYTHING.get(name, "")
        held = self._rights.permissions_of(name) or ()
        return permission in held or (bool(verbs) and set(permission.verbs) <= set(verbs))

    @requires(deleting_role)
    def delete(self, name: str) -> None:
        """Users and groups that have the role lose it. Does nothing when there is no such role."""
        role_rights(self._rights)
        if name in BUILT_IN:
            raise CallerError(f"you can not delete built-in role {name}", role=name)

        def edit(state: AccessState) -> tuple[AccessState, None]:
            if name not in state.roles:
                return state, None
            roles = {other: permissions for other, permissions in state.roles.items() if other != name}
            return replace(state, roles=roles, assigned=without(state.assigned, state.assigned, {name})), None

        self._store.change(edit)

    def _edit(self, name: str, change: Callable[[Permissions], Permissions]) -> None:
        role_rights(self._rights)
        if name in BUILT_IN:
            raise CallerError(f"you can not update built-in role {name}", role=name)

        def edit(state: AccessState) -> tuple[AccessState, None]:
            old = state.roles.get(name)
            if old is None:
                raise _unknown(name)
            return replace(state, roles={**state.roles, name: change(old)}), None

        self._store.change(edit)


def existing_role(rights: Rights, name: str) -> Role:
    """Raises NotFound."""
    permissions = rights.permissions_of(name) if isinstance(rights, RoleRights) else None
    if permissions is None:
        raise _unknown(name)
    return Role(name, permissions)


def check_role_name(name: str) -> None:
    """Raises CallerError for a name that is not valid for a new role."""
    if not name:
        raise CallerError("role name is required")
    if not _NAME.fullmatch(name):
        raise CallerError(
            f"role name {name[:80]!r} is invalid; use up to 64 letters, digits, hyphens and underscores, beginning "
            "with a letter"
        )
    if name in BUILT_IN:
        raise CallerError(f"you cannot create role with the same name as built-in role {name}", role=name)


def _unknown(name: str) -> NotFound:
    return NotFound(f"there is no role {name[:80]!r}", role=name)


def _once(permissions: Sequence[Permission]) -> Permissions:
    return tuple(dict.fromkeys(permissions))
