"""``BatchStream`` through real channels."""

from __future__ import annotations

import queue
import threading
import uuid as uuid_module
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from unit.wire.grpc.memory import KeyOrAnonymous, MemoryService
from weft.protocol import batch
from weft.wire.grpc import GrpcServer
from weft.wire.grpc.server import MOST_STREAMS

Request = batch.BatchStreamRequest
START = Request(start=Request.Start())
STOP = Request(stop=Request.Stop())


def objects(*titles: str) -> Any:
    message = Request()
    for title in titles:
        one = message.data.objects.values.add(uuid=str(uuid_module.uuid4()), collection="Article")
        one.properties.non_ref_properties.update({"title": title})
    return message


def stream(channel: grpc.Channel, requests: Iterator[Any], **options: Any) -> Any:
    return channel.stream_stream(
        "/weaviate.v1.Weaviate/BatchStream",
        request_serializer=Request.SerializeToString,
        response_deserializer=batch.BatchStreamReply.FromString,
    )(requests, timeout=20, **options)


def kinds(replies: list[Any]) -> list[str]:
    return [reply.WhichOneof("message") for reply in replies]


def results(replies: list[Any]) -> tuple[dict[str, str], list[str]]:
    """Errors and successes by key."""
    errors, successes = {}, []
    for reply in replies:
        errors.update({e.uuid or e.beacon: e.error for e in reply.results.errors})
        successes += [s.uuid or s.beacon for s in reply.results.successes]
    return errors, successes


def test_a_whole_stream(channel: grpc.Channel, service: MemoryService) -> None:
    first, second = objects("a", "b"), objects("c", "bad")
    replies = list(stream(channel, iter([START, first, second, STOP])))
    assert kinds(replies)[:2] == ["started", "backoff"]
    assert replies[1].backoff.batch_size == 1000
    acknowledged = [uuid for reply in replies for uuid in reply.acks.uuids]
    sent = [o.uuid for m in (first, second) for o in m.data.objects.values]
    assert acknowledged == sent
    errors, successes = results(replies)
    assert successes == sent[:3]
    assert list(errors) == sent[3:]
    assert len(service.objects.stored) == 3


def test_half_close_ends_the_stream_too(channel: grpc.Channel) -> None:
    assert len(results(list(stream(channel, iter([START, objects("a")]))))[1]) == 1


def test_many_messages_become_few_batches(channel: grpc.Channel, service: MemoryService) -> None:
    service.objects.delay_s = 0.02
    messages = [objects(*(str(i) for i in range(50))) for _ in range(100)]
    replies = list(stream(channel, iter([START, *messages, STOP])))
    assert len(results(replies)[1]) == 5000
    assert sum(service.objects.calls) == 5000
    assert len(service.objects.calls) < 50
    assert max(service.objects.calls) <= 2050


def test_undecodable_objects_are_results_with_their_own_key(channel: grpc.Channel) -> None:
    message = objects("a")
    message.data.objects.values.add(uuid="not-a-uuid", collection="Article")
    message.data.objects.values.add(uuid=str(uuid_module.uuid4()), collection="Article", vector_bytes=b"123")
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


def test_references_are_linked_after_the_objects_before_them(channel: grpc.Channel, service: MemoryService) -> None:
    order: list[str] = []
    batch_objects = service.objects.batch
    service.objects.batch = lambda o, c: (order.append("objects"), batch_objects(o, c))[1]  # type: ignore[method-assign]
    service.objects.link = lambda r, c: (order.append("link"), [None] * len(r))[1]  # type: ignore[attr-defined]
    service.objects.delay_s = 0.05
    reference = Request()
    reference.data.references.values.add(name="r", from_collection="A", from_uuid="X", to_uuid="Y")
    messages = [START, objects("a"), objects("b"), reference, objects("c"), STOP]
    errors, successes = results(list(stream(channel, iter(messages))))
    assert errors == {}
    assert len(successes) == 4
    assert order[-2:] == ["link", "objects"]


def test_the_first_message_must_be_start(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(stream(channel, iter([objects("a")])))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_bug_ends_the_stream_after_earlier_results(channel: grpc.Channel) -> None:
    received: list[Any] = []
    requests: queue.Queue[Any] = queue.Queue()
    for message in (START, objects("a")):
        requests.put(message)
    call = stream(channel, iter(requests.get, None))
    with pytest.raises(grpc.RpcError) as caught:
        for reply in call:
            received.append(reply)
            if reply.WhichOneof("message") == "results":
                requests.put(objects("bug"))
    requests.put(None)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert len(results(received)[1]) == 1


def test_malformed_bytes_end_the_stream_as_invalid(channel: grpc.Channel) -> None:
    call = channel.stream_stream("/weaviate.v1.Weaviate/BatchStream")
    with pytest.raises(grpc.RpcError) as caught:
        list(call(iter([START.SerializeToString(), b"\xff\xff"]), timeout=10))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_wrong_key_is_refused(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(stream(channel, iter([START]), metadata=(("authorization", "Bearer wrong"),)))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_what_was_acknowledged_is_stored_though_the_client_left(channel: grpc.Channel, service: MemoryService) -> None:
    service.objects.delay_s = 0.1
    requests: queue.Queue[Any] = queue.Queue()
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
    wait_for(lambda: len(service.objects.stored) == 3)


def test_streams_have_their_own_limit_and_leave_unary_calls_room(channel: grpc.Channel, port: int) -> None:
    ends = [queue.Queue[Any]() for _ in range(MOST_STREAMS)]
    calls = []
    for end in ends:
        end.put(START)
        call = stream(channel, iter(end.get, None))
        assert next(call).WhichOneof("message") == "started"
        calls.append(call)
    with pytest.raises(grpc.RpcError) as caught:
        list(stream(channel, iter([START])))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=5) == b"\x08\x01"
    for end, call in zip(ends, calls, strict=True):
        end.put(None)
        list(call)
    assert kinds(list(stream(channel, iter([START, STOP]))))[0] == "started"


def test_a_stopping_server_says_so_and_ends_with_what_it_has(service: MemoryService) -> None:
    server = GrpcServer(service, KeyOrAnonymous(), host="127.0.0.1", port=0)
    port = server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        requests: queue.Queue[Any] = queue.Queue()
        requests.put(START)
        call = stream(channel, iter(requests.get, None))
        assert next(call).WhichOneof("message") == "started"
        stopper = threading.Thread(target=server.stop, args=(10,))
        stopper.start()
        seen: list[Any] = []
        for reply in call:
            seen.append(reply)
            if reply.WhichOneof("message") == "shutting_down":
                requests.put(objects("a"))
                requests.put(None)
        stopper.join(15)
    assert not stopper.is_alive()
    assert len(results(seen)[1]) == 1


def wait_for(condition: Any, patience: int = 500) -> None:
    pause = threading.Event()
    for _ in range(patience):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")
