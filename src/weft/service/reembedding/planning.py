"""Planning: what a request means for a vector as it is, and which requests are refused."""

from __future__ import annotations

from weft.domain.errors import Conflict, Invalid, NotFound
from weft.domain.schema import CENTROID_MODULE, CollectionConfig, VectorConfig
from weft.engine.driver import OpenCollection
from weft.modules.registry import Registry
from weft.service.reembedding.places import VectorPlace, VectorPlaces
from weft.service.reembedding.request import WantedVector, iso_time
from weft.service.schema import revisions
from weft.service.schema.documents import Document
from weft.service.schema.revisions import RevisionState
from weft.service.schemas import Schemas


class RevisionPlanner:
    def __init__(self, schemas: Schemas, registry: Registry, places: VectorPlaces) -> None:
        self._schemas = schemas
        self._registry = registry
        self._places = places

    def target(self, place: VectorPlace, wanted: WantedVector) -> tuple[CollectionConfig, VectorConfig]:
        """The configuration in which ``vector`` is as it is wanted, which is stored nowhere yet, and that vector.

        Raises Conflict, Invalid.
        """
        self.check_free(place, wanted)
        collection, vector, config = place.collection, place.vector, place.config
        if wanted.is_as_it_is:
            if vector not in config.vectors:
                raise NotFound(f"class {config.name} has no {place.title}; to add it, name the module that makes it")
            other = place.known.other
            target = config.vectors[vector] if other is None else config.revisions[other.name]
        else:
            old = revisions.entry_of(config.document, vector) if vector in config.vectors else None
            entry = wanted.entry(old, self._registry)

            def edit(document: Document) -> None:
                if old is None:
                    document.setdefault("vectorConfig", {})[vector] = entry
                else:
                    _carry_property_settings(document, next(iter(old["vectorizer"])), next(iter(entry["vectorizer"])))
                    revisions.set_entry(document, vector, entry)

            config = self._schemas.completed(collection, edit)
            target = config.vectors[vector]
            before = collection.config.vectors.get(vector)
            if before is not None and target.is_made_as(before) and target.index == before.index:
                raise Invalid(
                    f"vector {vector!r} of class {config.name} is made like that already; name another module, model "
                    "or setting, or nothing to fill what objects lack"
                )
        if target.index.is_dropped:
            raise Invalid(f"the index of vector {vector!r} was dropped; it takes no vectors")
        if not copies(collection, vector, target) and target.vectorizer in ("none", CENTROID_MODULE):
            who = "callers" if target.vectorizer == "none" else "imports, of the objects that an object refers to"
            raise Invalid(
                f"vector {vector!r} of class {config.name} is made by {who}, not by a model; send the objects with "
                "their vectors, or name a module"
            )
        return config, target

    def check_free(self, place: VectorPlace, wanted: WantedVector) -> None:
        """Raises Conflict while there is another re-embedding."""
        job, title, other = self._places.job(place), place.title, place.known.other
        if job is not None and not job.ended:
            raise Conflict(f"{title} is being re-embedded already ({job.status}); wait for its end, or cancel it")
        if other is None:
            return
        if other.state is RevisionState.PREVIOUS:
            raise Conflict(
                f"the previous revision of {title} is kept until {iso_time(other.until_s)}; roll back, or drop it, "
                "before another one is made"
            )
        if not wanted.is_as_it_is:
            raise Conflict(f"another revision of {title} is there already; cut over to it, or cancel it")

    def extend(self, place: VectorPlace, config: CollectionConfig, target: VectorConfig) -> None:
        """Adds the vector, or a candidate for it, to the schema."""
        vector = place.vector
        entry = revisions.entry_of(config.document, vector)

        def edit(before: CollectionConfig, document: Document) -> None:
            if vector not in before.vectors:
                document.setdefault("vectorConfig", {})[vector] = entry
                return
            _carry_property_settings(document, before.vectors[vector].vectorizer, target.vectorizer)
            revisions.propose(document, vector, entry)

        self._schemas.edit(place.config.name, edit)


def copies(collection: OpenCollection, vector: str, target: VectorConfig) -> bool:
    """Whether the stored vectors are taken as they are: only their index changes."""
    serving = collection.config.vectors.get(vector)
    if serving is None or serving is target or not target.is_made_as(serving):
        return False
    before, after = serving.index.multivector, target.index.multivector
    return (before is None) == (after is None) and (before is None or before.pooling == 1)


def _carry_property_settings(document: Document, before: str, after: str) -> None:
    """What properties say about the module ``before`` (``skip``, ``vectorizePropertyName``) holds for ``after``."""
    for property in document["properties"]:
        modules = property.get("moduleConfig") or {}
        if before in modules and after not in modules and after != "none":
            property["moduleConfig"] = {**modules, after: dict(modules[before])}
