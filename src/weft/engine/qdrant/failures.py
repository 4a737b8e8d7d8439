"""What the client raises, as errors of Weft."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc
import httpx
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from weft.domain.errors import OperatorError, Overloaded, Unreachable

_DIMENSIONS: Final = re.compile(r"expected dim: (\d+), got (\d+)")
_TOO_OFTEN: Final = 429
_AWAY: Final = frozenset({502, 503, 504})
_AWAY_CODES: Final = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
)


class Refused(OperatorError):
    """Qdrant refused a call that Weft considers right; ``missing``: because a collection or vector is not there."""

    def __init__(self, said: str, *, missing: bool) -> None:
        super().__init__(f"Qdrant refused a call: {said[:300]}")
        self.missing = missing
        found = _DIMENSIONS.search(said)
        self.dims = None if found is None else (int(found[1]), int(found[2]))


@contextmanager
def explained() -> Iterator[None]:
    """Raises Unreachable, Overloaded and Refused in place of the client's own errors."""
    try:
        yield
    except UnexpectedResponse as error:
        said = (error.content or b"").decode("utf-8", "replace")
        if error.status_code == _TOO_OFTEN:
            raise Overloaded(f"Qdrant limits how often it is called: {said[:300]}") from error
        if error.status_code in _AWAY:
            raise _away(said) from error
        raise Refused(said, missing=error.status_code == 404) from error
    except grpc.RpcError as error:
        code, said = error.code(), str(error.details())
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise Overloaded(f"Qdrant limits how often it is called, or how much at once: {said[:300]}") from error
        if code in _AWAY_CODES:
            raise _away(said) from error
        raise Refused(said, missing=code is grpc.StatusCode.NOT_FOUND) from error
    except (ResponseHandlingException, httpx.HTTPError, OSError) as error:
        raise _away(str(error)) from error


def _away(said: str) -> Unreachable:
    return Unreachable(
        f"Qdrant does not answer ({said[:200]}); the request can be sent again, and what it was to change may have "
        "been changed or not"
    )
