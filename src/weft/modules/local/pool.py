"""ModelPool: the models in this process, each loaded once and shared by all collections."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from weft.domain.errors import Overloaded, WeftError
from weft.domain.objects import Vector
from weft.modules.local.role_text import RoleText
from weft.modules.local.scheduler import Encoder, Scheduler, Urgency
from weft.modules.registry import ModelState

_CACHED_QUERIES = 1024
_CACHED_CHARS = 2_000
"""The most characters in a query that is cached: longer ones are rare."""

Loaded = TypeVar("Loaded", bound=Encoder[Any], covariant=True)


@dataclass
class _Entry:
    """A model's scheduler and the vectors of its latest queries; ``ready`` guards loading."""

    ready: threading.Lock = field(default_factory=threading.Lock)
    scheduler: Scheduler[Any] | None = None
    queries: OrderedDict[str | RoleText, Vector] = field(default_factory=OrderedDict)
    dropped: bool = False
    bytes: int = 0
    """By how much the process grew when the model was loaded."""


class ModelPool:
    """Loads each model at its first use and keeps it until ``unload`` or ``close``.

    ``threads`` (0: one per core) is the number of workers of each model, separately for queries and for documents;
    each runs one batch at a time on one thread, which embeds more texts per second than one run on all threads. A model
    on a GPU has one worker for each.
    """

    def __init__(self, *, threads: int = 0, queue_limit: int = 100_000) -> None:
        self.threads = threads or os.cpu_count() or 1
        self._queue_limit = queue_limit
        self._lock = threading.Lock()
        self._models: dict[str, _Entry] = {}
        self._closed = False

    def model(self, key: str, load: Callable[[], Loaded]) -> PooledModel[Loaded]:
        """The model named ``key``, which ``load`` loads on first use."""
        return PooledModel(self, key, load)

    def embed(
        self, key: str, load: Callable[[], Encoder[Any]], items: Sequence[Any], urgency: Urgency
    ) -> list[Vector | WeftError]:
        """One vector or error for each item by the model named ``key``, in order, without caching."""
        return self._scheduler(self._entry(key), load).embed(items, urgency)

    def embed_queries(
        self, key: str, load: Callable[[], Encoder[Any]], texts: Sequence[str | RoleText]
    ) -> list[Vector | WeftError]:
        """As ``embed``, for texts of queries; the latest are cached."""
        entry = self._entry(key)
        with self._lock:
            known = {text: entry.queries[text] for text in texts if text in entry.queries}
            for text in known:
                entry.queries.move_to_end(text)
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        found: dict[str | RoleText, Vector | WeftError] = dict(known)
        if missing:
            made = self._scheduler(entry, load).embed(missing, Urgency.QUERY)
            found.update(zip(missing, made, strict=True))
            self._remember(entry, found)
        return [found[text] for text in texts]

    def encoder(self, key: str, load: Callable[[], Encoder[Any]]) -> Encoder[Any]:
        """The model itself, for the form of its inputs; the other methods compute vectors."""
        return self._scheduler(self._entry(key), load).encoder

    def loaded(self) -> list[str]:
        """The keys of the models in memory."""
        return [key for key, _ in self._schedulers()]

    def state(self) -> list[ModelState]:
        """The models in memory, by name; one that is loaded in two ways, such as with two poolings, appears twice."""
        with self._lock:
            sizes = {key: one.bytes for key, one in self._models.items()}
        return sorted(
            ModelState(one.encoder.name, one.waiting, one.workers, one.embedded, sizes.get(key, 0), one.truncated)
            for key, one in self._schedulers()
        )

    def unload(self, key: str) -> None:
        """Release a model; its next use loads it again. Waiting requests are refused as Overloaded."""
        with self._lock:
            entry = self._models.pop(key, None)
        if entry is not None:
            self._stop(entry)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            entries = list(self._models.values())
            self._models.clear()
        for entry in entries:
            self._stop(entry)

    def _schedulers(self) -> list[tuple[str, Scheduler[Any]]]:
        with self._lock:
            return [(key, one.scheduler) for key, one in sorted(self._models.items()) if one.scheduler is not None]

    def _entry(self, key: str) -> _Entry:
        with self._lock:
            if self._closed:
                raise Overloaded("the server is stopping; no more texts are embedded")
            return self._models.setdefault(key, _Entry())

    def _scheduler(self, entry: _Entry, load: Callable[[], Encoder[Any]]) -> Scheduler[Any]:
        if entry.scheduler is not None:
            return entry.scheduler
        with entry.ready:
            if entry.dropped:
                raise Overloaded("the model is being unloaded; send the request again")
            if entry.scheduler is None:
                before = _own_bytes()
                encoder = load()
                entry.bytes = max(0, _own_bytes() - before)
                workers = self.threads if encoder.parallel else 1
                entry.scheduler = Scheduler(encoder, workers=workers, queue_limit=self._queue_limit)
            return entry.scheduler

    def _remember(self, entry: _Entry, found: dict[str | RoleText, Vector | WeftError]) -> None:
        with self._lock:
            for text, vector in found.items():
                if not isinstance(vector, WeftError) and len(text) <= _CACHED_CHARS:
                    vector.flags.writeable = False
                    entry.queries[text] = vector
            while len(entry.queries) > _CACHED_QUERIES:
                entry.queries.popitem(last=False)

    @staticmethod
    def _stop(entry: _Entry) -> None:
        with entry.ready:
            entry.dropped = True
            if entry.scheduler is not None:
                entry.scheduler.close()


def _own_bytes() -> int:
    """Of this process's memory, without what files are mapped to; 0 where that is unknown."""
    try:
        pages = Path("/proc/self/statm").read_text().split()
    except OSError:
        return 0
    return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class PooledModel(Generic[Loaded]):
    """One model of a pool, loaded on first use."""

    pool: ModelPool
    key: str
    load: Callable[[], Loaded]

    def embed_documents(self, items: Sequence[Any]) -> list[Vector | WeftError]:
        """One vector or error for each item, in order; after waiting queries."""
        return self.pool.embed(self.key, self.load, items, Urgency.DOCUMENT)

    def embed_urgently(self, items: Sequence[Any]) -> list[Vector | WeftError]:
        """As ``embed_documents``, but before waiting documents."""
        return self.pool.embed(self.key, self.load, items, Urgency.QUERY)

    def embed_queries(self, texts: Sequence[str | RoleText]) -> list[Vector | WeftError]:
        """As ``embed_urgently``, for texts of queries; the latest are cached."""
        return self.pool.embed_queries(self.key, self.load, texts)

    @property
    def encoder(self) -> Loaded:
        """The model itself, for the form of its inputs. Each key always has the same class."""
        return self.pool.encoder(self.key, self.load)  # type: ignore[return-value]
