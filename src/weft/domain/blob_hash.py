"""The hash that is stored in place of a medium by the data type ``blobHash``."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

_DIGITS: Final = re.compile(r"[0-9a-f]{64}")


def hash_of(blob: str) -> str:
    """The SHA-256 of base64 text, as 64 hexadecimal digits."""
    return sha256(blob.encode()).hexdigest()


def is_hash(text: str) -> bool:
    """Whether ``text`` is what ``hash_of`` returns. As base64 it would be 48 bytes, too few for a medium."""
    return _DIGITS.fullmatch(text) is not None
