"""What a client can do with the frames of HTTP/2, over each wire: others are answered, and little is kept."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import grpc
import pytest

from unit.wire.grpc.test_wires import ECHO, GREETING, LIMITS, NO_WINDOW, TALK, ask, asking, connected, frame, serving

HEADERS = {
    ":method": "POST",
    ":scheme": "http",
    ":path": ECHO,
    ":authority": "localhost",
    "te": "trailers",
    "content-type": "application/grpc",
}
_MOST_GROWTH_BYTES = 100 << 20
_MOST_OF_CALLS_DECODED_BYTES = 512 << 20
"""By grpcio, which decodes the whole header of a call, here 12 MB, before it refuses it; how many are decoded at once
depends on how busy the machine is."""


def literal(name: str, value: str) -> bytes:
    """A header that no table keeps."""
    return b"\0" + bytes([len(name)]) + name.encode() + sized(value)


def sized(value: str) -> bytes:
    size, out = len(value), bytearray()
    if size < 127:
        return bytes([size]) + value.encode()
    out.append(127)
    size -= 127
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes([*out, size]) + value.encode()


def begin(stream: int, more: bytes = b"", flags: int = 4) -> bytes:
    """A call of which no message comes."""
    return frame(1, flags, b"".join(literal(*one) for one in HEADERS.items()) + more, stream)


def resets() -> Iterator[bytes]:
    for first in range(1, 20_001, 200):
        yield b"".join(begin(number) + frame(3, 0, b"\0\0\0\x08", number) for number in range(first, first + 200, 2))


def endless_headers() -> Iterator[bytes]:
    yield begin(1, flags=0)
    for _ in range(2_000):
        yield frame(9, 0, literal("x-a", "b" * 4_000) * 4, 1)


def empty_continuations() -> Iterator[bytes]:
    yield begin(1, flags=0)
    for _ in range(100):
        yield frame(9, 0, b"", 1) * 1_000


def many(data: bytes, before: bytes = b"") -> Callable[[], Iterator[bytes]]:
    def frames() -> Iterator[bytes]:
        yield before
        for _ in range(100):
            yield data * 1_000

    return frames


def repeated_header() -> Iterator[bytes]:
    """Each call has a header of 3,900 bytes three thousand times, sent once and then by its place in a table."""
    yield begin(1, b"\x40\x03x-b" + sized("z" * 3_900))
    for number in range(3, 803, 2):
        yield begin(number, b"\xbe" * 3_000)


def half_open() -> Iterator[bytes]:
    yield b"".join(begin(number) for number in range(1, 2_001, 2))


ATTACKS: dict[str, Callable[[], Iterator[bytes]]] = {
    "resets": resets,
    "endless headers": endless_headers,
    "empty continuations": empty_continuations,
    "settings": many(frame(4, 0, b"")),
    "pings": many(frame(6, 0, bytes(8))),
    "empty data": many(frame(0, 0, b"", 1), begin(1)),
    "padding": many(frame(0, 8, b"\x1f" + bytes(31), 1), begin(1)),
    "windows": many(frame(8, 0, b"\0\0\0\x01")),
    "priorities": many(frame(2, 0, b"\0\0\0\0\x10", 3)),
    "repeated header": repeated_header,
    "half-open calls": half_open,
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("reads", [True, False])
def test_others_are_answered_and_little_is_kept(wire_name: str, attack: str, reads: bool) -> None:
    with serving(wire_name) as port, connected(port) as channel:
        assert ask(channel, ECHO, b"before") == b"before"
        before = peak_bytes()
        with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
            if reads:
                threading.Thread(target=drain, args=(client,), daemon=True).start()
            client.sendall(GREETING)
            with suppress(OSError):  # it is sent away, or no more is read of it
                for data in ATTACKS[attack]():
                    client.sendall(data)
            assert ask(channel, ECHO, b"meanwhile") == b"meanwhile"
        decodes = wire_name == "grpcio" and attack == "repeated header"
        assert peak_bytes() - before < (_MOST_OF_CALLS_DECODED_BYTES if decodes else _MOST_GROWTH_BYTES)


def test_clients_whose_windows_never_open_keep_no_one_waiting(wire_name: str) -> None:
    with serving(wire_name) as port, connected(port) as channel, ExitStack() as held:
        for _ in range(20):
            client = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            client.sendall(NO_WINDOW + b"".join(asking(number) for number in range(1, 201, 2)))
        assert answered(channel) == b"next"


def test_streams_that_stall_within_a_message_keep_no_one_out(wire_name: str) -> None:
    """Nine of them hold all the bytes that may be under way."""
    part = b"\0" + LIMITS.message_bytes.to_bytes(4, "big") + bytes(LIMITS.message_bytes - 100)
    data = b"".join(frame(0, 0, part[at : at + 16_000], 1) for at in range(0, len(part), 16_000))
    block = b"".join(literal(*one) for one in {**HEADERS, ":path": TALK}.items())
    with serving(wire_name) as port, connected(port) as channel, ExitStack() as held:
        for _ in range(9):
            client = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            with suppress(OSError):  # grpcio, whose windows are smaller, sends one away that goes beyond them
                until_answered(client, GREETING + frame(4, 1, b"") + frame(1, 4, block, 1))
                until_answered(client, data)
        assert len(ask(channel, ECHO, bytes(LIMITS.message_bytes - 100))) == LIMITS.message_bytes - 100


def test_metadata_that_is_no_text_is_not_logged(wire_name: str, caplog: pytest.LogCaptureFixture) -> None:
    with serving(wire_name) as port, connected(port) as channel:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(GREETING + begin(1, b"\0\x03x-a\x01\xdb") + frame(0, 1, bytes(5), 1))
            received = b""
            while frame(0, 0, bytes(5), 1) not in received and (more := client.recv(1 << 16)):
                received += more
        assert ask(channel, ECHO, b"next") == b"next"
    assert not caplog.records


def answered(channel: grpc.Channel) -> bytes:
    """The answer to a call that is begun again where too many wait at the moment."""
    for _ in range(100):
        with suppress(grpc.RpcError):
            return ask(channel, ECHO, b"next", timeout=2)
    raise AssertionError("not answered")


def until_answered(client: socket.socket, data: bytes) -> None:
    """Sends ``data``, and waits until it has been read."""
    client.sendall(data + frame(6, 0, bytes(8)))
    received = b""
    while frame(6, 1, bytes(8)) not in received and (more := client.recv(1 << 16)):
        received += more


def drain(client: socket.socket) -> None:
    with suppress(OSError):
        while client.recv(1 << 16):
            pass


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
