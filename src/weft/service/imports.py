"""Imports: what is recorded of each batch that a wire stores, and the verbs on what was recorded.

A wire begins a ``RecordedBatch`` before it stores objects, and gives it their results, also those of objects that it
could not decode. So what rights refuse is in it, too. Of a thousand objects without an error it costs one pass over
their collections.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import TracebackType
from typing import Final

from weft.access.permissions import DELETE, READ
from weft.access.requirement import requires
from weft.domain.caller import Caller
from weft.domain.errors import NotFound, WeftError
from weft.domain.metering import WorkMeter, metered_by_collection
from weft.domain.names import collection_name
from weft.domain.objects import IncomingObject, IncomingReference
from weft.domain.unread_object import UnreadObject
from weft.imports.ledger import BatchOutcome, ImportLedger
from weft.imports.record import ImportKey, ImportKind, ImportRecord, ImportStatus
from weft.imports.rows import SentObject
from weft.service.collections import Collections
from weft.service.permissions.imports import readable_imports, recording_batch, using_import

_COLLECTION: Final = attrgetter("collection")
_MOST_CHARS: Final = 300
"""Of a name that is no collection's."""


@dataclass(frozen=True, slots=True)
class KnownImport:
    record: ImportRecord
    status: ImportStatus

    @property
    def collections(self) -> Sequence[str]:
        return (self.record.collection,)


class Imports:
    """``ledger`` None: nothing is recorded."""

    def __init__(self, ledger: ImportLedger | None, collections: Collections) -> None:
        self._ledger = ledger
        self._collections = collections

    # -- for the wires

    @requires(recording_batch, preliminary=True)
    def batch(self, caller: Caller, wire: str, kind: ImportKind = ImportKind.BATCH, stream: str = "") -> RecordedBatch:
        """A batch that is about to be stored. ``stream``: the id of the stream that it is of."""
        return RecordedBatch(self._ledger, self._collections, caller, wire, kind, stream)

    @requires(recording_batch, preliminary=True)
    def end_stream(self, stream: str) -> None:
        """No batch of it follows."""
        if self._ledger is not None:
            self._ledger.end(stream)

    # -- verbs

    @requires(redact=readable_imports)
    def list(self) -> list[KnownImport]:
        """The latest first; old ones are forgotten."""
        return [] if self._ledger is None else [KnownImport(*one) for one in self._ledger.records()]

    @requires(using_import(READ))
    def get(self, id: str) -> KnownImport:
        """Raises NotFound."""
        found = None if self._ledger is None else self._ledger.find(id)
        if found is None:
            raise NotFound(f"no import has the id {id[:80]!r}; weft imports lists the reports that are kept")
        return KnownImport(*found)

    @requires(using_import(READ))
    def rejected(self, id: str) -> bytes:
        """The refused objects as JSON Lines, which can be imported again. Raises NotFound."""
        self.get(id)
        return b"" if self._ledger is None else self._ledger.rejected(id)

    @requires(using_import(DELETE))
    def delete(self, id: str) -> None:
        """Forget the report and the refused objects. Raises NotFound."""
        self.get(id)
        if self._ledger is not None:
            self._ledger.forget(id)

    # -- parts

    def collections(self, id: str) -> Sequence[str]:
        """The collection of an import, for authorization; none where there is no such import."""
        found = None if self._ledger is None else self._ledger.find(id)
        return () if found is None else (found[0].collection,)

    def forget_collection(self, name: str) -> None:
        if self._ledger is not None:
            self._ledger.forget_collection(name)

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()


class RecordedBatch:
    """Used as ``with service.imports.batch(…) as batch``; records at the end of the block.

    An error that ends the block is that of each object which has no result by then.
    """

    __slots__ = (
        *("_caller", "_collections", "_kind", "_ledger", "_linked", "_links", "_meters", "_metering", "_objects"),
        *("_results", "_started", "_stream", "_unread", "_wire"),
    )

    def __init__(
        self,
        ledger: ImportLedger | None,
        collections: Collections,
        caller: Caller,
        wire: str,
        kind: ImportKind,
        stream: str,
    ) -> None:
        self._ledger = ledger
        self._collections = collections
        self._caller = caller
        self._wire = wire
        self._kind = kind
        self._stream = stream
        self._objects: Sequence[IncomingObject] = ()
        self._results: Sequence[WeftError | None] | None = None
        self._unread: Sequence[tuple[UnreadObject, WeftError]] = ()
        self._links: Sequence[IncomingReference] = ()
        self._linked: Sequence[WeftError | None] = ()
        self._metering = metered_by_collection()
        self._meters: dict[str, WorkMeter] = {}

    def storing(self, objects: Sequence[IncomingObject], unread: Sequence[tuple[UnreadObject, WeftError]] = ()) -> None:
        """What the batch holds; ``unread``: objects that the wire could not decode, which ``stored`` leaves out."""
        self._objects, self._unread = objects, unread

    def stored(self, results: Sequence[WeftError | None]) -> None:
        """One for each object."""
        self._results = results

    def linked(self, references: Sequence[IncomingReference], results: Sequence[WeftError | None]) -> None:
        self._links, self._linked = references, results

    def __enter__(self) -> RecordedBatch:
        self._started = time.perf_counter()
        if self._ledger is not None:
            self._meters = self._metering.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ledger is None:
            return
        self._metering.__exit__()
        if self._results is None:
            refusal = error if isinstance(error, WeftError) else WeftError("internal error; the server's log has it")
            self._results = [None if error is None else refusal] * len(self._objects)
        took_ms = (time.perf_counter() - self._started) * 1000
        shares = self._shares()
        for name, share in shares.items():
            key = ImportKey(name, self._caller.user, self._wire, self._kind, self._stream)
            config = self._collections.find(name) if share.has_errors else None
            names = {name} if config is None else {name, *config.config.by_name}
            self._ledger.add(key, share.outcome(took_ms / len(shares), self._meters.get(name), names))

    def _shares(self) -> dict[str, _Share]:
        """By the name of the collection; also of one that there is not."""
        shares: defaultdict[str, _Share] = defaultdict(_Share)
        named = _CanonicalNames(self._collections)
        results = self._results or ()
        for name, number in Counter(map(_COLLECTION, self._objects)).items():
            shares[named[name]].stored += number
        if len(results) != results.count(None):
            for one, result in zip(self._objects, results, strict=True):
                if result is not None:
                    share = shares[named[one.collection]]
                    share.stored -= 1
                    share.refused.append((one, result))
        for unread, reason in self._unread:
            shares[named[unread.collection]].refused.append((unread, reason))
        for link, result in zip(self._links, self._linked, strict=True):
            share = shares[named[link.collection]]
            if result is None:
                share.linked += 1
            else:
                share.link_errors.append((link.uuid, result))
        return shares


class _CanonicalNames(dict[str, str]):
    """The names of collections by what requests call them: aliases, and names that begin with a small letter."""

    def __init__(self, collections: Collections) -> None:
        self._collections = collections

    def __missing__(self, given: str) -> str:
        name = collection_name(given[:_MOST_CHARS])
        found = self._collections.find(name)
        self[given] = name if found is None else found.config.name
        return self[given]


class _Share:
    """What a batch has for one collection."""

    def __init__(self) -> None:
        self.stored = self.linked = 0
        self.refused: list[tuple[SentObject, WeftError]] = []
        self.link_errors: list[tuple[str, WeftError]] = []

    @property
    def has_errors(self) -> bool:
        return bool(self.refused or self.link_errors)

    def outcome(self, storing_ms: float, meter: WorkMeter | None, names: set[str]) -> BatchOutcome:
        return BatchOutcome(self.stored, self.refused, self.linked, self.link_errors, storing_ms, meter, names)
