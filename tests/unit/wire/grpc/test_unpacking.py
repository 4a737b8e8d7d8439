"""Compressed messages, and how many bytes of messages are held at a time."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest

from weft.domain.errors import Invalid, Overloaded, TooLarge
from weft.wire.grpc.unpacking import Unpacking

PACKINGS = pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])


@PACKINGS
@pytest.mark.parametrize("size", [0, 1, 1_000, 3_000_000])
def test_what_was_compressed_is_whole(pack: Callable[[bytes], bytes], size: int) -> None:
    data = bytes(number * 7 % 251 for number in range(size))
    with Unpacking(4_000_000, 8_000_000).message(pack(data)) as message:
        assert message == data


def test_other_messages_stay_as_they_are() -> None:
    for data in (b"", b"\x1f", b"\x78", b"\x0a\x00", b"\x78\x00", bytes(100_000)):
        with Unpacking(1 << 20, 1 << 20).message(data) as message:
            assert message == data


@PACKINGS
def test_a_message_over_the_limit_is_refused_before_it_is_whole(pack: Callable[[bytes], bytes]) -> None:
    unpacking = Unpacking(1 << 20, 1 << 30)
    with pytest.raises(TooLarge, match="1,048,576"), unpacking.message(pack(bytes((1 << 20) + 1))):
        pass


def test_messages_are_counted_together_until_they_are_answered() -> None:
    unpacking = Unpacking(3 << 20, 4 << 20)
    packed = gzip.compress(bytes(3 << 20))
    with unpacking.message(packed), pytest.raises(Overloaded), unpacking.message(packed):
        pass
    with unpacking.message(packed) as message:
        assert len(message) == 3 << 20
    with pytest.raises(Overloaded), unpacking.message(bytes(5 << 20)):
        pass
    with unpacking.message(bytes(4 << 20)):
        pass


@PACKINGS
def test_a_damaged_message_is_refused(pack: Callable[[bytes], bytes]) -> None:
    unpacking = Unpacking(1 << 20, 1 << 21)
    whole = pack(bytes(range(256)) * 40)
    for data in (whole[:50], whole[:20] + bytes(20) + whole[40:]):
        with pytest.raises(Invalid), unpacking.message(data):
            pass
    with unpacking.message(bytes(1 << 21)):
        pass
