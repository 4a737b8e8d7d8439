"""How each error is spelled on each wire: HTTP status, gRPC status, GraphQL code.

The choice of gRPC codes follows what the official clients do with them. They raise an ordinary query error with the
message for every code but these: PERMISSION_DENIED becomes «insufficient permissions», ABORTED on a stream means that
the server shuts down, and UNAVAILABLE is tried again for a minute. So no error is ABORTED or UNAVAILABLE; a server
that is stopping refuses new calls with the latter.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import Final, NamedTuple

from weft.domain import errors

log = logging.getLogger(__name__)


class Spelling(NamedTuple):
    http: int
    grpc: str
    """The name of a ``grpc.StatusCode``."""
    graphql: str
    """``extensions.code`` of an entry of ``errors``."""


SPELLINGS: Final[Mapping[type[errors.WeftError], Spelling]] = {
    errors.WeftError: Spelling(500, "INTERNAL", "INTERNAL"),
    errors.CallerError: Spelling(400, "INVALID_ARGUMENT", "BAD_REQUEST"),
    errors.Invalid: Spelling(422, "INVALID_ARGUMENT", "INVALID"),
    errors.NotFound: Spelling(404, "NOT_FOUND", "NOT_FOUND"),
    errors.TenantNotFound: Spelling(422, "NOT_FOUND", "NOT_FOUND"),
    errors.Conflict: Spelling(422, "ALREADY_EXISTS", "CONFLICT"),
    errors.Unauthenticated: Spelling(401, "UNAUTHENTICATED", "UNAUTHENTICATED"),
    errors.Forbidden: Spelling(403, "PERMISSION_DENIED", "FORBIDDEN"),
    errors.TooLarge: Spelling(413, "RESOURCE_EXHAUSTED", "TOO_LARGE"),
    errors.Unsupported: Spelling(501, "UNIMPLEMENTED", "UNSUPPORTED"),
    errors.ProviderError: Spelling(502, "UNKNOWN", "PROVIDER"),
    errors.OperatorError: Spelling(500, "FAILED_PRECONDITION", "OPERATOR"),
    errors.Misconfigured: Spelling(500, "FAILED_PRECONDITION", "MISCONFIGURED"),
    errors.Locked: Spelling(500, "FAILED_PRECONDITION", "LOCKED"),
    errors.StorageFull: Spelling(507, "RESOURCE_EXHAUSTED", "STORAGE_FULL"),
    errors.Overloaded: Spelling(503, "RESOURCE_EXHAUSTED", "OVERLOADED"),
    errors.CorruptData: Spelling(500, "DATA_LOSS", "CORRUPT_DATA"),
}
UNEXPECTED: Final = Spelling(500, "INTERNAL", "INTERNAL")


class Refusal(NamedTuple):
    """An error ready for the wire."""

    spelling: Spelling
    message: str


def refuse(error: BaseException) -> Refusal:
    """How ``error`` is told to the caller. One that nobody foresaw is logged, and told by its id in the log alone."""
    if isinstance(error, errors.WeftError):
        if not isinstance(error, errors.CallerError):
            log.warning("%s: %s", type(error).__name__, error.message)
        return Refusal(spelling(type(error)), error.message)
    error_id = secrets.token_hex(6)
    log.error("unexpected error %s", error_id, exc_info=error)
    return Refusal(UNEXPECTED, f"internal error; the server's log explains it under the id {error_id}")


def spelling(kind: type[errors.WeftError]) -> Spelling:
    """The row of ``kind``, or of its nearest ancestor in the table."""
    for ancestor in kind.__mro__:
        row = SPELLINGS.get(ancestor)
        if row is not None:
            return row
    raise AssertionError(f"{kind.__name__} is not a WeftError")
