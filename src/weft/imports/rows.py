"""Rows of refused objects: JSON Lines with the error in each, which ``weft import`` takes again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from weft.domain import json_text
from weft.domain.beacon import beacon_object
from weft.domain.errors import WeftError
from weft.domain.objects import Reference
from weft.domain.row_fields import ERROR_FIELD, ID_FIELD, TENANT_FIELD, VECTORS_FIELD
from weft.imports.record import shortened


class SentObject(Protocol):
    """An object of a request, decoded or not."""

    @property
    def uuid(self) -> str | None: ...
    @property
    def tenant(self) -> str | None: ...
    @property
    def properties(self) -> Mapping[str, Any]: ...
    @property
    def vectors(self) -> Mapping[str, Any]: ...


def row_of(sent: SentObject, error: WeftError) -> bytes | None:
    """The line, with its line feed; None for what JSON cannot hold."""
    fields: dict[str, Any] = {ID_FIELD: sent.uuid} if sent.uuid else {}
    if sent.tenant:
        fields[TENANT_FIELD] = sent.tenant
    if sent.vectors:
        fields[VECTORS_FIELD] = dict(sent.vectors)
    fields |= {name: _plain(value) for name, value in sent.properties.items()}
    fields[ERROR_FIELD] = shortened(error.message)
    try:
        return json_text.dumps(fields) + b"\n"
    except (orjson.JSONEncodeError, RecursionError):
        return None


def _plain(value: Any) -> Any:
    """References as the objects that state them."""
    if isinstance(value, list) and any(isinstance(one, Reference) for one in value):
        return [beacon_object(one) if isinstance(one, Reference) else one for one in value]
    return value
