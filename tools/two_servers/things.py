"""What both servers hold: things of every data type and kind of vector, which refer to others."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeAlias
from uuid import UUID

Json: TypeAlias = dict[str, Any]

PREFIX = "Differ"
"""Of every collection that is made, and deleted."""
THING, OTHER = f"{PREFIX}Thing", f"{PREFIX}Other"
OTHERS = 8
_PROSE = (
    "the a of red blue green car bicycle train river mountain house home tree Tree CAR data-base data_base foo.bar "
    "e-mail naïve café straße 東京 猫 犬 1 22 333 3.14 and or not it is in at very long short quick brown fox lazy dog"
)
WORDS = tuple(_PROSE.split())
TAGS = ("alpha", "Beta", "gamma delta", "epsilon", "zeta-eta", "the", "")
NUMBERS = (0.0, -1.5, 2.25, 1e9, 3.0, 0.1)
_START = datetime(2024, 1, 1, tzinfo=UTC)


def text(rng: Random, least: int = 1, most: int = 12) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(least, most)))


def date(rng: Random) -> str:
    """On one of six days."""
    return (_START + timedelta(days=rng.randint(0, 5), hours=rng.choice((0, 0, 12)))).isoformat().replace("+00:00", "Z")


def uuid(rng: Random) -> str:
    return str(UUID(int=rng.randint(0, 5)))


def thing_id(number: int) -> str:
    return str(UUID(int=0xABCDEF0000 + number))


def some_thing_id(rng: Random) -> str:
    """Mostly of a thing that there is, also where there are few."""
    return thing_id(rng.randint(0, rng.choice((50, 50, 310))))


def other_id(number: int) -> str:
    return str(UUID(int=0xFE0000 + number))


def floats(rng: Random, dimensions: int) -> list[float]:
    return [round(rng.gauss(0, 1), 4) for _ in range(dimensions)]


def several(make: Callable[[Random], Any], most: int = 4) -> Callable[[Random], list[Any]]:
    return lambda rng: [make(rng) for _ in range(rng.randint(0, most))]


@dataclass(frozen=True)
class Property:
    """``make`` draws a value, which ``chance`` of the objects have."""

    data_type: str
    make: Callable[[Random], Any]
    chance: float = 0.85
    options: Mapping[str, Any] | None = None


def _tag(rng: Random) -> str:
    return rng.choice(TAGS)


def _place(rng: Random) -> Json:
    return {"latitude": round(rng.uniform(-80, 80), 3), "longitude": round(rng.uniform(-180, 180), 3)}


def _detail(rng: Random) -> Json:
    return {"note": text(rng, 1, 3), "rank": rng.randint(0, 5)}


_DETAILS = [{"name": "note", "dataType": ["text"]}, {"name": "rank", "dataType": ["int"]}]

PROPERTIES: dict[str, Property] = {
    "title": Property("text", lambda rng: text(rng, 0, 6)),
    "body": Property("text", lambda rng: text(rng, 1, 30)),
    "tag": Property("text", _tag, options={"tokenization": "field"}),
    "code": Property("text", lambda rng: text(rng, 1, 3), options={"tokenization": "lowercase"}),
    "white": Property("text", lambda rng: text(rng, 1, 4), options={"tokenization": "whitespace"}),
    "tri": Property("text", lambda rng: text(rng, 1, 3), options={"tokenization": "trigram"}),
    "tags": Property("text[]", several(_tag)),
    "n": Property("int", lambda rng: rng.randint(-5, 20), options={"indexRangeFilters": True}),
    "ns": Property("int[]", several(lambda rng: rng.randint(0, 6))),
    "x": Property("number", lambda rng: rng.choice(NUMBERS)),
    "xs": Property("number[]", several(lambda rng: rng.choice(NUMBERS), 3)),
    "ranged": Property(
        "number", lambda rng: rng.choice(NUMBERS), options={"indexRangeFilters": True, "indexFilterable": False}
    ),
    "flag": Property("boolean", lambda rng: rng.random() < 0.5),
    "flags": Property("boolean[]", several(lambda rng: rng.random() < 0.5, 3), 0.5),
    "day": Property("date", date),
    "days": Property("date[]", several(date, 3)),
    "uid": Property("uuid", uuid),
    "uids": Property("uuid[]", several(uuid, 3)),
    "place": Property("geoCoordinates", _place),
    "raw": Property("blob", lambda rng: base64.b64encode(rng.randbytes(3)).decode(), 0.2),
    "detail": Property("object", _detail, options={"nestedProperties": _DETAILS}),
    "details": Property("object[]", several(_detail, 2), options={"nestedProperties": _DETAILS}),
}

VECTORS: dict[str, tuple[int, str, Json]] = {
    "a": (8, "hnsw", {"distance": "cosine"}),
    "b": (4, "hnsw", {"distance": "l2-squared"}),
    "dot": (3, "hnsw", {"distance": "dot"}),
    "man": (3, "flat", {"distance": "manhattan"}),
    "ham": (6, "hnsw", {"distance": "hamming"}),
    "many": (4, "hnsw", {"distance": "dot", "multivector": {"enabled": True}}),
}
"""By name: dimensions, index, its settings."""


def vector(rng: Random, name: str) -> list[Any]:
    """``(d,)``, of length 1 under cosine; or ``(T, d)`` for "many"."""
    dimensions = VECTORS[name][0]
    match name:
        case "many":
            return [floats(rng, dimensions) for _ in range(rng.randint(1, 4))]
        case "ham":
            return [float(rng.randint(0, 2)) for _ in range(dimensions)]
        case "a":
            drawn = floats(rng, dimensions)
            return [one / math.hypot(*drawn) for one in drawn]
        case _:
            return floats(rng, dimensions)


def classes() -> list[Json]:
    settings = {"indexNullState": True, "indexPropertyLength": True, "indexTimestamps": True}
    names = [{"name": "name", "dataType": ["text"]}, {"name": "size", "dataType": ["int"]}]
    properties = [
        {"name": name, "dataType": [one.data_type], **(one.options or {})} for name, one in PROPERTIES.items()
    ]
    return [
        {"class": OTHER, "properties": names, "invertedIndexConfig": settings, "vectorizer": "none"},
        {
            "class": THING,
            "properties": [*properties, {"name": "to", "dataType": [OTHER]}],
            "invertedIndexConfig": settings,
            "vectorConfig": {
                name: {"vectorizer": {"none": {}}, "vectorIndexType": index, "vectorIndexConfig": config}
                for name, (_, index, config) in VECTORS.items()
            },
        },
    ]


def other(number: int) -> Json:
    """The first has no properties."""
    names = ("red car", "blue car", "tree", "the house")
    properties = {"name": names[number % len(names)], "size": number} if number else {}
    return {"class": OTHER, "id": other_id(number), "properties": properties}


def thing(rng: Random, number: int) -> Json:
    properties = {name: one.make(rng) for name, one in PROPERTIES.items() if rng.random() < one.chance}
    if links := [other_id(rng.randrange(OTHERS)) for _ in range(rng.choice((0, 0, 1, 1, 2)))]:
        properties["to"] = [{"beacon": f"weaviate://localhost/{OTHER}/{link}"} for link in links]
    vectors = {name: vector(rng, name) for name in VECTORS if rng.random() < 0.85}
    return {"class": THING, "id": thing_id(number), "properties": properties, "vectors": vectors}
