"""Documents: the JSON of a schema as it is read, completed and changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from weft.domain import json_fields
from weft.service.schema.modules import NONE

Document: TypeAlias = dict[str, Any]
"""One that is being made."""

Stated: TypeAlias = Mapping[str, Any]
"""One that is read only: a caller's, not checked yet, or a stored one."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """The server's defaults for collections that do not state their own."""

    vectorizer: str = NONE
    index_kind: str = "hnsw"
    quantization: str = NONE
    tokenization: str = "word"


NOTHING_SAID: Final = Defaults()


def filled(given: Stated, defaults: Mapping[str, bool | int | str], where: str) -> Document:
    """``given`` over ``defaults``, each value of its default's type; keys that have no default are dropped."""
    filled: Document = {}
    for key, default in defaults.items():
        read: Callable[[Stated, str, str], object] = (
            json_fields.boolean
            if isinstance(default, bool)
            else json_fields.integer
            if isinstance(default, int)
            else json_fields.string
        )
        value = read(given, key, where)
        filled[key] = default if value is None else value
    return filled
