"""Places: the vectors of collections, with their revisions and the jobs that make them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weft.domain.errors import NotFound
from weft.domain.jobs import JobRecord
from weft.domain.schema import CollectionConfig
from weft.engine.driver import OpenCollection
from weft.jobs.filling import REEMBED
from weft.jobs.job import Job
from weft.jobs.runner import JobRunner
from weft.service.schema import revisions
from weft.service.schema.documents import Document
from weft.service.schema.revisions import Revisions
from weft.service.schemas import Schemas


@dataclass(frozen=True, slots=True)
class VectorPlace:
    """A vector of a collection, with its revisions as they are when it is found."""

    collection: OpenCollection
    collection_id: str
    vector: str
    known: Revisions

    @property
    def config(self) -> CollectionConfig:
        return self.collection.config

    @property
    def key(self) -> str:
        """Of its jobs."""
        return f"{self.collection_id} {self.vector}"

    @property
    def title(self) -> str:
        return f"vector {self.vector!r} of class {self.config.name}"

    def lacking(self, stored: str) -> int | None:
        """How many objects have no vector that engines call ``stored``; None where that is not counted."""
        total, collection = 0, self.collection
        for name in collection.active():
            with collection.use(name if collection.config.tenancy.enabled else None):
                (facts,) = collection.facts(name)
            if facts.lacking is None:
                return None
            total += facts.lacking.get(stored, 0)
        return total

    @property
    def objects(self) -> int:
        """Of the active shards."""
        return sum(self.collection.count(name) for name in self.collection.active())


class VectorPlaces:
    def __init__(self, schemas: Schemas, runner: JobRunner) -> None:
        self._schemas = schemas
        self._runner = runner

    def find(self, name: str, vector: str, *, new: bool = False) -> VectorPlace:
        """Raises NotFound. ``new``: the collection need not have the vector yet."""
        collection = self._schemas.open(name)
        config = collection.config
        if vector not in config.vectors and not new:
            known = ", ".join(config.vectors) or "none"
            raise NotFound(
                f"class {config.name} has no vector {vector[:80]!r}; its vectors are: {known}", vector=vector
            )
        return self._place(collection, vector)

    def all(self) -> Sequence[VectorPlace]:
        """The vectors that have another revision, or a job."""
        found = []
        for collection in self._schemas.database.collections():
            id = self._schemas.database.id_of(collection.config.name)
            named = {str(one.request["vector"]) for one in self._records(id)}
            named |= {name for name, one in revisions.of_document(collection.config.document).items() if one.others}
            found += [self._place(collection, name) for name in sorted(named & collection.config.vectors.keys())]
        return found

    def job(self, place: VectorPlace) -> Job | None:
        """The last one in this process, or one that it continues."""
        return self._runner.find(REEMBED, place.key)

    def record(self, place: VectorPlace) -> JobRecord | None:
        return self._runner.record(REEMBED, place.key)

    def edit(self, place: VectorPlace, edit: Callable[[Document], None]) -> None:
        self._schemas.edit(place.config.name, lambda config, document: edit(document))

    def remove(self, place: VectorPlace, stored: str) -> None:
        """The revision that engines call ``stored``, with its vectors."""
        with self._schemas.turn:
            self.edit(place, lambda document: revisions.remove(document, place.vector, stored))

    def _place(self, collection: OpenCollection, vector: str) -> VectorPlace:
        id = self._schemas.database.id_of(collection.config.name)
        return VectorPlace(collection, id, vector, revisions.of_vector(collection.config.document, vector))

    def _records(self, collection_id: str) -> Sequence[JobRecord]:
        mine = [one for one in self._runner.records() if one.kind == REEMBED.name]
        return [one for one in mine if one.request.get("collection") == collection_id]
