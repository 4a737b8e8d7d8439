"""Rights: authorization by roles, by two lists, or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from weft.access.grants import Grants
from weft.access.permissions import ACTIONS, ASSIGN, CREATE, DELETE, READ, UPDATE, Permission, Right, everything
from weft.access.state import AccessState
from weft.access.store import AccessStore
from weft.domain.caller import Caller
from weft.domain.errors import Forbidden, Unauthenticated, Unsupported
from weft.settings.access import AccessSettings, AdminListSettings, RbacSettings

VIEWER, ADMIN, ROOT, READ_ONLY = "viewer", "admin", "root", "read-only"
FIXED_ROLES: Final = (ROOT, READ_ONLY)
"""Given by settings only."""

_ALL = tuple(everything(action) for action in ACTIONS)
_READING = tuple(one for one in _ALL if one.verbs == READ)
BUILT_IN: Final[Mapping[str, tuple[Permission, ...]]] = {
    VIEWER: _READING,
    ADMIN: _ALL,
    ROOT: _ALL,
    READ_ONLY: _READING,
}

ON_EVERYTHING: Final = {
    VIEWER: READ,
    READ_ONLY: READ,
    ADMIN: CREATE + READ + UPDATE + DELETE + ASSIGN,
    ROOT: CREATE + READ + UPDATE + DELETE + ASSIGN,
}
"""The verbs that a built-in role has in every domain, even one without such a permission: a viewer sees backups."""

_MOST_CALLERS = 1_000
"""The most callers whose compiled permissions are cached: at most about 100 MB."""
ANONYMOUS = "anonymous"


class Rights(Protocol):
    """``names_roles``: whether there are roles, which can be read, created and assigned. ``title`` begins the
    messages of refusals."""

    @property
    def names_roles(self) -> bool: ...
    @property
    def title(self) -> str: ...
    def may(self, caller: Caller, right: Right) -> bool: ...
    def touch(self, caller: Caller, collection: str) -> bool:
        """Whether the caller has any right on the collection, its tenants or its objects."""
        ...


def forbidden(rights: Rights, caller: Caller, right: Right) -> Forbidden:
    groups = ", ".join(f"'{group}'" for group in caller.groups)
    of = f" (of group{'s' if len(caller.groups) > 1 else ''} {groups})" if groups else ""
    return Forbidden(
        f"{rights.title}: authorization, forbidden action: user '{caller.user or ANONYMOUS}'{of} has insufficient "
        f"permissions to {right.action} [{right}]",
        action=right.action,
    )


class RoleRights:
    """By the roles that are assigned to the caller and the caller's groups, and the roles in the settings.

    The rights of a caller are computed once and cached until roles or assignments change.
    """

    names_roles = True
    title = "rbac"

    def __init__(self, store: AccessStore, settings: AccessSettings) -> None:
        self._store = store
        self._settings = settings.rbac
        self.fixed = _fixed(settings)
        self._of: tuple[AccessState, dict[tuple[str, str, tuple[str, ...]], Grants]] = (store.state, {})

    fixed: Mapping[str, tuple[str, ...]]
    """Roles by subject, from the settings."""

    def may(self, caller: Caller, right: Right) -> bool:
        return self._grants(caller).allow(right)

    def touch(self, caller: Caller, collection: str) -> bool:
        return self._grants(caller).touch(collection)

    def is_root(self, caller: Caller) -> bool:
        return is_root(self._settings, caller)

    def is_root_subject(self, subject: str) -> bool:
        """Whether ``db:<user>`` or ``oidc:<user>`` would be a root user."""
        return subject.partition(":")[2] in self._settings.root_users

    def first_lacking(self, caller: Caller, permissions: Iterable[Permission]) -> Permission | None:
        """The first of ``permissions`` that the caller does not have."""
        grants = self._grants(caller)
        return next((one for one in permissions if not grants.hold(one)), None)

    def has_verbs_of(self, caller: Caller, role: str) -> bool:
        """Whether the caller has, on everything, the verbs that the built-in ``role`` has on everything."""
        return self._grants(caller).has_verbs(ON_EVERYTHING.get(role, ""))

    def roles_of(self, subject: str) -> tuple[str, ...]:
        """The roles of ``db:<user>``, ``oidc:<user>`` or ``group:<group>``, in alphabetical order."""
        return tuple(sorted({*self.fixed.get(subject, ()), *self._store.state.assigned.get(subject, ())}))

    def roles_of_all(self, subjects: Iterable[str]) -> list[str]:
        """The roles that any of the subjects has, each once, in alphabetical order."""
        return sorted({role for subject in subjects for role in self.roles_of(subject)})

    def permissions_of(self, role: str) -> tuple[Permission, ...] | None:
        """None: there is no such role."""
        built_in = BUILT_IN.get(role)
        return self._store.state.roles.get(role) if built_in is None else built_in

    def _grants(self, caller: Caller) -> Grants:
        if caller.user is None:
            raise Unauthenticated("user is not authenticated; send an API key or a token")
        now = self._store.state
        state, known = self._of
        if state is not now or len(known) >= _MOST_CALLERS:
            _, known = self._of = (now, {})
        key = (caller.user_type, caller.user, caller.groups)
        found = known.get(key)
        if found is None:
            roles = [role for subject in subjects(caller) for role in self.roles_of(subject)]
            permissions = [one for role in roles for one in self.permissions_of(role) or ()]
            found = known[key] = Grants(permissions, "".join(ON_EVERYTHING.get(role, "") for role in roles))
        return found


def role_rights(rights: Rights) -> RoleRights:
    """Raises Unsupported if roles are off."""
    if not isinstance(rights, RoleRights):
        raise Unsupported("roles are off on this server; start it with AUTHORIZATION_RBAC_ENABLED=true")
    return rights


def is_root(settings: RbacSettings, caller: Caller) -> bool:
    """Whether the settings make the caller a root user."""
    return caller.user in settings.root_users or not set(settings.root_groups).isdisjoint(caller.groups)


def subjects(caller: Caller) -> list[str]:
    """The subjects under which roles may be assigned to the caller."""
    return [f"{caller.user_type}:{caller.user}", *(f"group:{group}" for group in caller.groups)]


def _fixed(settings: AccessSettings) -> dict[str, tuple[str, ...]]:
    given: dict[str, set[str]] = {}
    for role, users in (
        (ROOT, settings.rbac.root_users),
        (ADMIN, settings.rbac.admin_users),
        (VIEWER, settings.rbac.viewer_users),
    ):
        for user in users:
            if settings.apikey_enabled and user in settings.apikey_users:
                given.setdefault(f"db:{user}", set()).add(role)
            if settings.oidc.enabled:
                given.setdefault(f"oidc:{user}", set()).add(role)
    for role, groups in ((ROOT, settings.rbac.root_groups), (READ_ONLY, settings.rbac.readonly_groups)):
        for group in groups:
            given.setdefault(f"group:{group}", set()).add(role)
    return {subject: tuple(sorted(roles)) for subject, roles in given.items()}


class ListRights:
    """Users on the admin list may do everything, those on the read-only list may read, others nothing."""

    names_roles = False
    title = "adminlist"

    def __init__(self, settings: AdminListSettings) -> None:
        self._admins = frozenset(settings.users)
        self._admin_groups = frozenset(settings.groups)
        self._readers = frozenset(settings.readonly_users)
        self._reader_groups = frozenset(settings.readonly_groups)

    def may(self, caller: Caller, right: Right) -> bool:
        user = caller.user or ANONYMOUS
        if user in self._admins or not self._admin_groups.isdisjoint(caller.groups):
            return True
        return right.verb == READ and (user in self._readers or not self._reader_groups.isdisjoint(caller.groups))

    def touch(self, caller: Caller, collection: str) -> bool:
        return self.may(caller, Right(READ, "data", (collection, "*", "*")))


class NoLimits:
    """Authorization is off."""

    names_roles = False
    title = ""

    def may(self, caller: Caller, right: Right) -> bool:
        return True

    def touch(self, caller: Caller, collection: str) -> bool:
        return True


def build(store: AccessStore, settings: AccessSettings) -> RoleRights | ListRights | NoLimits:
    if settings.rbac.enabled:
        return RoleRights(store, settings)
    return ListRights(settings.admin_list) if settings.admin_list.enabled else NoLimits()
