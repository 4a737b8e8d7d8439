"""Grants: the permissions of one caller's roles, compiled and cached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeAlias

from weft.access.patterns import Match, covers, matcher
from weft.access.permissions import ALL, MATCH, Permission, Right

_MAX_REMEMBERED = 1_000
_MAX_NAME_CHARS = 300
"""The longest names that are cached: names in requests may have any length."""

_Row: TypeAlias = tuple[Match, ...]


class Grants:
    """Immutable except for its cache; safe for any number of threads.

    ``verbs`` are allowed on everything, regardless of the permissions.
    """

    def __init__(self, permissions: Iterable[Permission], verbs: str = "") -> None:
        self._verbs = verbs
        rows: dict[tuple[str, str, str], dict[_Row, None]] = defaultdict(dict)
        self._patterns: dict[tuple[str, str, str], set[tuple[str, ...]]] = defaultdict(set)
        collections: dict[Match, None] = {}
        for one in permissions:
            row = tuple(matcher(name) for name in one.names)
            for verb in one.verbs:
                rows[verb, one.domain, one.scope][row] = None
                self._patterns[verb, one.domain, one.scope].add(one.names)
            if one.domain in ("collections", "data", "tenants"):
                collections[row[0]] = None
        self._rows = {key: tuple(found) for key, found in rows.items()}
        self._collections = tuple(collections)
        self._known: dict[Right | str, bool] = {}

    def allow(self, right: Right) -> bool:
        """Costs about 0.3 µs for a cached right."""
        known = self._known.get(right)
        if known is None:
            rows = self._rows.get((right.verb, right.domain, right.scope), ())
            known = right.verb in self._verbs or any(
                all(match(name) for match, name in zip(row, right.names, strict=True)) for row in rows
            )
            self._remember(right, known)
        return known

    def hold(self, permission: Permission) -> bool:
        """Whether everything that ``permission`` allows is allowed."""
        scopes = (ALL, MATCH) if permission.scope == MATCH else (permission.scope,)
        return all(
            verb in self._verbs
            or any(
                permission.names in patterns or any(all(map(covers, held, permission.names)) for held in patterns)
                for scope in scopes
                if (patterns := self._patterns.get((verb, permission.domain, scope)))
            )
            for verb in permission.verbs
        )

    def has_verbs(self, verbs: str) -> bool:
        """Whether ``verbs`` are allowed on everything."""
        return set(verbs) <= set(self._verbs)

    def touch(self, collection: str) -> bool:
        """Whether there is any permission on ``collection``, its tenants or its objects."""
        known = self._known.get(collection)
        if known is None:
            known = bool(self._verbs) or any(match(collection) for match in self._collections)
            self._remember(collection, known)
        return known

    def _remember(self, key: Right | str, answer: bool) -> None:
        if sum(map(len, (key,) if isinstance(key, str) else key.names)) > _MAX_NAME_CHARS:
            return
        if len(self._known) >= _MAX_REMEMBERED:
            self._known = {}
        self._known[key] = answer
