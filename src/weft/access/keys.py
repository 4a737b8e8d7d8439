"""Keys of database users: 384 random bits, of which only a keyed hash is stored.

A hash that is slow on purpose protects passwords that people choose. So many random bits cannot be guessed, so
HMAC-SHA256 under a secret of the data folder is as safe, and each request is checked in a microsecond.
"""

from __future__ import annotations

import hmac
import secrets

_KEY_BYTES = 48
_SECRET_BYTES = 32
PREFIX_CHARS = 3
"""How much of a key may be displayed, by which people distinguish their keys."""


def new_key() -> str:
    return secrets.token_urlsafe(_KEY_BYTES)


def new_secret() -> bytes:
    return secrets.token_bytes(_SECRET_BYTES)


def digest(secret: bytes, key: str) -> str:
    """The hash of ``key``, which finds and proves it: a look-up in a dictionary reveals nothing about it."""
    return hmac.digest(secret, key.encode("utf-8", "surrogateescape"), "sha256").hex()
