"""From the text, media or objects of a search to its query vectors."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial

import numpy as np

from weft.domain.caller import Caller
from weft.domain.deadline import check
from weft.domain.errors import Inapplicable, Invalid, NotFound
from weft.domain.objects import Vector, parse_uuid
from weft.domain.query import Hybrid, Keyword, Move, Near, NearMedia, NearObject, NearText, NearVector, Query
from weft.domain.schema import CollectionConfig, VectorConfig
from weft.engine.part import Part
from weft.engine.view import View
from weft.modules.base import Vectorizer
from weft.modules.inputs import query_settings
from weft.modules.registry import Registry
from weft.service.fingerprints import other_model
from weft.service.search.targets import Target, resolve, weighted


class QueryEmbedder:
    """Makes one query vector for each target vector of a search."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def targets(self, config: CollectionConfig, part: Part, query: Query, caller: Caller) -> list[Target]:
        """The target vectors with their query vectors; none for a keyword search."""
        search = query.search
        if search is None or isinstance(search, Keyword):
            return []
        if isinstance(search, Hybrid):
            if search.alpha == 0:
                return []
            vectors = resolve(config, search.targets)
            if search.near is None:
                made = _MadeOnce()
                queries = [self._once(made, part, v, [search.keyword.text], caller) for v in vectors]
            else:
                queries = self._queries(part, search.near, vectors, caller)
            given = isinstance(search.near, NearVector)
        else:
            vectors = resolve(config, search.targets)
            queries = self._queries(part, search, vectors, caller)
            given = isinstance(search, NearVector)
        return weighted(vectors, queries, search.targets, given=given, maker=self._maker)

    def _maker(self, vector: VectorConfig) -> str:
        """The module that makes ``vector`` and, if known, its model and settings; empty without a module."""
        if vector.vectorizer == "none" or not self._registry.knows(vector.vectorizer):
            return "" if vector.vectorizer == "none" else vector.vectorizer
        _, *space = self._registry.vectorizer(vector.vectorizer).fingerprint(vector.settings).split("|")
        return ", ".join(filter(None, (vector.vectorizer, *space)))

    def _queries(self, part: Part, near: Near, vectors: list[VectorConfig], caller: Caller) -> list[Vector]:
        match near:
            case NearVector():
                return self._given(near, len(vectors))
            case NearText():
                return self._text(part, near, vectors, caller)
            case NearObject():
                return self._object(part, near, vectors)
            case NearMedia():
                return self._media(part, near, vectors, caller)
        raise AssertionError(f"unknown search {type(near).__name__}")

    def _given(self, near: NearVector, count: int) -> list[Vector]:
        if not near.vectors:
            raise Invalid("near_vector: vector is required")
        if len(near.vectors) == 1:
            return list(near.vectors) * count
        if len(near.vectors) != count:
            raise Invalid(f"{len(near.vectors)} query vectors were given for {count} target vectors; give one for each")
        return list(near.vectors)

    def _text(self, part: Part, near: NearText, vectors: Sequence[VectorConfig], caller: Caller) -> list[Vector]:
        texts = list(near.texts)
        if not texts:
            raise Invalid("near_text: at least one concept is required")
        found, made = [], _MadeOnce()
        for vector in vectors:
            query = self._once(made, part, vector, texts, caller)
            for move, toward in ((near.move_to, True), (near.move_away, False)):
                if move is not None and (move.concepts or move.uuids):
                    query = self._moved(made, part, vector, query, move, toward, caller)
            found.append(query)
        return found

    def texts(self, part: Part, vector: VectorConfig, texts: Sequence[str], caller: Caller) -> Vector:
        """The query vector, ``(d,)`` or ``(Tq, d)``, of ``texts``, in the space of ``vector``."""
        return self._vectorizer(part, vector).embed_query(texts, vector.settings, caller)

    def chunks(self, vector: VectorConfig, text: str) -> list[str] | None:
        """The pieces of ``text`` that each have a row of ``vector``; None where rows are something else."""
        if not self._registry.knows(vector.vectorizer):
            return None
        return self._registry.vectorizer(vector.vectorizer).chunks(text, vector.settings)

    def _once(self, made: _MadeOnce, part: Part, vector: VectorConfig, texts: Sequence[str], caller: Caller) -> Vector:
        vectorizer = self._vectorizer(part, vector)
        return made.of(vector, tuple(texts), lambda: vectorizer.embed_query(texts, vector.settings, caller))

    def _media(self, part: Part, near: NearMedia, vectors: Sequence[VectorConfig], caller: Caller) -> list[Vector]:
        if not near.data:
            raise Invalid(f"near_{near.kind}: the {near.kind} is required, as base64")
        found, made = [], _MadeOnce()
        for vector in vectors:
            vectorizer = self._vectorizer(part, vector)
            if near.kind.value not in vectorizer.kinds:
                known = ", ".join(sorted(vectorizer.kinds)) or "nothing, so search by a vector"
                raise Invalid(
                    f"vector {vector.public_name!r} of class {part.config.name} is made by {vector.vectorizer}, which "
                    f"does not embed {near.kind.value}; it embeds {known}"
                )
            embed = partial(vectorizer.embed_media, near.kind, near.data, vector.settings, caller)
            found.append(made.of(vector, near.kind, embed))
        return found

    def _object(self, part: Part, near: NearObject, vectors: Sequence[VectorConfig]) -> list[Vector]:
        if not near.uuid:
            raise Invalid("near_object: id is required")
        view = part.view(expired=True)
        doc_id = view.find([parse_uuid(near.uuid)])[0]
        if doc_id is None:
            raise NotFound(f"near_object: vector not found: there is no object {near.uuid} in class {part.config.name}")
        return [_stored(view, vector, doc_id, near.uuid) for vector in vectors]

    def _moved(
        self,
        made: _MadeOnce,
        part: Part,
        vector: VectorConfig,
        query: Vector,
        move: Move,
        toward: bool,
        caller: Caller,
    ) -> Vector:
        """``query`` moved towards, or away from, the mean of the concepts' and objects' vectors by half the force."""
        if query.ndim != 1:
            raise Invalid(f"vector {vector.public_name!r} is a multi-vector: near_text moves need a single vector")
        if not 0 <= move.force <= 1:
            raise Invalid(f"the force of a move must be from 0 to 1, not {move.force}")
        others = [self._once(made, part, vector, [concept], caller) for concept in move.concepts]
        view = part.view(expired=True)
        ids = view.find([parse_uuid(uuid) for uuid in move.uuids])
        for uuid, doc_id in zip(move.uuids, ids, strict=True):
            if doc_id is None:
                raise NotFound(f"the object {uuid} to move to or away from is not in class {part.config.name}")
            others.append(_stored(view, vector, doc_id, uuid))
        target = np.mean(np.stack(others), axis=0)
        half = move.force / 2
        moved = query * (1 - half) + target * half if toward else query + half * (query - target)
        return np.ascontiguousarray(moved, dtype=np.float32)

    def _vectorizer(self, part: Part, vector: VectorConfig) -> Vectorizer:
        """Raises Invalid if no module can make a vector that is comparable with the stored ones."""
        if vector.vectorizer == "none":
            raise Inapplicable(
                f"could not vectorize input for collection {part.config.name} with search-type nearText. Make sure a "
                "vectorizer module is configured for this collection: VectorFromInput was called without vectorizer on "
                f"vector {vector.public_name!r}; search by vector, or create the collection with a vectorizer"
            )
        vectorizer = self._registry.vectorizer(vector.vectorizer)
        foreign = other_model(part, vector, vectorizer.fingerprint(vector.settings))
        if foreign is not None:
            raise foreign
        return vectorizer


class _MadeOnce:
    """The query vectors of one search: each text or medium is embedded once for all vectors that one module makes with
    the same settings, whichever properties of the objects they come from."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Hashable], list[tuple[object, Vector]]] = {}
        """By module and what was given, with the settings: a search may give thousands of texts."""

    def of(self, vector: VectorConfig, given: Hashable, make: Callable[[], Vector]) -> Vector:
        """The vector that ``make`` returns for ``given``, reused for all vectors of the same module and settings.
        Raises as ``deadline.check``."""
        check()
        settings = query_settings(vector.settings)
        made = self._found.setdefault((vector.vectorizer, given), [])
        for known, found in made:
            if known == settings:
                return found
        found = make()
        made.append((settings, found))
        return found


def _stored(view: View, vector: VectorConfig, doc_id: int, uuid: str) -> Vector:
    stored = view.vectors(vector.name, [doc_id])[0]
    if stored is None:
        raise Inapplicable(
            f"vector not found for target: object {uuid} of class {view.config.name} has no vector "
            f"{vector.public_name!r}"
        )
    return stored
