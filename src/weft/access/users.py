"""The verbs on database users: create, read, rotate their keys, activate, deactivate, delete; and on the caller.

The requirement at each verb has already checked whether the caller is allowed to use it; the verbs leave out of their
results what the caller may not see.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from weft.access import identity, keys
from weft.access.assigned import DB, user_subject
from weft.access.assignments import UserSource
from weft.access.authenticator import environment_keys
from weft.access.permissions import CREATE, DELETE, READ, UPDATE, Right
from weft.access.requirement import public, requires
from weft.access.rights import ANONYMOUS, Rights, RoleRights, is_root, subjects
from weft.access.roles import Role
from weft.access.state import AccessState, UserRecord
from weft.access.store import AccessStore
from weft.domain.caller import Caller
from weft.domain.errors import Conflict, Forbidden, Invalid, NotFound
from weft.settings.access import AccessSettings

_NAME = re.compile(r"[A-Za-z][-_0-9A-Za-z@.]{0,127}")


@dataclass(frozen=True, slots=True)
class OwnInfo:
    """Who a caller is."""

    user: str
    groups: tuple[str, ...]
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class UserInfo:
    """A user, as returned. Times are Unix seconds.

    ``created`` and ``key_prefix`` are None for a user of the settings, ``key_prefix`` also if the caller may not see
    it, ``last_used`` if it was not requested, or the user was never seen.
    """

    user: str
    source: UserSource
    active: bool
    roles: tuple[str, ...]
    created: float | None = None
    key_prefix: str | None = None
    last_used: float | None = None


class Users:
    def __init__(self, settings: AccessSettings, store: AccessStore, rights: Rights) -> None:
        self._settings = settings
        self._store = store
        self._rights = rights

    # -- reading

    @public
    def me(self, caller: Caller) -> OwnInfo:
        rights = self._rights
        roles: tuple[Role, ...] = ()
        if caller.user is not None and isinstance(rights, RoleRights):
            names = rights.roles_of_all(subjects(caller))
            roles = tuple(Role(name, rights.permissions_of(name) or ()) for name in names)
        return OwnInfo(caller.user or ANONYMOUS, caller.groups, roles)

    @public
    def all(self, caller: Caller, *, times: bool) -> list[UserInfo]:
        """The users that the caller may read; root users see those of the settings, too. ``times``: when last used."""
        if not self._settings.db_users_enabled:
            return []
        users = self._store.state.users
        readable = [user for user in sorted(users) if self._rights.may(caller, Right(READ, "users", (user,)))]
        found = [self._info(user, users[user], caller, times) for user in readable]
        if self._is_root(caller):
            found += [self._settings_info(user) for user in self._settings_users() if user not in users]
        return found

    @requires(identity.reading_user)
    def get(self, user: str, caller: Caller, *, times: bool) -> UserInfo:
        """``times``: when last used. Raises NotFound."""
        self._check_enabled()
        known = self._store.state.users.get(user)
        if known is not None:
            return self._info(user, known, caller, times)
        if self._is_root(caller) and user in self._settings_users():
            return self._settings_info(user)
        raise _unknown(user)

    # -- changing

    @requires(identity.managing_user(CREATE))
    def create(self, user: str, *, adopt: bool = False, created: float | None = None, caller: Caller) -> str:
        """Returns the new user's key, only this once. ``adopt``: take over a user of the settings, with its key.

        From then on that key is managed here: once it is rotated, revoked or deleted with the user, it is refused,
        although it is still in the settings.
        """
        if not _NAME.fullmatch(user):
            raise Invalid(
                f"'{user[:80]}' is not a valid user name; use up to 128 letters, digits and -_@., beginning with a "
                "letter"
            )
        self._check_enabled()
        key = self._key_to_adopt(user, caller) if adopt else keys.new_key()
        if not adopt:
            self._check_free(user)

        def edit(state: AccessState) -> tuple[AccessState, None]:
            if user in state.users:
                raise Conflict(f"user '{user}' already exists", user=user)
            new = UserRecord(keys.digest(state.secrets[0], key), key[: keys.PREFIX_CHARS], True, created or time.time())
            adopted = state.adopted | {user} if adopt else state.adopted
            return replace(state, users={**state.users, user: new}, adopted=adopted), None

        self._store.change(edit)
        return key

    @requires(identity.managing_user(UPDATE))
    def rotate(self, user: str) -> str:
        """Returns a new key; the old one is refused from now on."""
        self._check_known(user)
        key = keys.new_key()
        digest = keys.digest(self._store.state.secrets[0], key)
        self._edit(user, lambda old: replace(old, key=digest, key_prefix=key[: keys.PREFIX_CHARS]))
        return key

    @requires(identity.managing_user(UPDATE))
    def activate(self, user: str) -> None:
        """Raises Conflict when the user is active already."""
        self._check_not_root(user, "activate")
        self._check_known(user)
        self._edit(user, lambda old: _switched(user, old, True))

    @requires(identity.managing_user(UPDATE))
    def deactivate(self, user: str, *, revoke_key: bool, caller: Caller) -> None:
        """Raises Conflict when the user is inactive already.

        ``revoke_key``: the key stays refused when the user is activated again; a new one is needed.
        """
        self._check_not_own(user, caller, "deactivate")
        self._check_not_root(user, "deactivate")
        self._check_known(user)
        self._edit(user, lambda old: replace(_switched(user, old, False), key=None if revoke_key else old.key))

    @requires(identity.managing_user(DELETE))
    def delete(self, user: str, caller: Caller) -> None:
        """Deletes the user, with the assignments of roles."""
        self._check_not_own(user, caller, "delete")
        self._check_not_root(user, "delete")
        self._check_known(user)

        def edit(state: AccessState) -> tuple[AccessState, None]:
            users = {other: one for other, one in state.users.items() if other != user}
            own = user_subject(user, DB)
            assigned = {subject: roles for subject, roles in state.assigned.items() if subject != own}
            return replace(state, users=users, assigned=assigned), None

        self._store.change(edit)

    def _edit(self, user: str, change: Callable[[UserRecord], UserRecord]) -> None:
        def edit(state: AccessState) -> tuple[AccessState, None]:
            old = state.users.get(user)
            if old is None:
                raise _unknown(user)
            return replace(state, users={**state.users, user: change(old)}), None

        self._store.change(edit)

    # -- answers

    def _info(self, user: str, known: UserRecord, caller: Caller, times: bool) -> UserInfo:
        sees_key = self._is_root(caller) or not self._rights.names_roles
        return UserInfo(
            user,
            UserSource.DATABASE,
            known.active,
            self._roles_of(user),
            created=known.created,
            key_prefix=known.key_prefix if sees_key else None,
            last_used=(self._store.last_used(user) or None) if times else None,
        )

    def _settings_info(self, user: str) -> UserInfo:
        return UserInfo(user, UserSource.SETTINGS, True, self._roles_of(user))

    def _roles_of(self, user: str) -> tuple[str, ...]:
        rights = self._rights
        return rights.roles_of(user_subject(user, DB)) if isinstance(rights, RoleRights) else ()

    def _settings_users(self) -> list[str]:
        return list(dict.fromkeys(self._settings.apikey_users)) if self._settings.apikey_enabled else []

    # -- checks

    def _is_root(self, caller: Caller) -> bool:
        return is_root(self._settings.rbac, caller)

    def _key_to_adopt(self, user: str, caller: Caller) -> str:
        if self._rights.names_roles and not self._is_root(caller):
            raise Forbidden("only root users can import static api keys")
        for key, owner in environment_keys(self._settings):
            if owner == user:
                return key
        raise NotFound(f"static user {user} does not exist", user=user)

    def _check_enabled(self) -> None:
        if not self._settings.db_users_enabled:
            raise Invalid(
                "db user management is not enabled; start the server with AUTHENTICATION_DB_USERS_ENABLED=true"
            )

    def _check_free(self, user: str) -> None:
        if user in self._settings_users():
            raise Conflict(f"user '{user}' already exists", user=user)
        if user in self._settings.rbac.root_users:
            raise Invalid("cannot create db user with root user name", user=user)
        if user in (*self._settings.admin_list.users, *self._settings.admin_list.readonly_users):
            raise Invalid("cannot create db user with admin list name", user=user)

    def _check_known(self, user: str) -> None:
        self._check_enabled()
        if user in self._store.state.users:
            return
        if user in self._settings_users():
            raise Invalid(f"user '{user}' is static user; change it where the settings are", user=user)
        raise _unknown(user)

    def _check_not_own(self, user: str, caller: Caller, verb: str) -> None:
        self._check_enabled()
        if user == caller.user and caller.user_type == DB:
            raise Invalid(f"cannot {verb} its own user {user!r}", user=user)

    def _check_not_root(self, user: str, verb: str) -> None:
        self._check_enabled()
        if user in self._settings.rbac.root_users:
            raise Invalid(f"cannot {verb} root user", user=user)


def _unknown(user: str) -> NotFound:
    return NotFound(f"there is no user {user[:80]!r}", user=user)


def _switched(user: str, old: UserRecord, active: bool) -> UserRecord:
    if old.active == active:
        raise Conflict(f"user '{user}' is {'active' if active else 'inactive'} already", user=user)
    return replace(old, active=active)
