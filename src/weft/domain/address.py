"""The engine that a server is set to: a name, as ``embedded``, or the address of another server.

An address begins with the name of the driver: ``qdrant://host:6333``, ``milvus://token@host:19530``. The rest is the
driver's. What stands before ``@`` and after ``?`` may be secret, and is in no log and no error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import parse_qsl, urlsplit

from weft.domain.errors import Misconfigured

_BETWEEN: Final = "://"
_SECRET_WORDS: Final = ("token", "key", "password", "secret")
"""In names of parameters."""


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """``driver``: its name; ``url``: the whole address, secrets included, empty where the engine was given by name;
    ``public``: without its secrets."""

    driver: str
    url: str = field(default="", repr=False)
    public: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """Raises Misconfigured for an address without a host, or with a port that is none."""
        driver, between, rest = text.strip().partition(_BETWEEN)
        if not between:
            return cls(driver, public=driver)
        public = public_address(text.strip(), "engine")
        if not driver or not rest.strip("/"):
            raise Misconfigured(f"the engine {public!r} lacks its host; write DRIVER://HOST:PORT")
        return cls(driver, text.strip(), public)


def public_address(url: str, key: str) -> str:
    """The address without what may be secret. Raises Misconfigured, naming the setting ``key``, for one that cannot be
    read."""
    scheme = url.partition(_BETWEEN)[0]
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Misconfigured(
            f"{key} is an address ({scheme}://…) that cannot be read: is the port a number, and are the characters / ? "
            "# @ : in names and passwords written as %2F %3F %23 %40 %3A?"
        ) from None
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"


def has_secrets(url: str) -> bool:
    """Whether the address holds a password, or what may be a token: a name without a password, or a parameter that is
    called so."""
    parts = urlsplit(url)
    names = [name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    return bool(parts.password or parts.username) or any(word in name for name in names for word in _SECRET_WORDS)
