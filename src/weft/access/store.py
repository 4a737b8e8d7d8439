"""AccessStore: the access state in the data folder, in ``access.json``.

    {"kind": "weft-access", "format": 1, "checksum": XXH3-128 of state in hex, "state": {…}}     (see ``state``)

The file is replaced atomically and synced before a change is visible, so after a crash it holds the state before or
after it. Readers get an immutable ``AccessState``; a change replaces it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import orjson
import xxhash

from weft.access import keys
from weft.access.state import AccessState, UserRecord, from_json, to_json
from weft.domain.errors import CorruptData, Misconfigured
from weft.files import disk
from weft.files.publication import Publication

FILE = "access.json"
PUBLISHED = "access"
"""The name of its publication."""
_KIND, _FORMAT = "weft-access", 1
T = TypeVar("T")


class AccessStore:
    """One per data folder, whose lock the caller holds; processes that follow it know of changes by ``publication``.

    Raises CorruptData, Misconfigured, StorageFull.
    """

    def __init__(self, folder: Path, *, sync: bool = True, publication: Publication | None = None) -> None:
        self._publication = publication or Publication()
        self._path = folder / FILE
        self._sync = sync
        self._lock = threading.Lock()
        self._used: dict[str, float] = {}
        with self._publication.change():  # which ends what a crash has left unfinished
            self._set(self._load())

    @property
    def state(self) -> AccessState:
        """The current state; a reader takes it once."""
        return self._now[0]

    def follow(self) -> None:
        """Have what other processes have changed; there are none here. May wait elsewhere."""

    @property
    def is_shared(self) -> bool:
        """Whether other servers change it: then ``follow`` is called when a request begins."""
        return False

    def find(self, key: str) -> tuple[str, UserRecord] | None:
        """The id and the user of an API key, or None."""
        state, by_key = self._now
        for secret in state.secrets if by_key else ():
            id = by_key.get(keys.digest(secret, key))
            if id is not None:
                return id, state.users[id]
        return None

    def change(self, edit: Callable[[AccessState], tuple[AccessState, T]]) -> T:
        """Apply ``edit`` durably, and return its second result. When it raises, nothing changes."""
        with self._lock:
            state, result = edit(self.state)
            if state is not self.state:
                state = self._with_times(state)
                with self._publication.change():
                    self._write(state)
                    self._set(state)
            return result

    def used(self, user: str) -> None:
        """Record a use by ``user`` now; kept in memory until something else is written, or the server stops."""
        self._used[user] = time.time()

    def last_used(self, user: str) -> float:
        """Unix seconds; 0: never."""
        known = self.state.users.get(user)
        return max(self._used.get(user, 0.0), known.used if known else 0.0)

    def close(self) -> None:
        with self._lock:
            state = self._with_times(self.state)
            if state.users != self.state.users:
                self._write(state)
                self._set(state)

    def _with_times(self, state: AccessState) -> AccessState:
        times = {user: at for user, at in self._used.copy().items() if user in state.users}
        if not times:
            return state
        users = {id: replace(one, used=max(one.used, times.get(id, 0.0))) for id, one in state.users.items()}
        return replace(state, users=users)

    def _set(self, state: AccessState) -> None:
        by_key: Mapping[str, str] = {user.key: id for id, user in state.users.items() if user.key is not None}
        self._now = (state, by_key)

    # -- the file

    def _load(self) -> AccessState:
        if not self._path.exists():
            return AccessState((keys.new_secret(),))
        with disk.explained(self._path):
            raw = self._path.read_bytes()
        try:
            found = orjson.loads(raw)
            kind, version, stated, state = found["kind"], found["format"], found["checksum"], found["state"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise self._damaged("it is not the JSON that was written") from None
        if kind != _KIND or version != _FORMAT:
            raise Misconfigured(
                f"{self._path} has format {version!r}, but this version of Weft reads format {_FORMAT}; open the "
                "folder with the version of Weft that wrote it"
            )
        if _checksum(state) != stated:
            raise self._damaged("it fails its checksum")
        return from_json(state)

    def _write(self, state: AccessState) -> None:
        content = to_json(state)
        document = {"kind": _KIND, "format": _FORMAT, "checksum": _checksum(content), "state": content}
        disk.write_whole(self._path, orjson.dumps(document, option=orjson.OPT_INDENT_2), sync=self._sync, mode=0o600)

    def _damaged(self, what: str) -> CorruptData:
        return CorruptData(
            f"{self._path} is damaged: {what}; restore it from a backup, or remove it to start without roles and "
            "database users",
            path=str(self._path),
        )


def _checksum(content: object) -> str:
    return xxhash.xxh3_128_hexdigest(orjson.dumps(content, option=orjson.OPT_SORT_KEYS))
