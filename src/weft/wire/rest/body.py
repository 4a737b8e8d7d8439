"""Request bodies: bytes to JSON, within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from weft.domain.errors import CallerError, Invalid, TooLarge
from weft.service.schema import fields


async def read(request: Request, limit_bytes: int) -> bytes:
    """The whole body; raises TooLarge as soon as it is known to exceed ``limit_bytes``."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise _too_large(limit_bytes)
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit_bytes:
                raise _too_large(limit_bytes)
            chunks.append(chunk)
    except ClientDisconnect:
        raise CallerError("the connection ended before the whole body had arrived") from None
    return b"".join(chunks)


def parse(data: bytes) -> Any:
    """The JSON value; raises CallerError for anything else, also for more than 1,024 levels of nesting."""
    if not data:
        raise CallerError("the request has no body; send JSON")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise CallerError(f"the body is not valid JSON: {error}") from None


def as_object(value: Any, what: str = "the body") -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise Invalid(f"{what} must be a JSON object, not {fields.kind_of(value)}")


def as_list(value: Any, what: str = "the body") -> list[Any]:
    if isinstance(value, list):
        return value
    raise Invalid(f"{what} must be a JSON array, not {fields.kind_of(value)}")


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"the body is larger than {limit_bytes} bytes; send it in smaller parts", limit_bytes=limit_bytes)
