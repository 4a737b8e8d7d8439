"""Objects and the values of their properties.

Values inside Weft, by data type (``None`` means "no value"):

    text, date, blob    str   (date: RFC 3339 in its shortest form; blob: base64 text)
    uuid                str   (lower case, hyphens)
    int                 int   (64 bit)
    number              float
    boolean             bool
    geoCoordinates      GeoPoint
    phoneNumber         PhoneNumber
    object              dict[str, Value]
    …[]                 list of the above
    cref                list[Reference]

A uuid that identifies an object is 16 bytes inside (``parse_uuid``, ``format_uuid``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import numpy as np
import numpy.typing as npt

from weft.domain.classification import Classified, LabelFigures
from weft.domain.errors import Invalid
from weft.domain.sent_columns import SentColumns

Vector: TypeAlias = npt.NDArray[np.float32]
"""``(d,)`` for a single vector, ``(T, d)`` for a multi-vector; float32, C order."""


def is_finite(vector: Vector) -> bool:
    """Whether it has neither NaN nor infinity. Its square says so sooner, unless its numbers are great."""
    return math.isfinite(np.vdot(vector, vector)) or bool(np.isfinite(vector).all())


@dataclass(frozen=True, slots=True)
class GeoPoint:
    """Degrees, WGS 84; float32, as the float64 of the same shortest digits."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    input: str
    default_country: str = ""
    country_code: int = 0
    national: int = 0
    international_formatted: str = ""
    national_formatted: str = ""
    valid: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """A pointer to an object of ``collection`` (empty: the property's only target).

    ``stated`` is the JSON object that was decoded, if any: what looks like a reference may be an object of an array.
    ``figures``: those of the classification that made the reference, if one did.
    """

    collection: str
    uuid: bytes
    stated: Mapping[str, object] | None = field(default=None, compare=False, repr=False)
    figures: LabelFigures | None = field(default=None, compare=False, repr=False)


Value: TypeAlias = Any
"""See the table at the top of this module."""

Properties: TypeAlias = dict[str, Value]


class EncodedProperties(NamedTuple):
    """``schema``: names the properties that the encoded ones are; see ``weft.engine.record``."""

    schema: int
    data: bytes


@dataclass(slots=True)
class Object:
    """One object, validated against its schema. ``vectors`` may lack some; ``models``: the fingerprints of the modules
    that have just made some of them, by name of vector. ``classified``: by the latest classification, if any."""

    uuid: bytes
    properties: Properties = field(default_factory=dict)
    vectors: dict[str, Vector] = field(default_factory=dict)
    created_ms: int = 0
    updated_ms: int = 0
    models: dict[str, str] = field(default_factory=dict)
    classified: Classified | None = None
    encoded: EncodedProperties | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class IncomingObject:
    """One object in a request, not yet validated: values as in JSON, except that references are ``Reference``s.

    A wire that recognises references only by their form makes ``Reference``s of all values that have it.
    ``uuid`` is the caller's text, or None to have one made. ``vectors`` are by name; the unnamed vector of a request
    is under ``LEGACY_VECTOR``. ``stored``: what the service made of it, once that is stored by a batch. ``columns``:
    the properties of its batch by property, where the wire has them so, and ``row`` the object's place in them.
    ``models``: the fingerprints of the models that made vectors, as the caller states them, by name of vector.
    ``stored_ms``: of a copy, which is stored as it is, when it was created and last changed elsewhere.
    """

    collection: str
    uuid: str | None
    properties: dict[str, Any] = field(default_factory=dict)
    vectors: dict[str, Vector] = field(default_factory=dict)
    tenant: str | None = None
    stored: Object | None = field(default=None, compare=False, repr=False)
    columns: SentColumns | None = field(default=None, compare=False, repr=False)
    row: int = field(default=0, compare=False, repr=False)
    models: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    stored_ms: tuple[int, int] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class IncomingReference:
    """One reference to be added by a request: from a property of an object to another object.

    ``to_collection`` is empty for the property's only target. Uuids are the caller's text, not yet validated.
    """

    collection: str
    uuid: str
    property: str
    to_collection: str
    to_uuid: str
    tenant: str | None = None


def parse_uuid(text: str) -> bytes:
    """The 16 bytes of ``text``; raises Invalid for anything that is not a uuid."""
    try:
        if len(text) == 36 and text[8] == text[13] == text[18] == text[23] == "-":  # sooner than UUID
            plain = bytes.fromhex(text.replace("-", ""))
            if len(plain) == 16:  # it skips spaces
                return plain
            raise ValueError(text)
        return UUID(text).bytes
    except (ValueError, AttributeError, TypeError):
        form = "00000000-0000-0000-0000-000000000000"
        raise Invalid(f"{str(text)[:80]!r} is not a uuid; expected the form {form}") from None


def format_uuid(uuid: bytes) -> str:
    """Lower case with hyphens."""
    h = uuid.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
