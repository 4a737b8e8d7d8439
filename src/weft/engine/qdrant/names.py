"""What Weft's things are called in Qdrant: payload keys beside those of ``remote.keys``, and vectors."""

from __future__ import annotations

from typing import Final

from weft.engine.remote.row_test import Key, KeyKind

BODY: Final = "w_body"
"""The payload key of a row's body, in base64."""
TENANT: Final = Key("w_tenant", KeyKind.KEYWORD)
WORDS: Final = "w"
"""The sparse vector."""
_OWN: Final = "v_"


def vector_name(name: str) -> str:
    return _OWN + name


def name_of(vector: str) -> str | None:
    """The name that Weft knows the vector by; None for one that is not its own."""
    return vector.removeprefix(_OWN) if vector.startswith(_OWN) else None
