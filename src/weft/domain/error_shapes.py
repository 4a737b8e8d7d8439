"""The shape of an error's message: errors that differ only in the values they quote have the same."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_VARYING: Final = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9.]+")


def shape_of(message: str, kept: Collection[str] = ()) -> str:
    """``message`` with "…" for each quoted text, number and uuid, but for quoted texts in ``kept``."""
    return _VARYING.sub(lambda match: match[0] if match[0].strip("'\"") in kept else "…", message)
