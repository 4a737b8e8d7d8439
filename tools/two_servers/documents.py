"""Random bodies of REST requests, right ones and ones with a mistake."""

from __future__ import annotations

import copy
from random import Random
from typing import Any, TypeAlias

from two_servers.filters import for_rest, where
from two_servers.things import OTHER, PREFIX, PROPERTIES, THING, Json, other_id, thing_id

Path: TypeAlias = tuple[str | int, ...]

MADE = f"{PREFIX}Made"
_ODD: tuple[Any, ...] = (None, "", "x", 0, -1, 1, 1.5, 10**12, True, False, [], {}, [None], ["x"], [1], {"x": 1}, "1")


def class_document(rng: Random) -> Json:
    document: Json = {"class": MADE, "description": "made to be looked at"}
    if names := rng.sample(list(PROPERTIES), rng.randint(0, 3)):
        document["properties"] = [_property(rng, name) for name in names]
    if rng.random() < 0.5:
        document["invertedIndexConfig"] = {
            "bm25": {"k1": rng.choice((1.2, 2.0)), "b": rng.choice((0, 0.75, 1))},
            "stopwords": {"preset": rng.choice(("en", "none")), "additions": ["foo"], "removals": ["the"]},
            "indexTimestamps": rng.random() < 0.5,
            "cleanupIntervalSeconds": 60,
        }
    if rng.random() < 0.3:
        document["multiTenancyConfig"] = {"enabled": rng.random() < 0.7, "autoTenantCreation": rng.random() < 0.5}
    match rng.randint(0, 3):
        case 0:
            document |= {"vectorizer": "none", **_index(rng)}
        case 1:
            document["vectorConfig"] = {
                name: {"vectorizer": {"none": {}}, **_index(rng)} for name in rng.sample(("one", "two"), 2)
            }
        case _:
            pass
    return document


def _property(rng: Random, name: str) -> Json:
    one = PROPERTIES[name]
    document: Json = {"name": name, "dataType": [one.data_type], **(one.options or {})}
    if rng.random() < 0.3:
        document |= {"description": "a value", "indexFilterable": rng.random() < 0.5}
    if one.data_type == "text" and rng.random() < 0.3:
        document["indexSearchable"] = rng.random() < 0.5
    return document


def _index(rng: Random) -> Json:
    kind = rng.choice(("hnsw", "flat", "dynamic"))
    distance = rng.choice(("cosine", "dot", "l2-squared", "manhattan", "hamming"))
    settings: Json = {"distance": distance}
    if kind == "hnsw":
        settings |= {"efConstruction": rng.choice((64, 128)), "maxConnections": rng.choice((16, 32)), "ef": -1}
    if kind == "dynamic":
        settings["threshold"] = 5000
    if kind == "hnsw" and rng.random() < 0.3:
        settings["rq"] = {"enabled": True}
    return {"vectorIndexType": kind, "vectorIndexConfig": settings}


def object_document(rng: Random, number: int) -> Json:
    """Not of a class that other questions search."""
    properties: Json = {"name": rng.choice(("red car", "a tree")), "size": rng.randint(0, 9)}
    document: Json = {"class": MADE, "id": other_id(number), "properties": properties}
    if rng.random() < 0.5:
        document["vector"] = [0.5, 1.0, -2.0]
    if rng.random() < 0.3:
        properties |= {"at": "2024-02-03T04:05:06.70Z", "place": {"latitude": 1.5, "longitude": -2.25}}
    return document


def object_class() -> Json:
    kinds = {"name": "text", "size": "int", "x": "number", "flag": "boolean", "at": "date", "place": "geoCoordinates"}
    arrays = {"names": "text[]", "sizes": "int[]"}
    properties = [{"name": name, "dataType": [kind]} for name, kind in (kinds | arrays).items()]
    return {"class": MADE, "vectorizer": "none", "properties": [*properties, {"name": "to", "dataType": [OTHER]}]}


def reference_document(rng: Random) -> Json:
    return {"beacon": f"weaviate://localhost/{OTHER}/{other_id(rng.randint(0, 9))}"}


def delete_document(rng: Random) -> Json:
    """Deletes nothing."""
    return {
        "match": {"class": THING, "where": for_rest(where(rng, 1))},
        "output": rng.choice(("minimal", "verbose")),
        "dryRun": True,
    }


def graphql_document(rng: Random) -> Json:
    query = f'{{ Get {{ {THING}(limit: 1, sort: {{path: ["n"]}}) {{ n _additional {{ id }} }} }} }}'
    return {"query": query, "operationName": None, "variables": rng.choice((None, {}))}


def missing_id(rng: Random) -> str:
    return rng.choice((thing_id(5000), "x", "", "ABC", thing_id(1).upper()))


def mistaken(rng: Random, document: Json) -> tuple[Json, str]:
    """A copy with a value that is left out, renamed, of another type or of another case; and the key at the top."""
    changed = copy.deepcopy(document)
    *way, last = rng.choice(list(_paths(changed, ())))
    holder: Any = changed
    for key in way:
        holder = holder[key]
    match rng.randint(0, 4):
        case 0:
            holder.pop(last)
        case 1 if isinstance(last, str):
            holder[rng.choice((last.upper(), last.lower(), last.title(), f"{last}x"))] = holder.pop(last)
        case 2 if isinstance(holder[last], str):
            holder[last] = rng.choice((holder[last].upper(), f"{holder[last]}é", f" {holder[last]}", holder[last][:-1]))
        case _:
            holder[last] = rng.choice(_ODD)
    return changed, str((*way, last)[0])


def _paths(value: Any, path: Path) -> list[Path]:
    if isinstance(value, dict):
        return [found for key, one in value.items() for found in ((*path, key), *_paths(one, (*path, key)))]
    if isinstance(value, list):
        return [found for key, one in enumerate(value) for found in ((*path, key), *_paths(one, (*path, key)))]
    return []
