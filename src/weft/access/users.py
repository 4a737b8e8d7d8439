"""The verbs on database users: create, read, rotate their keys, activate, deactivate, delete; and who the caller is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from weft.access import identity, keys
from weft.access.authenticator import environment_keys
from weft.access.permissions import CREATE, DELETE, READ, UPDATE, Right
from weft.access.requirement import public, requires
from weft.access.rights import ANONYMOUS, Rights, subjects
from weft.access.roles import DB, Roles
from weft.access.store import AccessStore, State, User
from weft.domain.caller import Caller
from weft.domain.errors import Conflict, Forbidden, Invalid, NotFound
from weft.settings.access import AccessSettings

_NAME = re.compile(r"[A-Za-z][-_0-9A-Za-z@.]{0,127}")
_DB_USER, _ENV_USER = "db_user", "db_env_user"


class Users:
    def __init__(self, settings: AccessSettings, store: AccessStore, rights: Rights, roles: Roles) -> None:
        self._settings = settings
        self._store = store
        self._rights = rights
        self._roles = roles

    @public
    def me(self, caller: Caller) -> dict[str, Any]:
        """``roles`` is null for whoever has none."""
        roles = self._roles.documents_of(subjects(caller)) if caller.user is not None else []
        return {"username": caller.user or ANONYMOUS, "groups": list(caller.groups), "roles": roles or None}

    @public
    def all(self, caller: Caller, *, times: bool) -> list[dict[str, Any]]:
        """Those that the caller may read; root users see those of the settings too. ``times``: when last used."""
        if not self._settings.db_users_enabled:
            return []
        users = self._store.state.users
        seen = [user for user in sorted(users) if self._rights.may(caller, Right(READ, "users", (user,)))]
        shown = [self._document(user, users[user], caller, times) for user in seen]
        if self._roles.is_root_user(caller):
            shown += [self._environment_document(user) for user in self._environment_users() if user not in users]
        return shown

    @requires(identity.user(READ))
    def get(self, user: str, caller: Caller, *, times: bool) -> dict[str, Any]:
        self._check_enabled()
        known = self._store.state.users.get(user)
        if known is not None:
            return self._document(user, known, caller, times)
        if self._roles.is_root_user(caller) and user in self._environment_users():
            return self._environment_document(user)
        raise NotFound(f"there is no user {user[:80]!r}", user=user)

    @requires(identity.user(CREATE))
    def create(self, user: str, *, adopt: bool = False, created: float | None = None, caller: Caller) -> str:
        """The new user's key, which is told this once. ``adopt``: take a user of the settings over, with his key.

        What becomes of that key is decided here from then on: once it is rotated, revoked or gone with the user, that
        it still stands in the settings lets nobody in.
        """
        if not _NAME.fullmatch(user):
            raise Invalid(
                f"'{user[:80]}' is not a valid user name; use up to 128 letters, digits and -_@., a letter first"
            )
        self._check_enabled()
        key = self._adopted(user, caller) if adopt else keys.new_key()
        if not adopt:
            self._check_free(user)

        def edit(state: State) -> tuple[State, None]:
            if user in state.users:
                raise Conflict(f"user '{user}' already exists", user=user)
            made = User(keys.digest(state.secrets[0], key), key[: keys.SHOWN_LETTERS], True, created or time.time())
            adopted = state.adopted | {user} if adopt else state.adopted
            return replace(state, users={**state.users, user: made}, adopted=adopted), None

        self._store.change(edit)
        return key

    @requires(identity.user(UPDATE))
    def rotate(self, user: str) -> str:
        """A new key; the old one is refused from now on."""
        self._check_known(user)
        key = keys.new_key()
        secret = self._store.state.secrets[0]
        self._edit(user, lambda old: replace(old, key=keys.digest(secret, key), letters=key[: keys.SHOWN_LETTERS]))
        return key

    @requires(identity.user(UPDATE))
    def activate(self, user: str) -> None:
        self._check_not_root(user, "activate")
        self._check_known(user)
        self._edit(user, lambda old: _switched(user, old, True))

    @requires(identity.user(UPDATE))
    def deactivate(self, user: str, *, revoke_key: bool, caller: Caller) -> None:
        """``revoke_key``: his key stays refused when he is active again; a new one must be made."""
        self._check_not_own(user, caller, "deactivate")
        self._check_not_root(user, "deactivate")
        self._check_known(user)
        self._edit(user, lambda old: replace(_switched(user, old, False), key=None if revoke_key else old.key))

    @requires(identity.user(DELETE))
    def delete(self, user: str, caller: Caller) -> None:
        """With the roles that were assigned to him."""
        self._check_not_own(user, caller, "delete")
        self._check_not_root(user, "delete")
        self._check_known(user)

        def edit(state: State) -> tuple[State, None]:
            users = {other: one for other, one in state.users.items() if other != user}
            assigned = {subject: roles for subject, roles in state.assigned.items() if subject != f"{DB}:{user}"}
            return replace(state, users=users, assigned=assigned), None

        self._store.change(edit)

    # -- inside

    def _document(self, user: str, known: User, caller: Caller, times: bool) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "userId": user,
            "dbUserType": _DB_USER,
            "active": known.active,
            "roles": self._roles.names_of([f"{DB}:{user}"]),
            "createdAt": _instant(known.created),
        }
        if self._roles.is_root_user(caller) or not self._rights.names_roles:
            shown["apiKeyFirstLetters"] = known.letters
        used = self._store.last_used(user)
        if times and used:
            shown["lastUsedAt"] = _instant(used)
        return shown

    def _environment_document(self, user: str) -> dict[str, Any]:
        roles = self._roles.names_of([f"{DB}:{user}"])
        return {"userId": user, "dbUserType": _ENV_USER, "active": True, "roles": roles}

    def _environment_users(self) -> list[str]:
        return list(dict.fromkeys(self._settings.apikey_users)) if self._settings.apikey_enabled else []

    def _edit(self, user: str, change: Callable[[User], User]) -> None:
        def edit(state: State) -> tuple[State, None]:
            old = state.users.get(user)
            if old is None:
                raise NotFound(f"there is no user {user[:80]!r}", user=user)
            return replace(state, users={**state.users, user: change(old)}), None

        self._store.change(edit)

    def _adopted(self, user: str, caller: Caller) -> str:
        if self._rights.names_roles and not self._roles.is_root_user(caller):
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
        if user in self._environment_users():
            raise Conflict(f"user '{user}' already exists", user=user)
        if user in self._settings.rbac.root_users:
            raise Invalid("cannot create db user with root user name", user=user)
        if user in (*self._settings.admin_list.users, *self._settings.admin_list.readonly_users):
            raise Invalid("cannot create db user with admin list name", user=user)

    def _check_known(self, user: str) -> None:
        self._check_enabled()
        if user in self._store.state.users:
            return
        if user in self._environment_users():
            raise Invalid(f"user '{user}' is static user; change it where the settings are", user=user)
        raise NotFound(f"there is no user {user[:80]!r}", user=user)

    def _check_not_own(self, user: str, caller: Caller, verb: str) -> None:
        self._check_enabled()
        if user == caller.user and caller.user_type == DB:
            raise Invalid(f"cannot {verb} its own user {user!r}", user=user)

    def _check_not_root(self, user: str, verb: str) -> None:
        self._check_enabled()
        if user in self._settings.rbac.root_users:
            raise Invalid(f"cannot {verb} root user", user=user)


def _switched(user: str, old: User, active: bool) -> User:
    if old.active == active:
        raise Conflict(f"user '{user}' is {'active' if active else 'inactive'} already", user=user)
    return replace(old, active=active)


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
