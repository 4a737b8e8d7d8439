"""The objects of a run. All that an object has follows from its number and its version, so a torn one is recognised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np

from weft.domain.objects import Vector

JOINT = range(20)
"""Always there, and always written together, in one batch and one version."""
STEADY = range(20, 40)
"""Always there, written one by one."""
COMING = range(40, 60)
"""Inserted and deleted."""
SOURCES = range(60, 64)
"""Written once. Their references are replaced by ``LINKS`` others, all to steady objects."""

EVERY = frozenset(range(COMING.stop))
"""All but the sources."""

PLACES: tuple[tuple[str, str | None], ...] = (("Plain", None), ("Shared", "t1"))
"""Collections, with the tenant of the one that has tenants."""

LINKS = 3
DIMS = 8
SINGLE = ("flat", "hnsw", "bits")
TOKENS = "tokens"
GROUPS = {"joint": JOINT, "steady": STEADY, "coming": COMING}

_RANDOM = np.random.default_rng(1).normal(size=(4096, DIMS)).astype(np.float32)


def group_of(number: int) -> str:
    return next((name for name, numbers in GROUPS.items() if number in numbers), "source")


def uuid_of(number: int) -> str:
    return str(UUID(int=(number * 7919 + 1) << 64))


NUMBER_OF = {uuid_of(number): number for number in range(SOURCES.stop)}


def vector(number: int, version: int) -> Vector:
    """``(DIMS,)``."""
    found: Vector = _RANDOM[(number * 131 + version * 17) % len(_RANDOM)]
    return found


def vectors(number: int, version: int) -> dict[str, Vector]:
    one = vector(number, version)
    several = np.stack([vector(number + shift, version) for shift in range(1 + version % 3)])
    return {**dict.fromkeys(SINGLE, one), TOKENS: several}


def properties(number: int, version: int) -> dict[str, Any]:
    return {
        "number": number,
        "group": group_of(number),
        "version": version,
        "twice": 2 * version,
        "half": version / 2,
        "word": f"v{version}",
        "text": f"common v{version} " + "and more " * (version % 5),
        "even": version % 2 == 0,
    }


def document(name: str, *, tenants: bool) -> dict[str, Any]:
    """A collection; that with tenants hides what expires, which nothing does."""

    def index(kind: str, **settings: Any) -> dict[str, Any]:
        return {"vectorizer": {"none": {}}, "vectorIndexType": kind, "vectorIndexConfig": settings}

    made: dict[str, Any] = {
        "class": name,
        "properties": [
            {"name": "number", "dataType": ["int"]},
            {"name": "group", "dataType": ["text"], "tokenization": "field"},
            {"name": "version", "dataType": ["int"]},
            {"name": "twice", "dataType": ["int"]},
            {"name": "half", "dataType": ["number"]},
            {"name": "word", "dataType": ["text"], "tokenization": "field"},
            {"name": "text", "dataType": ["text"]},
            {"name": "even", "dataType": ["boolean"]},
            {"name": "to", "dataType": [name]},
        ],
        "vectorConfig": {
            "flat": index("flat", distance="l2-squared"),
            "hnsw": index("hnsw", distance="cosine"),
            "bits": index("hnsw", distance="cosine", bq={"enabled": True}),
            "tokens": index("hnsw", distance="dot", multivector={"enabled": True}),
        },
        "invertedIndexConfig": {"indexTimestamps": True},
    }
    if tenants:
        made["multiTenancyConfig"] = {"enabled": True, "autoTenantCreation": True, "autoTenantActivation": True}
        made["objectTtlConfig"] = {
            "enabled": True, "deleteOn": "_creationTimeUnix", "defaultTtl": 86_400, "filterExpiredObjects": True,
        }  # fmt: skip
    return made


class Torn(AssertionError):
    """Parts of an object that belong to different versions."""


def version_of(uuid: str, seen: Mapping[str, Any], seen_vectors: Mapping[str, Any]) -> int:
    """The version of an object that an answer has, with as many of its parts as it has; raises Torn."""
    number, version = NUMBER_OF[uuid], int(seen["version"])
    whole = properties(number, version)
    parts = {name: value for name, value in seen.items() if name in whole and value is not None}
    if parts != {name: whole[name] for name in parts}:
        raise Torn(f"object {number} is {parts}, and version {version} of it {whole}")
    given = vectors(number, version)
    for name, one in seen_vectors.items():
        if not np.array_equal(np.asarray(one, np.float32), given[name]):
            raise Torn(f"the vector {name} of object {number} is not of version {version}")
    return version
