"""How the gRPC wire reads the messages that it is sent."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from weft.domain.errors import Invalid

M = TypeVar("M", bound=Message)


def parse(kind: type[M], data: bytes) -> M:
    """``data`` as a message of ``kind``; raises Invalid when it is not one."""
    try:
        return kind.FromString(data)
    except DecodeError:
        raise Invalid(f"the request is not a valid {kind.DESCRIPTOR.full_name} message") from None
