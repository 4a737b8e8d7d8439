"""Centroids: vectors of the module ``ref2vec-centroid``, made whenever an object or its references are stored.

Such a vector is the mean of those of the objects that the properties named in ``referenceProperties`` lead to; there is
none if no such object has a vector. Later changes of those objects do not change it. An object with several vectors
counts with the one called ``default``, if it has one.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

import numpy as np

from weft.domain.errors import Invalid, NotFound, WeftError
from weft.domain.objects import Object, Reference, Vector
from weft.domain.schema import CENTROID_MODULE, LEGACY_VECTOR, CollectionConfig, VectorConfig
from weft.engine.changes import Edit
from weft.engine.part import Part
from weft.engine.view import View
from weft.service.collections import Collections

_TURNS: Final = 64


class Centroids:
    def __init__(self, collections: Collections) -> None:
        self._collections = collections
        self._turns = [threading.Lock() for _ in range(_TURNS)]
        """Each for some uuids."""

    def fill(self, config: CollectionConfig, tenant: str | None, objects: Sequence[Object]) -> list[WeftError | None]:
        """Give each object, of the collection and tenant, its vectors of this kind, or take them from it; one error or
        None each."""
        errors: list[WeftError | None] = [None] * len(objects)
        for vector in _made(config):
            for i, obj in enumerate(objects):
                try:
                    self._fill(config, tenant, vector, obj)
                except WeftError as error:
                    errors[i] = errors[i] or error
        return errors

    def edit(
        self, config: CollectionConfig, part: Part, tenant: str | None, edits: Mapping[bytes, Edit]
    ) -> dict[bytes, WeftError]:
        """``part.edit`` with edits of references, after which the vectors are made again.

        Other parts are read in the middle, so the part cannot be locked for other writers; but edits of the same object
        wait for each other here, or a much contended one would fail as a Conflict.
        """
        if not _made(config):
            return part.edit(edits)

        def settled(edit: Edit) -> Edit:
            def apply(obj: Object) -> Object | None:
                changed = edit(obj)
                if changed is not None:
                    for error in filter(None, self.fill(config, tenant, [changed])):
                        raise error
                return changed

            return apply

        with self._in_turn(edits):
            return part.edit({uuid: settled(edit) for uuid, edit in edits.items()}, exclusive=False)

    @contextmanager
    def _in_turn(self, uuids: Mapping[bytes, object]) -> Iterator[None]:
        with ExitStack() as held:
            for place in sorted({hash(uuid) % _TURNS for uuid in uuids}):
                held.enter_context(self._turns[place])
            yield

    def _fill(self, config: CollectionConfig, tenant: str | None, vector: VectorConfig, obj: Object) -> None:
        names = vector.settings.get("referenceProperties")
        properties = [name for name in names if isinstance(name, str)] if isinstance(names, list | tuple) else []
        found = self._vectors(tenant, [one for name in properties for one in _leading(config, name, obj)])
        if len({one.shape for one in found}) > 1:
            raise Invalid(f"the objects that {config.name} refers to have vectors of different dimensions")
        obj.vectors.pop(vector.name, None)
        if found:
            obj.vectors[vector.name] = np.mean(np.stack(found), axis=0, dtype=np.float32)

    def _vectors(self, tenant: str | None, targets: Sequence[Reference]) -> list[Vector]:
        """The vector ``(d,)`` of each target that has one; a target that is referred to twice counts twice."""
        by_collection: dict[str, list[bytes]] = defaultdict(list)
        for target in targets:
            by_collection[target.collection].append(target.uuid)
        found: list[Vector] = []
        for name, uuids in by_collection.items():
            try:
                collection = self._collections.open(name)
                with self._collections.use(collection, tenant if collection.config.tenancy.enabled else None) as part:
                    found += _vectors_in(part.view(), uuids)
            except NotFound:
                continue  # references added in batches may lead to what is not there yet
        return found


def _leading(config: CollectionConfig, property: str, obj: Object) -> list[Reference]:
    """The object's references to collections that the property may point to: a restored one may hold others."""
    declared = config.by_name.get(property)
    targets = () if declared is None else declared.target_collections
    return [one for one in obj.properties.get(property) or () if not one.collection or one.collection in targets]


def _made(config: CollectionConfig) -> list[VectorConfig]:
    return [one for one in config.stored.values() if one.vectorizer == CENTROID_MODULE and not one.index.is_dropped]


def _vectors_in(view: View, uuids: Sequence[bytes]) -> list[Vector]:
    """Of each of the objects that has one: that called ``default``, or else its only one, multi-vectors not counted."""
    doc_ids = [doc_id for doc_id in view.find(uuids) if doc_id is not None]
    single = {name: one.name for name, one in view.config.vectors.items() if one.index.multivector is None}
    stored = {name: view.vectors(own, doc_ids) for name, own in single.items() if doc_ids}
    found: list[Vector] = []
    for place in range(len(doc_ids)):
        present = {name: one for name, vectors in stored.items() if (one := vectors[place]) is not None}
        if LEGACY_VECTOR in present:
            found.append(present[LEGACY_VECTOR])
        elif len(present) == 1:
            found += present.values()
    return found
