"""How batch streams and watches are counted, and how they end though their clients go on, over each wire."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest

from in_process import Recording
from unit.wire.grpc.channels import HEALTH, stream
from unit.wire.grpc.test_server import count
from unit.wire.grpc.test_stream import START, Request, objects, results
from weft.domain.caller import Caller
from weft.wire.grpc import GrpcServer
from weft.wire.grpc.limits import Limits
from weft.wire.grpc.server import DEFAULT_LIMITS

ROOT = Caller("root")


@contextmanager
def serving(world: Recording, wire_name: str, limits: Limits = DEFAULT_LIMITS) -> Iterator[grpc.Channel]:
    server = GrpcServer(
        world.door, world.access.authenticator, host="127.0.0.1", port=0, wire_name=wire_name, limits=limits
    )
    with grpc.insecure_channel(f"127.0.0.1:{server.start()}") as channel:
        try:
            yield channel
        finally:
            server.stop(1.0)


class Talk:
    """A stream that is held open until the block ends."""

    def __init__(self, channel: grpc.Channel, key: str = "") -> None:
        self._requests: queue.Queue[Request | None] = queue.Queue()
        metadata = (("authorization", f"Bearer {key}"),) if key else ()
        self.replies = stream(channel, iter(self._requests.get, None), metadata=metadata)
        self.send(START)
        assert next(self.replies).HasField("started")

    def send(self, message: Request) -> None:
        self._requests.put(message)

    def stored(self, title: str) -> list[str]:
        """The uuids that a message with one object has been answered with."""
        self.send(objects(title))
        for reply in self.replies:
            if reply.HasField("results"):
                return results([reply])[1]
        return []

    def code(self) -> grpc.StatusCode:
        """How it ends."""
        with pytest.raises(grpc.RpcError) as caught:
            for _ in self.replies:
                pass
        code: grpc.StatusCode = caught.value.code()
        return code

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.put(None)


@pytest.fixture
def keyed(tmp_path: Any) -> Iterator[Recording]:
    """Users have keys; what they may do is not restricted."""
    world = Recording(
        tmp_path,
        db_users_enabled=True,
        apikey_enabled=True,
        apikey_allowed_keys=("root",),
        apikey_users=("root",),
        anonymous_access=False,
    )
    world.service.collections.create({"class": "Article", "properties": [{"name": "title", "dataType": ["text"]}]})
    yield world
    world.close()


def rotated(world: Recording) -> None:
    world.access.users.rotate("jane")


def deactivated(world: Recording) -> None:
    world.access.users.deactivate("jane", revoke_key=False, caller=ROOT)


def revoked(world: Recording) -> None:
    world.access.users.deactivate("jane", revoke_key=True, caller=ROOT)


def deleted(world: Recording) -> None:
    world.access.users.delete("jane", ROOT)


ENDINGS = pytest.mark.parametrize("end", [rotated, deactivated, revoked, deleted])


@ENDINGS
def test_a_stream_ends_with_its_key_though_nothing_is_sent(
    keyed: Recording, wire_name: str, end: Callable[[Recording], None]
) -> None:
    with serving(keyed, wire_name) as channel, Talk(channel, keyed.access.users.create("jane", caller=ROOT)) as talk:
        assert len(talk.stored("before")) == 1
        end(keyed)
        assert talk.code() is grpc.StatusCode.UNAUTHENTICATED


@ENDINGS
def test_nothing_is_stored_for_a_key_that_was_revoked(
    keyed: Recording, wire_name: str, end: Callable[[Recording], None]
) -> None:
    with serving(keyed, wire_name) as channel, Talk(channel, keyed.access.users.create("jane", caller=ROOT)) as talk:
        assert len(talk.stored("before")) == 1
        end(keyed)
        talk.send(objects("after"))
        assert talk.code() is grpc.StatusCode.UNAUTHENTICATED
    assert count(keyed) == 1


def test_a_caller_that_takes_all_its_places_leaves_others_theirs(keyed: Recording, wire_name: str) -> None:
    key = keyed.access.users.create("jane", caller=ROOT)
    limits = replace(DEFAULT_LIMITS, caller_streams=2)
    with serving(keyed, wire_name, limits) as channel, Talk(channel, key), Talk(channel, key):
        with pytest.raises(grpc.RpcError) as caught:
            list(stream(channel, iter([START]), metadata=(("authorization", f"Bearer {key}"),)))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        with Talk(channel, "root") as other:
            assert len(other.stored("a")) == 1


def test_watches_take_no_places_of_batch_streams_and_the_oldest_gives_way(world: Recording, wire_name: str) -> None:
    with serving(world, wire_name, replace(DEFAULT_LIMITS, streams=1, address_watches=3)) as channel:
        begin: grpc.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(HEALTH + "Watch")
        watches = []
        for _ in range(8):
            watches.append(begin(b"", timeout=20))
            assert next(watches[-1]) == b"\x08\x01"
        with Talk(channel) as talk:
            assert len(talk.stored("a")) == 1
        for watch in watches[:5]:
            assert list(watch) == []
        assert all(watch.is_active() for watch in watches[5:])


def test_an_idle_stream_is_asked_to_end_and_goes_on_if_it_has_more(
    world: Recording, wire_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = replace(DEFAULT_LIMITS, stream_idle_s=0.01)
    with serving(world, wire_name, limits) as channel, Talk(channel) as talk:
        assert next(talk.replies).HasField("shutting_down")
        assert len(talk.stored("more")) == 1


def test_a_stream_that_does_not_begin_is_ended(world: Recording, wire_name: str) -> None:
    limits = replace(DEFAULT_LIMITS, message_timeout_s=0.01)
    with serving(world, wire_name, limits) as channel:
        held: queue.Queue[Request | None] = queue.Queue()
        with pytest.raises(grpc.RpcError) as caught:
            list(stream(channel, iter(held.get, None)))
        held.put(None)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "no start message" in (caught.value.details() or "")
