"""RowBody: what Weft keeps of an object in one value of a remote engine, which alone is read back.

offset  size  what
     0     1  version (1)
     1     4  length of H, little endian
     5     H  JSON {"h": [tokens of the latest writes, the newest last], "m": {vector: fingerprint of its model},
              "n": {vector: its length, or the lengths of its tokens, where the engine returns them normalised}}
   5+H   ...  the record, see ``engine.record``
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from weft.domain.errors import CorruptData

_HEAD: Final = struct.Struct("<BI")
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class RowBody:
    """``history``: each write adds its token, so that its writer can see afterwards that it was applied, though others
    have followed; its last one is the version of the row."""

    record: bytes
    history: tuple[str, ...]
    models: Mapping[str, str] = field(default_factory=dict)
    norms: Mapping[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> str:
        return self.history[-1]

    def encode(self) -> bytes:
        head: dict[str, object] = {"h": self.history}
        if self.models:
            head["m"] = self.models
        if self.norms:
            head["n"] = self.norms
        encoded = orjson.dumps(head)
        return _HEAD.pack(_VERSION, len(encoded)) + encoded + self.record


def decode_body(raw: bytes) -> RowBody:
    """Raises CorruptData."""
    try:
        version, size = _HEAD.unpack_from(raw)
        if version != _VERSION:
            raise CorruptData(f"a stored row has version {version}; this Weft reads version {_VERSION}")
        head = orjson.loads(raw[_HEAD.size : _HEAD.size + size])
        return RowBody(raw[_HEAD.size + size :], tuple(head["h"]), head.get("m", {}), head.get("n", {}))
    except (struct.error, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise CorruptData(f"a stored row cannot be read ({type(error).__name__}); it was changed by others") from None
