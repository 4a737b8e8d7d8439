"""PointIds: the ids of points for the uuids of one tenant.

Objects of several tenants may have the same uuid, and all are points of one collection. So a tenant's uuids are moved
on by a number of its own, around the end of the 128 bits; their order stays, from one place in the circle to itself.
Without tenants an id is the uuid.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from weft.domain.objects import format_uuid, parse_uuid

_SIZE: Final = 2**128


class PointIds:
    def __init__(self, tenant: str | None) -> None:
        digest = b"" if tenant is None else blake2b(tenant.encode(), digest_size=16).digest()
        self._start = int.from_bytes(digest, "big")

    def of(self, uuid: bytes) -> str:
        if not self._start:
            return format_uuid(uuid)
        return _text((int.from_bytes(uuid, "big") + self._start) % _SIZE)

    def uuid(self, id: str) -> bytes:
        moved = parse_uuid(id)
        return ((int.from_bytes(moved, "big") - self._start) % _SIZE).to_bytes(16, "big") if self._start else moved

    def ranges(self, after: bytes | None) -> list[tuple[str | None, str | None]]:
        """The ids of what comes after ``after`` (None: all), in order of uuid: from one inclusive to one exclusive."""
        first = 0 if after is None else int.from_bytes(after, "big") + 1
        if first >= _SIZE:
            return []
        if not self._start:
            return [(_text(first), None)]
        begin, end = first + self._start, _text(self._start)
        return [(_text(begin), None), (None, end)] if begin < _SIZE else [(_text(begin - _SIZE), end)]


def _text(number: int) -> str:
    return format_uuid(number.to_bytes(16, "big"))
