"""Messages as they are when decompressed, and how many bytes of them are under way.

grpcio would decompress a message before its size is known: some kilobytes become gigabytes. So it hands messages over
as they came, and they are decompressed here, up to a limit. How a message is compressed is seen by its first bytes,
which no message of the protocol has: 0x1F is not a tag, and 0x78 that of a number in a field 15, which none has.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from weft.domain.errors import Invalid, Overloaded, TooLarge

_PART_BYTES: Final = 1 << 20
_SMALL_BYTES: Final = 1 << 14
"""Messages up to this size are not counted: there are only so many calls."""
_GZIP: Final = b"\x1f\x8b\x08"
_DEFLATE: Final = 0x78
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS


class Unpacking:
    """``most_message``: bytes of one message; ``most_of_all``: of all that are held at a time."""

    def __init__(self, most_message: int, most_of_all: int) -> None:
        self._most_message = most_message
        self._most_of_all = most_of_all
        self._held = 0
        self._lock = threading.Lock()

    def message(self, data: bytes) -> AbstractContextManager[bytes]:
        """The message in ``data``, counted within the block. Raises TooLarge, Overloaded, Invalid."""
        packed = data[:3] == _GZIP or (len(data) > 1 and data[0] == _DEFLATE and (data[0] << 8 | data[1]) % 31 == 0)
        if not packed and len(data) <= _SMALL_BYTES:
            return nullcontext(data)
        return self._counted(data, packed)

    @contextmanager
    def _counted(self, data: bytes, packed: bool) -> Iterator[bytes]:
        held = 0
        try:
            held = self._hold(len(data))
            if packed:
                parts = []
                for part in self._inflated(data):
                    held += self._hold(len(part))
                    parts.append(part)
                data = b"".join(parts)
                del parts
            yield data
        finally:
            with self._lock:
                self._held -= held

    def _hold(self, size: int) -> int:
        with self._lock:
            if self._held + size > self._most_of_all:
                raise Overloaded(
                    f"requests of {self._held:,} bytes are being answered, and this server takes {self._most_of_all:,} "
                    "at a time: send it again later, or in smaller parts"
                )
            self._held += size
        return size

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        inflate, size = zlib.decompressobj(_GZIP_OR_ZLIB), 0
        try:
            while not inflate.eof:
                part = inflate.decompress(data, _PART_BYTES)
                data = inflate.unconsumed_tail
                if not part and not data and not inflate.eof:
                    raise Invalid("the compressed message ends before its end")
                size += len(part)
                if size > self._most_message:
                    raise TooLarge(
                        f"the message has more than {self._most_message:,} bytes when decompressed, which is the "
                        "limit; send it in smaller parts"
                    )
                yield part
        except zlib.error as error:
            raise Invalid(f"a message cannot be decompressed: {error}") from None
