"""A service with recipes that point to kinds, over each engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference.driver import ReferenceDriver
from weft.access.access import Access
from weft.catalog.lmdb import LmdbCatalog
from weft.config import Settings
from weft.domain.caller import Caller
from weft.domain.classification import LabelFigures
from weft.domain.jobs import JobStatus
from weft.domain.objects import IncomingObject, Object, Reference, format_uuid
from weft.engine.database import Database
from weft.engine.drivers import open_database
from weft.files.folder_lock import FolderLock
from weft.modules import build_registry
from weft.modules.registry import Registry
from weft.service.classification.request import ClassificationState, NewClassification
from weft.service.schema.document import parse
from weft.service.service import Service

CALLER = Caller()
WAIT_S = 60
_OF_KIND = {"name": "ofKind", "dataType": ["Kind"]}
_OF_ANY = {"name": "ofAny", "dataType": ["Kind", "Other"]}


def uuid(number: int) -> str:
    return format_uuid(key(number))


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


@dataclass
class Kitchen:
    """``Recipe`` with ``text``, ``n``, ``ofKind`` (a Kind) and ``ofAny`` (a Kind or an Other)."""

    service: Service
    registry: Registry

    def put(self, collection: str, number: int, vector: list[float] | None = None, **properties: Any) -> None:
        vectors = {} if vector is None else {"default": np.array(vector, np.float32)}
        incoming = IncomingObject(collection, uuid(number), properties, vectors)
        assert self.service.objects.batch([incoming], CALLER) == [None]

    def recipe(self, number: int, vector: list[float] | None, *kinds: int, **more: Any) -> None:
        """Labelled by its ``kinds``, if any."""
        labels = {"ofKind": [Reference("Kind", key(kind)) for kind in kinds]} if kinds else {}
        self.put("Recipe", number, vector, n=number, text=f"recipe {number}", **labels, **more)

    def get(self, number: int) -> Object:
        return self.service.objects.get("Recipe", uuid(number), None, vectors=True)

    def kind(self, number: int, property: str = "ofKind") -> int | None:
        """The number of the object that the recipe points to."""
        label = self.get(number).properties.get(property)
        return int.from_bytes(label[0].uuid, "big") if label else None

    def figures(self, number: int) -> LabelFigures:
        (label,) = self.get(number).properties["ofKind"]
        assert label.figures is not None
        return dict(label.figures)

    def classify(self, **given: Any) -> ClassificationState:
        """Waits for its end."""
        asked = NewClassification(
            **{"collection": "Recipe", "properties": ("ofKind",), "based_on": ("text",), "kind": "knn", **given}
        )
        return self.until_ended(self.service.classifications.begin(asked, CALLER).record.key)

    def until_ended(self, id: str) -> ClassificationState:
        return self.until(id, JobStatus.SUCCESS, JobStatus.FAILED, JobStatus.CANCELED)

    def until(self, id: str, *statuses: JobStatus) -> ClassificationState:
        end = time.monotonic() + WAIT_S
        while (state := self.service.classifications.get(id)).record.status not in statuses:
            assert time.monotonic() < end
            time.sleep(0.005)
        return state


@pytest.fixture(params=["embedded", "reference"])
def kitchen(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Kitchen]:
    if request.param == "embedded":
        database = open_database(tmp_path, parse, durable=False, write_queue=100_000)
    else:
        database = Database(FolderLock(tmp_path), LmdbCatalog(tmp_path, sync=False), ReferenceDriver(), parse)
    settings, registry = Settings(), build_registry()
    service = Service(settings, database, registry, Access(settings.access, database.folder, durable=False))
    text, number = {"name": "text", "dataType": ["text"]}, {"name": "n", "dataType": ["int"]}
    for name, properties in (
        ("Kind", [text]),
        ("Other", [text]),
        ("Recipe", [text, number, {"name": "texts", "dataType": ["text[]"]}, _OF_KIND, _OF_ANY]),
    ):
        service.collections.create({"class": name, "vectorizer": "none", "properties": properties})
    made = Kitchen(service, registry)
    made.put("Kind", 1, [1, 0], text="sweet")
    made.put("Kind", 2, [0, 1], text="savoury")
    made.put("Other", 3, [-1, 0], text="bitter")
    yield made
    service.close()
    registry.close()
    database.close()
