"""The status of each error on each wire: HTTP status, gRPC status, GraphQL code.

The choice of gRPC codes follows what the official clients do with them. They raise an ordinary query error with the
message for every code but these: PERMISSION_DENIED becomes "insufficient permissions", ABORTED on a stream means that
the server shuts down, and UNAVAILABLE is tried again for a minute. So no error is ABORTED, and only what passes by
itself is UNAVAILABLE: an engine or a catalog that does not answer, and a server that is stopping.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import Final, NamedTuple

from weft.domain import errors
from weft.domain.machine import refusal

log = logging.getLogger(__name__)


class StatusCodes(NamedTuple):
    http: int
    grpc: str
    """The name of a ``grpc.StatusCode``."""
    graphql: str
    """``extensions.code`` of an entry of ``errors``."""


STATUS_CODES: Final[Mapping[type[errors.WeftError], StatusCodes]] = {
    errors.WeftError: StatusCodes(500, "INTERNAL", "INTERNAL"),
    errors.CallerError: StatusCodes(400, "INVALID_ARGUMENT", "BAD_REQUEST"),
    errors.Invalid: StatusCodes(422, "INVALID_ARGUMENT", "INVALID"),
    errors.Inapplicable: StatusCodes(422, "INVALID_ARGUMENT", "INVALID"),
    errors.NotFound: StatusCodes(404, "NOT_FOUND", "NOT_FOUND"),
    errors.CollectionNotFound: StatusCodes(404, "NOT_FOUND", "NOT_FOUND"),
    errors.TenantNotFound: StatusCodes(422, "NOT_FOUND", "NOT_FOUND"),
    errors.Conflict: StatusCodes(422, "ALREADY_EXISTS", "CONFLICT"),
    errors.Unauthenticated: StatusCodes(401, "UNAUTHENTICATED", "UNAUTHENTICATED"),
    errors.Forbidden: StatusCodes(403, "PERMISSION_DENIED", "FORBIDDEN"),
    errors.TooLarge: StatusCodes(413, "RESOURCE_EXHAUSTED", "TOO_LARGE"),
    errors.UsageLimitExceeded: StatusCodes(429, "RESOURCE_EXHAUSTED", "USAGE_LIMIT_EXCEEDED"),
    errors.DeadlinePassed: StatusCodes(504, "DEADLINE_EXCEEDED", "DEADLINE_PASSED"),
    errors.CallerGone: StatusCodes(499, "CANCELLED", "CALLER_GONE"),
    errors.Unsupported: StatusCodes(501, "UNIMPLEMENTED", "UNSUPPORTED"),
    errors.ProviderError: StatusCodes(502, "UNKNOWN", "PROVIDER"),
    errors.OperatorError: StatusCodes(500, "FAILED_PRECONDITION", "OPERATOR"),
    errors.Misconfigured: StatusCodes(500, "FAILED_PRECONDITION", "MISCONFIGURED"),
    errors.Locked: StatusCodes(500, "FAILED_PRECONDITION", "LOCKED"),
    errors.StorageFull: StatusCodes(507, "RESOURCE_EXHAUSTED", "STORAGE_FULL"),
    errors.ReadOnly: StatusCodes(507, "RESOURCE_EXHAUSTED", "READ_ONLY"),
    errors.Unreachable: StatusCodes(503, "UNAVAILABLE", "UNREACHABLE"),
    errors.UncertainChange: StatusCodes(503, "UNKNOWN", "UNCERTAIN"),
    errors.Overloaded: StatusCodes(503, "RESOURCE_EXHAUSTED", "OVERLOADED"),
    errors.CorruptData: StatusCodes(500, "DATA_LOSS", "CORRUPT_DATA"),
}
_MOST_ITEM_CHARS: Final = 1_000
UNEXPECTED: Final = StatusCodes(500, "INTERNAL", "INTERNAL")


class Refusal(NamedTuple):
    """An error as it is sent on a wire. ``usage``: the error, if it is a usage limit, which has more to say."""

    codes: StatusCodes
    message: str
    usage: errors.UsageLimitExceeded | None = None


def to_refusal(error: BaseException) -> Refusal:
    """The refusal for ``error``; for an unexpected one, only the id under which it is logged."""
    if isinstance(error, errors.WeftError):
        if not isinstance(error, errors.CallerError | errors.ReadOnly):  # of which the log has a line already
            log.warning("%s: %s", type(error).__name__, error.message)
        usage = error if isinstance(error, errors.UsageLimitExceeded) else None
        return Refusal(codes_of(type(error)), error.message, usage)
    machine = refusal(error)
    if machine is not None:
        log.warning("%s", machine.message, exc_info=error)
        return Refusal(codes_of(type(machine)), machine.message)
    error_id = secrets.token_hex(6)
    log.error("unexpected error %s", error_id, exc_info=error)
    return Refusal(UNEXPECTED, f"internal error; the server's log has the details under the id {error_id}")


def of_item(error: BaseException) -> str:
    """The message for one of many items, cut where it is long: a reply is to be no larger than its request."""
    message = to_refusal(error).message
    return message if len(message) <= _MOST_ITEM_CHARS else message[:_MOST_ITEM_CHARS] + "…"


def codes_of(kind: type[errors.WeftError]) -> StatusCodes:
    """The row of ``kind``, or of its nearest ancestor in the table."""
    for ancestor in kind.__mro__:
        row = STATUS_CODES.get(ancestor)
        if row is not None:
            return row
    raise AssertionError(f"{kind.__name__} is not a WeftError")
