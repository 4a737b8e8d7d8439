"""How the gRPC wire reads the messages that it is sent."""

from __future__ import annotations

from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message

from weft.domain.errors import Invalid
from weft.wire.grpc.message_size import check_fields

M = TypeVar("M", bound=Message)
_MOST_LEVELS: Final = 100
"""Of protobuf's own, which says the same of all that it cannot read."""


def parse(kind: type[M], data: bytes) -> M:
    """``data`` as a message of ``kind``; raises Invalid when it is not one, TooLarge when it has too many fields."""
    check_fields(kind, data)
    try:
        return kind.FromString(data)
    except DecodeError:
        raise Invalid(
            f"the request is not a valid {kind.DESCRIPTOR.full_name} message, which may nest {_MOST_LEVELS} levels deep"
        ) from None
