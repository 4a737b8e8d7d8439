"""One ``BatchStream``: receive and decode, store in groups, report, each in its own thread and all bounded.

    receiver   messages → decoded objects, acknowledged at receipt        (waits while too many bytes are unstored)
    storer     all that has arrived (up to a limit) → one batch → results (one durable commit for many messages)
    replies    the iterator that gRPC sends from

Results carry the keys of their items as the client sent them: the uuid of an object, the beacon of a reference. Stop or
half-close ends the stream after everything received is stored and reported. If the client disconnects, everything
acknowledged is still stored.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from weft.domain.caller import Caller
from weft.domain.consistency import ConsistencyLevel, consistent
from weft.domain.errors import Invalid, WeftError
from weft.domain.objects import IncomingReference
from weft.domain.place import Elsewhere, placed
from weft.imports.record import ImportKind
from weft.protocol import batch as messages
from weft.service.service import Service
from weft.wire.errors import of_item
from weft.wire.grpc.channel import Channel
from weft.wire.grpc.consistency import asked_level
from weft.wire.grpc.decode_batch import DecodedBatch, beacon, decode_objects, decode_reference, decode_stream_data
from weft.wire.grpc.message_size import STREAMED, check_batch
from weft.wire.grpc.messages import parse
from weft.wire.observing import Observe

MOST_UNSTORED_BYTES = 32 << 20
MOST_GROUP_OBJECTS = 2_000
MOST_GROUP_BYTES = 16 << 20
ADVISED_BATCH_SIZE = 1_000
ADVISED_AFTER = 5
"""Messages of data. A shorter stream gets acknowledgements and results only, as from Weaviate: callers may count
the replies."""
_MOST_UNSENT_BYTES = 16 << 20
_ITEM_BYTES = 200
"""What an item takes beside its bytes, decoded or in a reply: an empty one is not for nothing."""

_STARTED = messages.BatchStreamReply(started=messages.BatchStreamReply.Started()).SerializeToString()
_BACKOFF = messages.BatchStreamReply(
    backoff=messages.BatchStreamReply.Backoff(batch_size=ADVISED_BATCH_SIZE)
).SerializeToString()
_SHUTTING_DOWN = messages.BatchStreamReply(shutting_down=messages.BatchStreamReply.ShuttingDown()).SerializeToString()


class ClientGone(Exception):
    """Raised by the messages of a stream whose client went away."""


@dataclass(frozen=True, slots=True)
class _Arrived:
    """One Data message, decoded."""

    uuids: list[str]
    batch: DecodedBatch
    beacons: list[str]
    references: list[IncomingReference]
    size_bytes: int

    @property
    def items(self) -> int:
        return len(self.uuids) + len(self.beacons)


class BatchStream:
    """``replies`` runs the stream; ``cancel``, ``announce_shutdown`` and ``end`` may be called from other threads.

    ``observe`` gets the time that storing each group took; ``on_stored`` is called when everything is stored;
    ``confirm``, called for each message, raises where the caller is no longer known; ``holder``: whose share of what
    callers have in common is used, such as calls to providers.
    """

    def __init__(
        self,
        requests: Iterator[bytes],
        service: Service,
        caller: Caller,
        observe: Observe | None = None,
        on_stored: Callable[[BatchStream], None] = lambda stream: None,
        confirm: Callable[[], None] = lambda: None,
        holder: str = "",
    ) -> None:
        self._requests = requests
        self._holder = holder
        self._id = secrets.token_hex(8)
        self._confirm = confirm
        self._service = service
        self._caller = caller
        self._observe = observe
        self._inbox: Channel[_Arrived] = Channel(MOST_UNSTORED_BYTES)
        self._outbox: Channel[bytes] = Channel(_MOST_UNSENT_BYTES)
        self._held: _Arrived | None = None
        self._failure: Exception | None = None
        self._taking = threading.Lock()
        """Held from a message's acknowledgement until it is queued for storing: the stream cannot end between."""
        self._ending = False
        self._on_stored = on_stored
        self._level: ConsistencyLevel | None = None
        self.started = False
        """The start message has arrived."""
        self.active_at = time.monotonic()
        """When a message arrived, or objects were stored, for the last time."""
        self.stored = threading.Event()
        """Nothing more will be stored."""

    def replies(self) -> Iterator[bytes]:
        """The encoded replies; raises the error that ended the stream, after the results of everything before."""
        storer = threading.Thread(target=self._store_all, name="weft-stream-store", daemon=True)
        receiver = threading.Thread(target=self._receive_all, name="weft-stream-receive", daemon=True)
        storer.start()
        receiver.start()
        try:
            while (reply := self._outbox.take()) is not None:
                yield reply
        finally:
            self.cancel()
        if self._failure is not None:
            raise self._failure

    def cancel(self) -> None:
        """Called when the replies are no longer read."""
        self._inbox.finish()
        self._outbox.abandon()

    def announce_shutdown(self) -> None:
        self._outbox.put(_SHUTTING_DOWN, wait=False)

    def end(self, error: WeftError | None = None) -> None:
        """Accept nothing more; the replies end, with ``error``, when everything received is stored and reported."""
        if error is not None:
            self._failure = error
        self._ending = True
        if self._taking.acquire(blocking=False):
            self._inbox.finish()
            self._taking.release()

    def _receive_all(self) -> None:
        try:
            self._receive()
        except ClientGone:
            self.cancel()
        except Exception as error:
            self._failure = error
        finally:
            self._inbox.finish()

    def _receive(self) -> None:
        received = 0
        for data in self._requests:
            self._confirm()
            self.active_at = time.monotonic()
            kind, arrived = _read(data)
            if not self.started:
                if kind != "start":
                    raise Invalid("the first message of a batch stream must be a start message")
                self.started = True
                self._level = _level(data)
                self._reply(_STARTED)
            elif arrived is not None:
                received += 1
                if received == ADVISED_AFTER:
                    self._reply(_BACKOFF)
                if not self._take(arrived):
                    return
            elif kind == "stop":
                return
            else:
                raise Invalid("a batch stream takes data messages and at last a stop message after its start message")

    def _reply(self, reply: bytes) -> None:
        """Waits while the client reads too slowly."""
        self._outbox.put(reply, len(reply) + _ITEM_BYTES)

    def _take(self, arrived: _Arrived) -> bool:
        """Acknowledge what arrived; False when nothing more is accepted."""
        with self._taking:
            if self._ending:
                return False
            self._reply(_acks(arrived))
            taken = self._inbox.put(arrived, arrived.size_bytes + arrived.items * _ITEM_BYTES)
        return taken and not self._ending

    def _store_all(self) -> None:
        try:
            while group := self._next_group():
                started = time.perf_counter()
                with placed(Elsewhere(self._holder)), consistent(self._level):
                    stored, linked = self._store(group)
                if self._observe is not None:
                    self._observe("grpc", "BatchStream", "OK", time.perf_counter() - started)
                self._reply(_results(group, stored, linked))
                self.active_at = time.monotonic()
        except Exception as error:
            self._failure = error
        finally:
            self._inbox.abandon()
            self._service.imports.end_stream(self._id)
            self._outbox.finish()
            self.stored.set()
            self._on_stored(self)

    def _next_group(self) -> list[_Arrived]:
        """What has arrived, in order. Objects that follow references start a new group, for these are stored last."""
        first = self._held or self._inbox.take()
        self._held = None
        if first is None:
            return []
        group, objects, size_bytes = [first], len(first.uuids), first.size_bytes
        while objects < MOST_GROUP_OBJECTS and size_bytes < MOST_GROUP_BYTES:
            arrived = self._inbox.take_if_waiting()
            if arrived is None:
                break
            if group[-1].references and arrived.uuids:
                self._held = arrived
                break
            group.append(arrived)
            objects += len(arrived.uuids)
            size_bytes += arrived.size_bytes
        return group

    def _store(self, group: Sequence[_Arrived]) -> tuple[list[WeftError | None], list[WeftError | None]]:
        """The result of each object and of each reference of the group."""
        objects = [incoming for arrived in group for incoming in arrived.batch.objects]
        references = [reference for arrived in group for reference in arrived.references]
        stored: Sequence[WeftError | None] = ()
        linked: Sequence[WeftError | None] = ()
        with self._service.imports.batch(self._caller, "grpc", ImportKind.STREAM, self._id) as batch:
            batch.storing(objects, [one for arrived in group for one in arrived.batch.unread()])
            if objects:
                try:
                    stored = self._service.objects.batch(objects, self._caller)
                except WeftError as error:
                    stored = [error] * len(objects)
            batch.stored(stored)
            if references:
                try:
                    linked = self._service.references.link(references)
                except WeftError as error:
                    linked = [error] * len(references)
            batch.linked(references, linked)
        return list(stored), list(linked)


def _read(data: bytes) -> tuple[str | None, _Arrived | None]:
    """The kind of a message, and its data if it has any. Raises Invalid, TooLarge."""
    batch = decode_stream_data(data)
    if batch is not None:
        return "data", _Arrived([str(one.uuid) for one in batch.objects], batch, [], [], len(data))
    check_batch(STREAMED, data, "objects and references")
    message = parse(messages.BatchStreamRequest, data)
    kind = message.WhichOneof("message")
    return kind, _decode(message.data, len(data)) if kind == "data" else None


def _level(start: bytes) -> ConsistencyLevel | None:
    return asked_level(parse(messages.BatchStreamRequest, start).start.consistency_level)


def _decode(data: messages.BatchStreamRequest.Data, size_bytes: int) -> _Arrived:
    objects, references = data.objects.values, data.references.values
    return _Arrived(
        uuids=[message.uuid for message in objects],
        batch=decode_objects(objects),
        beacons=[beacon(message) for message in references],
        references=[decode_reference(message) for message in references],
        size_bytes=size_bytes,
    )


def _acks(arrived: _Arrived) -> bytes:
    acks = messages.BatchStreamReply.Acks(uuids=arrived.uuids, beacons=arrived.beacons)
    return messages.BatchStreamReply(acks=acks).SerializeToString()


def _results(
    group: Sequence[_Arrived], stored: Sequence[WeftError | None], linked: Sequence[WeftError | None]
) -> bytes:
    reply = messages.BatchStreamReply()
    results = reply.results
    results.SetInParent()
    next_object = next_reference = 0
    for arrived in group:
        after = next_object + len(arrived.batch.objects)
        errors = arrived.batch.with_results(stored[next_object:after])
        next_object = after
        for place, uuid in enumerate(arrived.uuids):
            error = errors.get(place)
            if error is None:
                results.successes.add(uuid=uuid)
            else:
                results.errors.add(uuid=uuid, error=of_item(error))
        for key in arrived.beacons:
            error = linked[next_reference]
            next_reference += 1
            if error is None:
                results.successes.add(beacon=key)
            else:
                results.errors.add(beacon=key, error=of_item(error))
    return reply.SerializeToString()
