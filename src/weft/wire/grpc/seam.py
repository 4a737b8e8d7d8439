"""How the gRPC wire reads the messages that it is sent."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError

from weft.domain.errors import Invalid


def parse(kind: Any, data: bytes) -> Any:
    """``data`` as a message of ``kind``; raises Invalid when it is not one."""
    try:
        return kind.FromString(data)
    except DecodeError:
        raise Invalid(f"the request is not a valid {kind.DESCRIPTOR.full_name} message") from None
