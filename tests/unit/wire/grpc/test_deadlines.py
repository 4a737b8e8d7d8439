"""Calls that take too long, and clients that do not wait: searches end, writes are finished."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from in_process import Recording
from unit.wire.grpc.channels import WEAVIATE, batch_object, refusal
from weft.domain.aggregate import Aggregation
from weft.domain.caller import Caller
from weft.domain.deadline import check
from weft.domain.errors import CallerGone, DeadlinePassed, WeftError
from weft.protocol import batch as protocol
from weft.protocol import search_get
from weft.wire.grpc import GrpcServer

WAIT_S = 20.0
SEARCH = search_get.SearchRequest(collection="Article").SerializeToString()


class Endless:
    """A verb that works until its deadline."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.ended = threading.Event()
        self.error: WeftError | None = None

    def __call__(self, *_: object) -> None:
        self.begun.set()
        try:
            while True:
                check()
        except WeftError as error:
            self.error = error
            self.ended.set()
            raise


@pytest.fixture
def endless(world: Recording, monkeypatch: pytest.MonkeyPatch) -> Endless:
    made = Endless()
    monkeypatch.setattr(world.service, "search", made)
    return made


@pytest.fixture
def impatient(world: Recording, wire_name: str) -> Iterator[grpc.Channel]:
    """To a server whose queries may take a millisecond."""
    server = GrpcServer(
        world.door, world.access.authenticator, host="127.0.0.1", port=0, wire_name=wire_name, query_timeout_s=0.001
    )
    with grpc.insecure_channel(f"127.0.0.1:{server.start()}") as channel:
        yield channel
    server.stop(1.0)


def begin(channel: grpc.Channel, method: str, message: bytes, timeout_s: float = WAIT_S) -> Any:
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(WEAVIATE + method)
    return call.future(message, timeout=timeout_s)


def test_a_search_that_takes_too_long_is_refused(impatient: grpc.Channel, endless: Endless) -> None:
    code, details = refusal(impatient, "Search", SEARCH)
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "longer than 0.001 s" in details
    assert "QUERY_TIMEOUT" in details


def test_a_search_ends_when_its_client_cancels_it(channel: grpc.Channel, endless: Endless) -> None:
    call = begin(channel, "Search", SEARCH)
    assert endless.begun.wait(WAIT_S)
    call.cancel()
    assert endless.ended.wait(WAIT_S)
    assert isinstance(endless.error, CallerGone)


def test_a_search_ends_when_its_client_disconnects(port: int, endless: Endless) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = begin(channel, "Search", SEARCH)
        assert endless.begun.wait(WAIT_S)
    assert endless.ended.wait(WAIT_S)
    assert call.done()
    assert isinstance(endless.error, CallerGone)


def test_a_search_ends_at_the_deadline_of_its_call(channel: grpc.Channel, endless: Endless) -> None:
    call = begin(channel, "Search", SEARCH, 1.0)
    assert endless.ended.wait(WAIT_S)
    assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert isinstance(endless.error, DeadlinePassed | CallerGone)


def test_a_write_is_finished_after_its_client_has_gone(
    channel: grpc.Channel, world: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()
    batch: Callable[..., Any] = world.service.objects.batch

    def slow(*given: Any, **named: Any) -> Any:
        begun.set()
        go_on.wait(WAIT_S)
        check()
        try:
            return batch(*given, **named)
        finally:
            done.set()

    monkeypatch.setattr(world.service.objects, "batch", slow)
    request = protocol.BatchObjectsRequest(objects=[batch_object("a"), batch_object("b")])
    call = begin(channel, "BatchObjects", request.SerializeToString())
    assert begun.wait(WAIT_S)
    call.cancel()
    go_on.set()
    assert done.wait(WAIT_S)
    (articles,) = world.service.aggregate(Aggregation("Article", objects_count=True), Caller()).groups
    assert articles.count == 2
