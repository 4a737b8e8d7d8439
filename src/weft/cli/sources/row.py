"""A row of a file, and the names that a row's own fields never have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from weft.domain.row_fields import (
    COLLECTION_FIELD,
    ERROR_FIELD,
    ID_FIELD,
    MODELS_FIELD,
    TENANT_FIELD,
    TEXT_FIELD,
    VECTORS_FIELD,
)

__all__ = [
    "COLLECTION_FIELD",
    "ERROR_FIELD",
    "ID_FIELD",
    "MODELS_FIELD",
    "TENANT_FIELD",
    "TEXT_FIELD",
    "VECTORS_FIELD",
    "Row",
]


@dataclass(slots=True)
class Row:
    """``where`` names file and line; ``size_bytes`` is the row's part of the file; ``error``: why it is rejected.

    ``fields`` are JSON values; those that are known to be vectors may be arrays of numpy.
    """

    where: str
    fields: dict[str, Any]
    size_bytes: int
    error: str = ""
