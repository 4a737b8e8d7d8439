"""Fillers: the jobs that make vectors, and what they make them with."""

from __future__ import annotations

from collections.abc import Callable

from weft.domain.caller import Caller
from weft.domain.errors import NotFound
from weft.domain.json_values import JsonObject
from weft.domain.schema import CollectionConfig, VectorConfig
from weft.engine.driver import OpenCollection
from weft.jobs.filling import REEMBED, Filler
from weft.jobs.job import Job
from weft.jobs.runner import JobRunner
from weft.modules.registry import Registry
from weft.service.reembedding.maker import ObjectVectors
from weft.service.reembedding.places import VectorPlace, VectorPlaces
from weft.service.reembedding.planning import copies
from weft.service.reembedding.throttle import Throttle
from weft.service.schemas import Schemas


class Fillers:
    def __init__(
        self, schemas: Schemas, registry: Registry, runner: JobRunner, places: VectorPlaces, throttle: Throttle
    ) -> None:
        self._schemas = schemas
        self._registry = registry
        self._runner = runner
        self._places = places
        self._throttle = throttle
        runner.add(REEMBED, self._reopen)

    def submit(self, place: VectorPlace, stored: str, caller: Caller) -> None:
        """Begins to fill what engines call ``stored``. Raises Overloaded."""
        name = place.config.name
        request: JsonObject = {"collection": place.collection_id, "vector": place.vector, "stored": stored}
        job = Job(REEMBED, place.key, f"{name}.{place.vector}", (name,), request)
        self._runner.submit(job, self._filler(place.collection, place.vector, stored, caller))

    def maker(
        self,
        collection: OpenCollection,
        vector: Callable[[], VectorConfig],
        config: CollectionConfig | None,
        caller: Caller,
    ) -> ObjectVectors:
        def copied() -> VectorConfig | None:
            target = vector()
            public = target.public_name
            return collection.config.vectors[public] if copies(collection, public, target) else None

        return ObjectVectors(self._registry, collection, vector, copied, self._throttle, caller, config)

    def _reopen(self, job: Job) -> Filler:
        """Raises NotFound when the collection or the vector is gone."""
        collection = self._schemas.database.with_id(str(job.request["collection"]))
        vector, stored = str(job.request["vector"]), str(job.request["stored"])
        if collection is None or stored not in collection.config.stored:
            raise NotFound(f"vector {vector!r} of class {', '.join(job.collections)} was deleted", vector=vector)
        return self._filler(collection, vector, stored, Caller())

    def _filler(self, collection: OpenCollection, vector: str, stored: str, caller: Caller) -> Filler:
        def configured() -> VectorConfig:
            found = collection.config.stored.get(stored)
            if found is None or self._schemas.database.find(collection.config.name) is not collection:
                raise NotFound(f"vector {vector!r} of class {collection.config.name} was deleted", vector=vector)
            return found

        def check() -> None:
            configured()

        def forget() -> None:
            if collection.config.stored.get(stored) is None:
                return
            if stored in collection.config.revisions:
                self._places.remove(self._places.find(collection.config.name, vector), stored)
                return
            for name in collection.active():
                collection.forget_filled(name, stored)

        return Filler(collection, stored, self.maker(collection, configured, None, caller), check, forget)
