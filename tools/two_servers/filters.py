"""Random filters as the JSON of REST, and the same for the official client and for GraphQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from weaviate.classes.query import Filter, GeoCoordinate

from two_servers.things import (
    NUMBERS,
    OTHER,
    PROPERTIES,
    TAGS,
    WORDS,
    Json,
    date,
    other_id,
    several,
    text,
    thing_id,
    uuid,
)

_COMPARISONS = ("Equal", "NotEqual", "GreaterThan", "GreaterThanEqual", "LessThan", "LessThanEqual")
_SETS = ("ContainsAny", "ContainsAll", "ContainsNone")
_PATTERNS = [
    "*a*",
    "r?d",
    "t*",
    "*",
    "be*",
    "Be*",
    "gamma*",
    "na*",
    "*ï*",
    "NAÏVE",
    "caf?",
    "*-*",
    "foo.bar",
    "*東*",
    "??",
    "3.1*",
    "t?e*",
    "*E",
    "gamma*delta",
    "the",
    "zeta-*",
]

_VALUES: dict[str, tuple[str, Callable[[Random], Any]]] = {
    "text": ("valueText", lambda rng: rng.choice((*WORDS, *TAGS[:-1], text(rng, 2, 3)))),
    "int": ("valueInt", lambda rng: rng.randint(-6, 21)),
    "number": ("valueNumber", lambda rng: rng.choice((*NUMBERS, 0.5))),
    "boolean": ("valueBoolean", lambda rng: rng.random() < 0.5),
    "date": ("valueDate", date),
    "uuid": ("valueText", uuid),
}
"""By data type: the key of a value, and what draws one."""


def where(rng: Random, depth: int = 2) -> Json:
    chance = rng.random()
    if depth == 0 or chance < 0.5:
        return _leaf(rng)
    if chance < 0.9:
        operands = [where(rng, depth - 1) for _ in range(rng.randint(1, 3))]
        return {"operator": rng.choice(("And", "Or")), "operands": operands}
    return {"operator": "Not", "operands": [where(rng, depth - 1)]}


def maybe(rng: Random, chance: float = 0.4) -> Json | None:
    return where(rng) if rng.random() < chance else None


def _leaf(rng: Random) -> Json:
    match rng.randint(0, 13):
        case 0:
            operator = rng.choice(("Equal", "NotEqual", "ContainsAny", "ContainsNone"))  # all that the client has
            ids = [thing_id(rng.randint(0, 320)) for _ in range(3)]
            return _condition(["id"], operator, "valueText", ids if operator in _SETS else ids[0])
        case 1:
            name = rng.choice(("title", "code", "white", "tri", "tag", "tags"))
            return _condition([name], "Like", "valueText", rng.choice(_PATTERNS))
        case 2:
            names = [name for name, one in PROPERTIES.items() if not one.data_type.startswith("object")]
            return _condition([rng.choice(names)], "IsNull", "valueBoolean", rng.random() < 0.5)
        case 3:
            name = rng.choice(("title", "tag", "tags", "ns", "xs", "days", "flags", "white"))
            return _condition([f"len({name})"], rng.choice(_COMPARISONS), "valueInt", rng.randint(-1, 8))
        case 4:
            at = rng.choice(("2024-01-01T00:00:00Z", "2100-01-01T00:00:00Z"))
            key = rng.choice(("_creationTimeUnix", "_lastUpdateTimeUnix"))
            return _condition([key], rng.choice(_COMPARISONS), "valueDate", at)
        case 5:
            return _referring(rng)
        case 6:
            spot = {"latitude": round(rng.uniform(-80, 80), 2), "longitude": round(rng.uniform(-180, 180), 2)}
            reach = {"geoCoordinates": spot, "distance": {"max": round(rng.uniform(1e5, 8e6))}}
            return _condition(["place"], "WithinGeoRange", "valueGeoRange", reach)
        case 7:
            return _inside(rng)
        case _:
            return _comparing(rng)


def _inside(rng: Random) -> Json:
    """About the objects that are values of a property."""
    at = rng.choice(("detail", "details", "details", "details[0]", "details[1]"))
    name = rng.choice(("note", "rank"))
    if rng.random() < 0.3:
        return _condition([rng.choice((at, f"{at}.{name}"))], "IsNull", "valueBoolean", rng.random() < 0.5)
    key, make = _VALUES["text" if name == "note" else "int"]
    operator = rng.choice((*_COMPARISONS, *_SETS))
    return _condition([f"{at}.{name}"], operator, key, [make(rng), make(rng)] if operator in _SETS else make(rng))


def _comparing(rng: Random) -> Json:
    """Any operator on any type that has values to compare."""
    name, data_type = rng.choice(
        [(name, kind) for name, one in PROPERTIES.items() if (kind := one.data_type.removesuffix("[]")) in _VALUES]
    )
    key, make = _VALUES[data_type]
    operator = rng.choice((*_COMPARISONS, *_SETS))
    return _condition([name], operator, key, [make(rng), *several(make, 2)(rng)] if operator in _SETS else make(rng))


def _referring(rng: Random) -> Json:
    match rng.randint(0, 3):
        case 0:
            return _condition(["to"], rng.choice(_COMPARISONS), "valueInt", rng.randint(0, 3))
        case 1:
            return _condition(["to", OTHER, "size"], rng.choice(_COMPARISONS), "valueInt", rng.randint(0, 8))
        case 2:
            operator, value = rng.choice(
                (("Equal", "red"), ("Equal", "red car"), ("Like", "t?ee"), ("NotEqual", "car"))
            )
            return _condition(["to", OTHER, "name"], operator, "valueText", value)
        case _:
            return _condition(["to", OTHER, "id"], "Equal", "valueText", other_id(rng.randint(0, 8)))


def _condition(path: list[str], operator: str, key: str, value: object) -> Json:
    return {"path": path, "operator": operator, key: value}


_BY_OPERATOR: dict[str, Callable[[Any, Any], Any]] = {
    "Equal": lambda at, value: at.equal(value),
    "NotEqual": lambda at, value: at.not_equal(value),
    "GreaterThan": lambda at, value: at.greater_than(value),
    "GreaterThanEqual": lambda at, value: at.greater_or_equal(value),
    "LessThan": lambda at, value: at.less_than(value),
    "LessThanEqual": lambda at, value: at.less_or_equal(value),
    "Like": lambda at, value: at.like(value),
    "IsNull": lambda at, value: at.is_none(value),
    "ContainsAny": lambda at, value: at.contains_any(value),
    "ContainsAll": lambda at, value: at.contains_all(value),
    "ContainsNone": lambda at, value: at.contains_none(value),
}


def for_rest(filter: Json) -> Json:
    """REST has keys of their own for several values."""
    if "operands" in filter:
        return {**filter, "operands": [for_rest(one) for one in filter["operands"]]}
    return {f"{key}Array" if isinstance(value, list) and key != "path" else key: value for key, value in filter.items()}


def for_client(filter: Json | None) -> Any:
    if filter is None:
        return None
    if "operands" in filter:
        parts = [for_client(one) for one in filter["operands"]]
        match filter["operator"]:
            case "And":
                return Filter.all_of(parts)
            case "Or":
                return Filter.any_of(parts)
            case _:
                return Filter.not_(parts[0])
    value = next(value for key, value in filter.items() if key.startswith("value"))
    at = _target(filter["path"])
    if filter["operator"] == "WithinGeoRange":
        return at.within_geo_range(GeoCoordinate(**value["geoCoordinates"]), value["distance"]["max"])
    return _BY_OPERATOR[filter["operator"]](at, value)


def _target(path: list[str]) -> Any:
    match path:
        case ["id"]:
            return Filter.by_id()
        case ["_creationTimeUnix"]:
            return Filter.by_creation_time()
        case ["_lastUpdateTimeUnix"]:
            return Filter.by_update_time()
        case ["to"]:
            return Filter.by_ref_count("to")
        case ["to", _, "id"]:
            return Filter.by_ref("to").by_id()
        case ["to", _, name]:
            return Filter.by_ref("to").by_property(name)
        case _:
            name = path[0].removeprefix("len(").removesuffix(")")
            return Filter.by_property(name, length=name != path[0])


def for_graphql(value: object, key: str = "") -> str:
    """``value`` as an argument; operators and orders are names there."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {for_graphql(one, name)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(for_graphql(one) for one in value) + "]"
    return str(value) if key in ("operator", "order", "fusionType", "type") else json.dumps(value, ensure_ascii=False)
