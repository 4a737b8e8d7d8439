"""The details of a gRPC status: ``google.rpc.Status`` with one ``google.rpc.ErrorInfo``, which clients can match on.

Encoded here since the messages belong to a package that nothing else needs; the fields are those of
https://github.com/googleapis/googleapis/tree/master/google/rpc (status.proto, error_details.proto).
"""

from __future__ import annotations

from typing import Final

import grpc

from weft.domain.errors import UsageLimitExceeded
from weft.wire.grpc.wire_format import sized, varint

_CODE: Final[int] = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
_TYPE: Final = "type.googleapis.com/google.rpc.ErrorInfo"


def usage_details(error: UsageLimitExceeded) -> bytes:
    """An encoded ``google.rpc.Status``."""
    facts = {"limit": error.limited, "value": str(error.limit), "message": error.message}
    entries = b"".join(_field(3, _text(1, key) + _text(2, value)) for key, value in facts.items())
    info = _text(1, "USAGE_LIMIT_EXCEEDED") + _text(2, "weaviate.usagelimits") + entries
    details = _text(1, _TYPE) + _field(2, info)
    return b"\x08" + varint(_CODE) + _text(2, error.message) + _field(3, details)


def _field(number: int, data: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + sized(data)


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode())
