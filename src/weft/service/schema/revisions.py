"""Revisions of vectors in the document of a collection: what searches use, and what was or will be in its place.

Under ``weftRevisions``, which clients neither see nor set, for each vector that has had a revision:

    serving   what engines call the one that searches use; its entry is that of the vector in the schema
    last      the greatest number of a revision so far; numbers are never used again
    others    by the engines' names: ``entry`` as in ``vectorConfig``, ``state``, and ``until``, in seconds since 1970,
              for one that searches used before

So one change of the document, which is one commit of the catalog, makes another revision serve in all shards at once.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from weft.domain import json_fields
from weft.domain.errors import NotFound
from weft.domain.json_values import JsonObject
from weft.domain.schema import LEGACY_VECTOR, VectorConfig, revision_name
from weft.service.schema import vectors
from weft.service.schema.documents import Document, Stated

KEY: Final = "weftRevisions"


class RevisionState(StrEnum):
    CANDIDATE = "CANDIDATE"
    """Searches may use it later."""
    PREVIOUS = "PREVIOUS"
    """Searches used it before, and can again."""


@dataclass(frozen=True, slots=True)
class Revision:
    """``entry``: as in ``vectorConfig``."""

    name: str
    entry: Stated
    state: RevisionState
    until_s: float = 0.0

    def parsed(self) -> VectorConfig:
        ((module, settings),) = self.entry["vectorizer"].items()
        return vectors.parse(self.name, module, settings, self.entry)


@dataclass(frozen=True, slots=True)
class Revisions:
    """Of the vector that the schema calls ``vector``."""

    vector: str
    serving: str
    last: int = 1
    others: Mapping[str, Revision] = field(default_factory=dict)

    @property
    def other(self) -> Revision | None:
        """There is at most one."""
        return next(iter(self.others.values()), None)

    def parsed(self) -> dict[str, VectorConfig]:
        return {name: one.parsed() for name, one in self.others.items()}

    def to_json(self) -> JsonObject:
        others: JsonObject = {
            one.name: {"entry": dict(one.entry), "state": one.state.value, "until": one.until_s}
            for one in self.others.values()
        }
        return {"serving": self.serving, "last": self.last, "others": others}


def of_document(document: Stated) -> dict[str, Revisions]:
    """By name in the schema; vectors that have only ever had one are not among them."""
    return {name: _of_json(name, one) for name, one in (document.get(KEY) or {}).items()}


def of_vector(document: Stated, vector: str) -> Revisions:
    return of_document(document).get(vector) or Revisions(vector, vector)


def _of_json(vector: str, stored: JsonObject) -> Revisions:
    others = {
        name: Revision(
            name,
            json_fields.object_(one, "entry", KEY) or {},
            RevisionState(str(one["state"])),
            json_fields.number(one, "until", KEY) or 0.0,
        )
        for name, one in (json_fields.object_(stored, "others", KEY) or {}).items()
        if isinstance(one, dict)
    }
    return Revisions(vector, str(stored["serving"]), json_fields.integer(stored, "last", KEY) or 1, others)


# -- changes of a document


def entry_of(document: Stated, vector: str) -> Document:
    """The entry of a vector as in ``vectorConfig``, also of the one that is of the legacy form. Raises NotFound."""
    found = document.get("vectorConfig", {}).get(vector)
    if found is not None:
        return copy.deepcopy(dict(found))
    if vector != LEGACY_VECTOR or "vectorizer" not in document:
        raise NotFound(f"class {document['class']} has no vector {vector!r}", vector=vector)
    module = document["vectorizer"]
    settings = document.get("moduleConfig", {}).get(module) or {}
    entry = {"vectorizer": {module: settings}}
    entry |= {key: document[key] for key in ("vectorIndexType", "vectorIndexConfig") if key in document}
    return copy.deepcopy(entry)


def set_entry(document: Document, vector: str, entry: Stated) -> None:
    """The reverse of ``entry_of``."""
    entry = copy.deepcopy(dict(entry))
    if vector in document.get("vectorConfig", {}):
        document["vectorConfig"][vector] = entry
        return
    ((module, settings),) = entry["vectorizer"].items()
    modules = {name: own for name, own in document.get("moduleConfig", {}).items() if name != document["vectorizer"]}
    if settings:
        modules[module] = settings
    document["vectorizer"] = module
    document |= {key: entry[key] for key in ("vectorIndexType", "vectorIndexConfig") if key in entry}
    document.pop("moduleConfig", None)
    if modules:
        document["moduleConfig"] = modules


def propose(document: Document, vector: str, entry: Stated) -> str:
    """Adds a candidate; returns what engines call it. There is no other revision."""
    known = of_vector(document, vector)
    name = revision_name(vector, known.last + 1)
    added = Revision(name, entry, RevisionState.CANDIDATE)
    _put(document, Revisions(vector, known.serving, known.last + 1, {name: added}))
    return name


def serve(document: Document, vector: str, name: str, state: RevisionState, until_s: float) -> None:
    """Searches use the revision ``name`` from then on; the one that they used is in ``state``. Raises NotFound."""
    known = of_vector(document, vector)
    other = known.others.get(name)
    if other is None:
        raise NotFound(f"vector {vector!r} of class {document['class']} has no other revision any more", vector=vector)
    before = Revision(known.serving, entry_of(document, vector), state, until_s)
    set_entry(document, vector, other.entry)
    _put(document, Revisions(vector, name, known.last, {before.name: before}))


def remove(document: Document, vector: str, name: str) -> None:
    """Idempotent."""
    known = of_vector(document, vector)
    _put(document, Revisions(vector, known.serving, known.last, {n: o for n, o in known.others.items() if n != name}))


def without(document: Stated) -> Stated:
    """The document as clients read it."""
    return {key: value for key, value in document.items() if key != KEY} if KEY in document else document


def _put(document: Document, revisions: Revisions) -> None:
    document[KEY] = {**document.get(KEY, {}), revisions.vector: revisions.to_json()}
