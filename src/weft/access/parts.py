"""The parts of backups from this room: roles with their assignments, and users with the hashes of their keys.

A part is written as text, all of it or only some names; loading such a text leaves everything else as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import orjson

from weft.access.assigned import DB
from weft.access.state import AccessState, from_json, to_json
from weft.access.store import AccessStore
from weft.domain.errors import CorruptData, Invalid

T = TypeVar("T")


class RolesPart:
    """``known``: the users of the settings."""

    def __init__(self, store: AccessStore, known: frozenset[str] = frozenset()) -> None:
        self._store = store
        self._known = known

    def names(self) -> Sequence[str]:
        return sorted(self._store.state.roles)

    def dump(self, names: Sequence[str] | None) -> str:
        state = self._store.state
        if names is not None:
            assigned = {subject: tuple(r for r in roles if r in names) for subject, roles in state.assigned.items()}
            assigned = {subject: roles for subject, roles in assigned.items() if roles}
            state = replace(state, roles=_only(state.roles, names), assigned=assigned)
        return _text(state, "roles", "assigned")

    def load(self, text: str) -> Callable[[], None]:
        """Restores the roles that do not exist, and their assignments. Built-in roles and those that exist are assigned
        only to those who have no roles yet: what exists stays as it is."""
        loaded = _state(text)

        def edit(state: AccessState) -> tuple[AccessState, AccessState]:
            new = {name: permissions for name, permissions in loaded.roles.items() if name not in state.roles}
            given: dict[str, tuple[str, ...]] = {}
            for subject, roles in loaded.assigned.items():
                held = state.assigned.get(subject, ())
                added = {role for role in roles if role in new or (not held and not self._exists(state, subject))}
                if added:
                    given[subject] = tuple(sorted({*held, *added}))
            return replace(state, roles={**state.roles, **new}, assigned={**state.assigned, **given}), state

        before = self._store.change(edit)

        def unload(state: AccessState) -> tuple[AccessState, None]:
            roles = _as_before(state.roles, before.roles, loaded.roles)
            assigned = _as_before(state.assigned, before.assigned, loaded.assigned)
            return replace(state, roles=roles, assigned=assigned), None

        return lambda: self._store.change(unload)

    def _exists(self, state: AccessState, subject: str) -> bool:
        """Of a database user, or one of the settings; of others only the identity provider knows."""
        user_type, _, user = subject.partition(":")
        return user_type == DB and (user in state.users or user in self._known)


class UsersPart:
    """Its text is secret: it can be used to test guesses of keys. ``known``: the users of the settings."""

    def __init__(self, store: AccessStore, known: frozenset[str] = frozenset()) -> None:
        self._store = store
        self._known = known

    def names(self) -> Sequence[str]:
        return sorted(self._store.state.users)

    def dump(self, names: Sequence[str] | None) -> str:
        state = self._store.state
        if names is not None:
            state = replace(state, users=_only(state.users, names), adopted=state.adopted & frozenset(names))
        return _text(state, "secrets", "users", "adopted")

    def load(self, text: str) -> Callable[[], None]:
        """Restores the users that do not exist; their keys at the time of the backup are valid again."""
        loaded = _state(text)

        def edit(state: AccessState) -> tuple[AccessState, AccessState]:
            new = {
                user: one for user, one in loaded.users.items() if user not in state.users and user not in self._known
            }
            secrets = tuple(dict.fromkeys([*state.secrets, *loaded.secrets]))
            users, adopted = {**state.users, **new}, state.adopted | (loaded.adopted & new.keys())
            return replace(state, secrets=secrets, users=users, adopted=adopted), state

        before = self._store.change(edit)

        def unload(state: AccessState) -> tuple[AccessState, None]:
            users = _as_before(state.users, before.users, loaded.users)
            return replace(state, users=users, adopted=state.adopted - (loaded.adopted - before.adopted)), None

        return lambda: self._store.change(unload)


def _only(entries: Mapping[str, T], names: Container[str]) -> dict[str, T]:
    return {name: entry for name, entry in entries.items() if name in names}


def _as_before(now: Mapping[str, T], before: Mapping[str, T], loaded: Container[str]) -> dict[str, T]:
    """``now``, but with the names in ``loaded`` as they were ``before``."""
    kept = {name: entry for name, entry in now.items() if name not in loaded}
    return kept | {name: entry for name, entry in before.items() if name in loaded}


def _text(state: AccessState, *keys: str) -> str:
    content = to_json(state)
    return orjson.dumps({key: content[key] for key in keys}).decode()


def _state(text: str) -> AccessState:
    try:
        return from_json({"secrets": [], "roles": {}, "assigned": {}, "users": {}, **orjson.loads(text)})
    except (ValueError, TypeError, KeyError, AttributeError, Invalid) as error:
        raise CorruptData(f"the backup's roles or users cannot be read: {error}; use another backup") from error
