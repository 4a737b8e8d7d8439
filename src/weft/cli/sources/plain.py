"""Values of Arrow as those of JSON: times as RFC 3339, bytes as base64, exact decimals as numbers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID


def plain(value: Any) -> Any:
    """``value``, as pyarrow gives it to Python, without what JSON has not. A time without a zone is taken for UTC."""
    convert = _CONVERTS.get(type(value))
    return value if convert is None else convert(value)


def _time(value: datetime) -> str:
    utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return utc.isoformat().removesuffix("+00:00") + "Z"


def _list(values: list[Any]) -> Any:
    if values and all(isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], str) for one in values):
        return {key: plain(inner) for key, inner in values}  # a map
    return [plain(one) for one in values]


def _mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: plain(inner) for key, inner in value.items()}


_CONVERTS: Mapping[type, Callable[[Any], Any]] = {
    datetime: _time,
    date: lambda value: f"{value.isoformat()}T00:00:00Z",
    time: time.isoformat,
    timedelta: timedelta.total_seconds,
    bytes: lambda value: base64.b64encode(value).decode(),
    Decimal: lambda value: int(value) if value == value.to_integral_value() else float(value),
    UUID: str,
    list: _list,
    tuple: lambda value: [plain(one) for one in value],
    dict: _mapping,
}
