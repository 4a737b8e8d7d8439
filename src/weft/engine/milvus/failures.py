"""What Milvus and its client raise, as errors of Weft. Neither the address nor a token is in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc
from pymilvus import MilvusException

from weft.domain.errors import OperatorError, Overloaded, StorageFull, Unreachable

NOT_FOUND: Final = 100
"""The code of a collection that is not there."""
_BUSY: Final = frozenset({2, 5, 8, 9, 503})
"""Service not ready, not enough memory, rate limit, quota; not loaded yet."""
_FULL: Final = "disk quota exhausted"
_MOST_QUOTED: Final = 300


@contextmanager
def translated(verb: str) -> Iterator[None]:
    """Raises OperatorError; Overloaded where the same call may succeed later. ``verb``: what was being done."""
    try:
        yield
    except MilvusException as error:
        if "server unavailable" in str(error.message).lower() or "fail connecting" in str(error.message).lower():
            raise _away(verb) from error
        message = f"Milvus could not {verb}: {str(error.message)[:_MOST_QUOTED]}"
        if _FULL in str(error.message):
            raise StorageFull(message) from error
        raise (Overloaded if error.code in _BUSY else OperatorError)(message, code=error.code) from error
    except (grpc.RpcError, grpc.FutureTimeoutError, TimeoutError, ConnectionError) as error:
        raise _away(verb) from error


def _away(verb: str) -> Unreachable:
    return Unreachable(
        f"Milvus did not answer while Weft tried to {verb}; check that it runs. The request can be sent again; what "
        "it was to change may have been changed or not"
    )
