"""Keys of database users: 384 random bits, of which only a keyed hash is stored.

Deliberately slow hashes protect passwords that people choose. 384 random bits cannot be guessed, so HMAC-SHA256 under
a secret of the data folder is as safe, and checks a request in a microsecond.
"""

from __future__ import annotations

import hmac
import secrets

_KEY_BYTES = 48
_SECRET_BYTES = 32
PREFIX_CHARS = 3
"""How many characters of a key may be displayed, so that people can tell their keys apart."""


def new_key() -> str:
    return secrets.token_urlsafe(_KEY_BYTES)


def new_secret() -> bytes:
    return secrets.token_bytes(_SECRET_BYTES)


def digest(secret: bytes, key: str) -> str:
    """The hash of ``key``, by which it is looked up in a dictionary: the timing of that reveals nothing about it."""
    return hmac.digest(secret, key.encode("utf-8", "surrogateescape"), "sha256").hex()
