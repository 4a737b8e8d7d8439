"""``BatchStream`` through real channels."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Sequence
from uuid import uuid4

import grpc
import pytest

from in_process import Recording
from unit.wire.grpc.channels import HEALTH, ask, batch_object, stream
from unit.wire.grpc.test_server import count
from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.objects import IncomingObject, IncomingReference
from weft.domain.place import holder
from weft.protocol import batch
from weft.wire.grpc import GrpcServer
from weft.wire.grpc.server import DEFAULT_LIMITS
from weft.wire.grpc.stream import ADVISED_AFTER

Request = batch.BatchStreamRequest
START = Request(start=Request.Start())
STOP = Request(stop=Request.Stop())


def objects(*titles: str | float) -> Request:
    message = Request()
    message.data.objects.values.extend(batch_object(title) for title in titles)
    return message


def kinds(replies: Iterable[batch.BatchStreamReply]) -> list[str | None]:
    return [reply.WhichOneof("message") for reply in replies]


def results(replies: Iterable[batch.BatchStreamReply]) -> tuple[dict[str, str], list[str]]:
    """Errors and successes by key."""
    errors, successes = {}, []
    for reply in replies:
        errors.update({e.uuid or e.beacon: e.error for e in reply.results.errors})
        successes += [s.uuid or s.beacon for s in reply.results.successes]
    return errors, successes


def test_a_whole_stream(channel: grpc.Channel, world: Recording) -> None:
    first, second = objects("a", "b"), objects("c", 3)
    replies = list(stream(channel, iter([START, first, second, STOP])))
    assert kinds(replies)[0] == "started"
    assert {*kinds(replies)[1:]} == {"acks", "results"}
    acknowledged = [uuid for reply in replies for uuid in reply.acks.uuids]
    sent = [o.uuid for m in (first, second) for o in m.data.objects.values]
    assert acknowledged == sent
    errors, successes = results(replies)
    assert successes == sent[:3]
    assert list(errors) == sent[3:]
    assert count(world) == 3
    (report,) = world.service.imports.list()
    assert (report.record.kind, report.status, report.record.refused) == ("stream", "ENDED", 1)


def test_a_longer_stream_is_advised_of_a_larger_batch(channel: grpc.Channel) -> None:
    replies = list(stream(channel, iter([START, *(objects(str(n)) for n in range(ADVISED_AFTER)), STOP])))
    (advice,) = [reply for reply in replies if reply.HasField("backoff")]
    assert advice.backoff.batch_size == 1000


def test_half_close_ends_the_stream_too(channel: grpc.Channel) -> None:
    assert len(results(list(stream(channel, iter([START, objects("a")]))))[1]) == 1


class Batches:
    """The verb ``batch`` of the service, which waits until it may go on and notes how large each batch is."""

    def __init__(self, world: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self.entered, self.may_continue = threading.Event(), threading.Event()
        self._batch = world.service.objects.batch
        monkeypatch.setattr(world.service.objects, "batch", self.run)

    def run(self, incoming: Sequence[IncomingObject], caller: Caller) -> list[WeftError | None]:
        self.entered.set()
        assert self.may_continue.wait(20)
        self.sizes.append(len(incoming))
        return self._batch(incoming, caller)


def test_many_messages_become_few_batches(
    channel: grpc.Channel, world: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = Batches(world, monkeypatch)
    messages = [objects(*(str(i) for i in range(20))) for _ in range(100)]
    call = stream(channel, iter([START, *messages, STOP]))
    received: list[batch.BatchStreamReply] = []
    acknowledged = 0
    for reply in call:
        received.append(reply)
        acknowledged += len(reply.acks.uuids)
        if acknowledged == 2000:
            batches.may_continue.set()
    assert len(results(received)[1]) == 2000
    assert sum(batches.sizes) == 2000
    assert len(batches.sizes) < 50
    assert max(batches.sizes) <= 2050


def test_a_stream_stores_in_the_share_of_its_caller(
    channel: grpc.Channel, world: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, holders = world.service.objects.batch, list[str]()

    def noted(incoming: Sequence[IncomingObject], caller: Caller) -> list[WeftError | None]:
        holders.append(holder())
        return store(incoming, caller)

    monkeypatch.setattr(world.service.objects, "batch", noted)
    list(stream(channel, iter([START, objects("a"), STOP])))
    list(stream(channel, iter([START, objects("a"), STOP]), metadata=[("authorization", "Bearer right")]))
    by_address, by_name = holders
    assert "127.0.0.1" in by_address and by_name == "ada"


def test_undecodable_objects_are_results_with_their_own_key(channel: grpc.Channel) -> None:
    message = objects("a")
    message.data.objects.values.add(uuid="not-a-uuid", collection="Article")
    message.data.objects.values.add(uuid=str(uuid4()), collection="Article", vector_bytes=b"123")
    errors, successes = results(list(stream(channel, iter([START, message, STOP]))))
    assert list(errors) == ["not-a-uuid", message.data.objects.values[2].uuid]
    assert len(successes) == 1


def test_references_are_answered_by_their_beacon(channel: grpc.Channel) -> None:
    message = objects("a")
    message.data.references.values.add(name="r", from_collection="article", from_uuid="X", to_uuid="Y")
    replies = list(stream(channel, iter([START, message, STOP])))
    beacon = "weaviate://localhost/article/X/r"
    assert [b for reply in replies for b in reply.acks.beacons] == [beacon]
    errors, successes = results(replies)
    assert list(errors) == [beacon]
    assert len(successes) == 1


def test_references_are_linked_after_the_objects_before_them(
    channel: grpc.Channel, world: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To an object that comes before it; from objects that come after it, in a group of their own."""
    order: list[str] = []
    batch_objects, link = world.service.objects.batch, world.service.references.link

    def noted_batch(incoming: Sequence[IncomingObject], caller: Caller) -> list[WeftError | None]:
        order.append("objects")
        return batch_objects(incoming, caller)

    def noted_link(references: Sequence[IncomingReference]) -> list[WeftError | None]:
        order.append("link")
        return link(references)

    monkeypatch.setattr(world.service.objects, "batch", noted_batch)
    monkeypatch.setattr(world.service.references, "link", noted_link)
    first = objects("a")
    author = first.data.objects.values.add(uuid=str(uuid4()), collection="Author")
    reference = Request()
    reference.data.references.values.add(
        name="author", from_collection="Article", from_uuid=first.data.objects.values[0].uuid, to_uuid=author.uuid
    )
    messages = [START, first, objects("b"), reference, objects("c"), STOP]
    errors, successes = results(list(stream(channel, iter(messages))))
    assert errors == {}
    assert len(successes) == 5
    assert order[-2:] == ["link", "objects"]


def test_the_first_message_must_be_start(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(stream(channel, iter([objects("a")])))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_bug_ends_the_stream_after_earlier_results(
    channel: grpc.Channel, world: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object) -> list[WeftError | None]:
        raise ZeroDivisionError("a bug")

    received: list[batch.BatchStreamReply] = []
    requests: queue.Queue[Request | None] = queue.Queue()
    for message in (START, objects("a")):
        requests.put(message)
    call = stream(channel, iter(requests.get, None))
    with pytest.raises(grpc.RpcError) as caught:
        for reply in call:
            received.append(reply)
            if reply.WhichOneof("message") == "results":
                monkeypatch.setattr(world.service.objects, "batch", bug)
                requests.put(objects("b"))
    requests.put(None)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert len(results(received)[1]) == 1


def test_malformed_bytes_end_the_stream_as_invalid(channel: grpc.Channel) -> None:
    begin: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream("/weaviate.v1.Weaviate/BatchStream")
    with pytest.raises(grpc.RpcError) as caught:
        list(begin(iter([START.SerializeToString(), b"\xff\xff"]), timeout=10))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_wrong_key_is_refused(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(stream(channel, iter([START]), metadata=(("authorization", "Bearer wrong"),)))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_what_was_acknowledged_is_stored_though_the_client_left(
    channel: grpc.Channel, world: Recording, server: GrpcServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = Batches(world, monkeypatch)
    requests: queue.Queue[Request | None] = queue.Queue()
    for message in (START, objects("a"), objects("b", "c")):
        requests.put(message)
    call = stream(channel, iter(requests.get, None))
    acknowledged = 0
    for reply in call:
        acknowledged += len(reply.acks.uuids)
        if acknowledged == 3:
            break
    call.cancel()
    requests.put(None)
    batches.may_continue.set()
    server.stop(10)
    assert count(world) == 3


def test_streams_have_their_own_limit_and_leave_unary_calls_room(channel: grpc.Channel, port: int) -> None:
    ends = [queue.Queue[Request | None]() for _ in range(DEFAULT_LIMITS.caller_streams)]
    calls = []
    for end in ends:
        end.put(START)
        call = stream(channel, iter(end.get, None))
        assert next(call).WhichOneof("message") == "started"
        calls.append(call)
    with pytest.raises(grpc.RpcError) as caught:
        list(stream(channel, iter([START])))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert ask(channel, HEALTH + "Check", b"") == b"\x08\x01"
    for end, call in zip(ends, calls, strict=True):
        end.put(None)
        list(call)
    assert kinds(list(stream(channel, iter([START, STOP]))))[0] == "started"


def test_a_stopping_server_says_so_and_ends_with_what_it_has(server: GrpcServer) -> None:
    port = server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        requests: queue.Queue[Request | None] = queue.Queue()
        requests.put(START)
        call = stream(channel, iter(requests.get, None))
        assert next(call).WhichOneof("message") == "started"
        stopper = threading.Thread(target=server.stop, args=(10,))
        stopper.start()
        seen: list[batch.BatchStreamReply] = []
        for reply in call:
            seen.append(reply)
            if reply.WhichOneof("message") == "shutting_down":
                requests.put(objects("a"))
                requests.put(None)
        stopper.join(15)
    assert not stopper.is_alive()
    assert len(results(seen)[1]) == 1
