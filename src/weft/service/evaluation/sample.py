"""A copy of some objects of a collection, with vectors and indexes that the collection does not have.

It is a collection in a database of its own, below the server's folder, so that other models, quantizers and poolings
are tried by the same searches that would serve them, while nothing of the collection changes. It holds the objects that
queries are about, those that keywords find best for them, as these are the hardest to distinguish, and others at
random. After a restart it is opened again, and what it has is not embedded again.
"""

from __future__ import annotations

import copy
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.domain.objects import Object, parse_uuid
from weft.domain.query import Keyword
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig, DataType
from weft.engine.changes import Upsert
from weft.engine.drivers import open_database
from weft.engine.part import Part
from weft.engine.view import View, find_objects
from weft.evaluation.variant import Variant, VectorChoice
from weft.modules.registry import Registry
from weft.service.centroids import Centroids
from weft.service.evaluation.request import EvaluationPlan, JudgedQuery, OtherModel
from weft.service.evaluation.searching import Searched
from weft.service.schema.document import parse
from weft.service.search_service import SearchService
from weft.service.settings import ServiceSettings
from weft.service.vectorize import ObjectVectorizer
from weft.service.vectors import pooled

_SEED: Final = 17
_ALL: Final = 2**31 - 1
_PER_WRITE: Final = 100
_FOUND_BY_KEYWORD: Final = 10
_WRITE_QUEUE: Final = 1_000
_INDEXING_S: Final = 60.0
"""How long the indexes of the copy may take; what is not ready by then is searched exactly."""
_LOOK_EVERY_S: Final = 0.1
_OF_CLUSTER: Final = ("shardingConfig", "replicationConfig", "multiTenancyConfig", "objectTtlConfig")
_OF_ONE_VECTOR: Final = ("vectorizer", "vectorIndexType", "vectorIndexConfig", "moduleConfig")


def sampled(view: View, queries: Sequence[JudgedQuery], count: int) -> list[bytes]:
    """The uuids of about ``count`` objects, all of them if there are no more; in order."""
    everything = view.page(None, _ALL)
    if len(everything) <= count:
        return view.uuids(everything.tolist())
    judged = {parse_uuid(uuid) for query in queries for uuid in query.relevant}
    chosen = {one for one in view.find(sorted(judged)) if one is not None}
    for query in queries if any(one.index_searchable for one in view.config.properties) else ():
        if query.text and len(chosen) < count:
            chosen.update(view.keyword(Keyword(query.text), _FOUND_BY_KEYWORD, None).doc_ids.tolist())
    for doc_id in np.random.default_rng(_SEED).permutation(everything).tolist():
        if len(chosen) >= count:
            break
        chosen.add(doc_id)
    return sorted(view.uuids(sorted(chosen)))


class SampleCollection:
    """``folder`` is its own, and is removed with it."""

    def __init__(
        self,
        folder: Path,
        settings: ServiceSettings,
        registry: Registry,
        source: CollectionConfig,
        plan: EvaluationPlan,
    ) -> None:
        self._folder = folder
        self._registry = registry
        self._plan = plan
        self._choices = list(dict.fromkeys(one.vector for one in plan.variants if one.vector is not None))
        self._database = open_database(folder, parse, durable=True, write_queue=_WRITE_QUEUE)
        self._service = SearchService(settings, self._database, registry)
        self._vectorizer = ObjectVectorizer(registry, Centroids(self._service.collections))
        self._source = source
        self._objects = 0

    @property
    def objects(self) -> int:
        return self._objects

    def fill(
        self, view: View, part: Part, uuids: Sequence[bytes], caller: Caller, go_on: Callable[[int], None]
    ) -> list[str]:
        """Copies the objects ``uuids`` of ``view``, and embeds them; ``go_on`` is called with how many more are done.
        Returns why some have no vector, each reason once. Raises Invalid where the schema of the copy is not possible,
        and whatever made every object fail."""
        collections = self._service.collections
        if collections.find(self._source.name) is None:
            collections.create(self._document(len(uuids)))
        collection = collections.open(self._source.name)
        reasons: dict[str, None] = {}
        last: WeftError | None = None
        with collections.use(collection, None) as target:
            present = target.view().find(uuids)
            go_on(sum(one is not None for one in present))
            left = [uuid for uuid, doc_id in zip(uuids, present, strict=True) if doc_id is None]
            for begin in range(0, len(left), _PER_WRITE):
                objects = [
                    self._copied(one[1], part)
                    for one in find_objects(view, left[begin : begin + _PER_WRITE], vectors=True)
                    if one is not None
                ]
                errors = self._vectorizer.fill(self._new_only(collection.config), target, None, objects, caller)
                whole = [obj for obj, error in zip(objects, errors, strict=True) if error is None]
                for error in errors:
                    if error is not None:
                        last = error
                        reasons[error.message] = None
                target.write([Upsert(obj) for obj in whole])
                go_on(len(objects))
            self._objects = target.count
        if not self._objects and last is not None:
            raise last
        self._settle(go_on)
        return list(reasons)

    def searched(self, keyword_properties: tuple[str, ...]) -> Searched:
        """For ``VariantSearch``."""
        service = self._service
        return Searched(
            service.searcher, service.collections, self._source.name, None, self._vector_name, keyword_properties
        )

    def view(self) -> View:
        collections = self._service.collections
        with collections.use(collections.open(self._source.name), None) as part:
            return part.view()

    def name_of(self, choice: VectorChoice) -> str:
        """The name in the copy."""
        return f"v{self._choices.index(choice)}"

    def memory(self) -> Mapping[str, int]:
        """Bytes by component, see ``ShardFacts``."""
        return self._service.collections.open(self._source.name).facts()[0].memory

    def close(self) -> None:
        self._database.close()

    def remove(self) -> None:
        """Closes and deletes it."""
        self.close()
        remove_sample(self._folder)

    # -- its schema

    def _document(self, count: int) -> dict[str, Any]:
        """That of the collection, with a named vector for each choice; ``count``: how many objects it gets."""
        document = copy.deepcopy(dict(self._source.document))
        for key in (*_OF_CLUSTER, *_OF_ONE_VECTOR):
            document.pop(key, None)
        references = {one.name for one in self._source.properties if one.data_type is DataType.REFERENCE}
        document["properties"] = [one for one in document["properties"] if one["name"] not in references]
        document["vectorConfig"] = {self.name_of(choice): self._entry(choice, count) for choice in self._choices}
        return document

    def _entry(self, choice: VectorChoice, count: int) -> dict[str, Any]:
        if choice.module:
            model = self._model(choice)
            entry: dict[str, Any] = {"vectorizer": {model.module: dict(model.settings)}, "vectorIndexType": "hnsw"}
            index: dict[str, Any] = {"skipDefaultQuantization": True}
        else:
            vector, document = self._source.vectors[choice.name], self._source.document
            entry = copy.deepcopy(dict(document.get("vectorConfig", {}).get(choice.name) or {}))
            if choice.name == LEGACY_VECTOR and self._source.unnamed_vector:
                entry = {key: copy.deepcopy(document[key]) for key in _OF_ONE_VECTOR[1:3] if key in document}
                entry["vectorizer"] = {vector.vectorizer: dict(vector.settings)}
            index = entry.get("vectorIndexConfig") or {}
        if choice.quantizer:
            for kind in ("pq", "bq", "sq", "rq"):
                if kind in index or kind == choice.quantizer:
                    block = index.setdefault(kind, {})
                    block["enabled"] = kind == choice.quantizer
                    if kind in ("pq", "sq"):
                        block["trainingLimit"] = max(1, min(block.get("trainingLimit", count), count))
            index["skipDefaultQuantization"] = True
        if choice.ef:
            index["ef"] = choice.ef
        if choice.pooling:
            index.setdefault("multivector", {"enabled": True})["tokenPooling"] = {"factor": choice.pooling}
        return {**entry, "vectorIndexConfig": index}

    def _model(self, choice: VectorChoice) -> OtherModel:
        return self._plan.models[VectorChoice(module=choice.module, model=choice.model).label]

    # -- its objects

    def _copied(self, obj: Object, part: Part) -> Object:
        """Without references, and with the vectors that the choices share with the collection."""
        properties = {
            name: value
            for name, value in obj.properties.items()
            if name in self._source.by_name and self._source.by_name[name].data_type is not DataType.REFERENCE
        }
        vectors, models = {}, {}
        config = self._service.collections.open(self._source.name).config
        for choice in self._choices:
            known = self._source.vectors.get(choice.name)
            own = choice.name if known is None else known.name
            stored = obj.vectors.get(own) if not choice.module else None
            if stored is not None:
                name = self.name_of(choice)
                vectors[name] = pooled(config.vectors[name], stored) if choice.pooling else stored
                if model := part.models.get(own):
                    models[name] = model
        return Object(obj.uuid, properties, vectors, obj.created_ms, obj.updated_ms, models)

    def _new_only(self, config: CollectionConfig) -> CollectionConfig:
        """With the vectors that have to be made, alone: what an object of the collection lacks, its copy lacks."""
        made = {self.name_of(choice) for choice in self._choices if choice.module}
        return replace(config, vectors={name: one for name, one in config.vectors.items() if name in made})

    def _settle(self, go_on: Callable[[int], None]) -> None:
        """Waits until the indexes are built, or are not built further."""
        collection = self._service.collections.open(self._source.name)
        ends = time.monotonic() + _INDEXING_S
        before, since = -1, time.monotonic()
        while (now := time.monotonic()) < ends:
            go_on(0)
            left = sum(one.vector_queue for one in collection.facts())
            if left != before:
                before, since = left, now
            if not left or now - since > 1:
                return
            time.sleep(_LOOK_EVERY_S)

    def _vector_name(self, variant: Variant) -> str:
        assert variant.vector is not None, variant
        return self.name_of(variant.vector)


def remove_sample(folder: Path) -> None:
    """Of an evaluation that has ended; does nothing if it is gone."""
    shutil.rmtree(folder, ignore_errors=True)
