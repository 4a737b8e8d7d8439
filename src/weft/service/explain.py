"""Why an object matches a query, token by token: for multi-vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from weft.domain.caller import Caller
from weft.domain.errors import Invalid, NotFound
from weft.domain.objects import Vector, parse_uuid
from weft.domain.query import Targets
from weft.domain.schema import VectorConfig
from weft.engine.part import Part
from weft.engine.results import TokenMatches
from weft.modules.inputs import object_text
from weft.service.collections import Collections
from weft.service.query_limits import QueryLimits
from weft.service.search.embedding import QueryEmbedder
from weft.service.search.targets import resolve
from weft.service.stored_objects import stored_object


@dataclass(frozen=True, slots=True)
class TokenQuestion:
    """About the object ``uuid`` and its multi-vector ``vector`` (None: the only one).

    The query is ``tokens (Tq, d)``, or ``text``, which the vector's module embeds. ``matrix``: return all
    similarities, too.
    """

    collection: str
    uuid: str
    tenant: str | None = None
    vector: str | None = None
    tokens: Vector | None = None
    text: str | None = None
    matrix: bool = False


@dataclass(frozen=True, slots=True)
class TokenExplanation:
    """Which token of the object's ``vector`` is most similar to each query token.

    ``chunks``: the texts of the matched rows, one for each query token, where the vector's rows are chunks of a text.
    """

    vector: str
    matches: TokenMatches
    chunks: Sequence[str] | None = None


class Explainer:
    def __init__(self, collections: Collections, embedder: QueryEmbedder, limits: QueryLimits) -> None:
        self._collections = collections
        self._limits = limits
        self._embedder = embedder

    def run(self, asked: TokenQuestion, caller: Caller) -> TokenExplanation:
        """Raises Invalid if the vector is a single vector, NotFound."""
        collection = self._collections.open(asked.collection)
        with self._collections.use(collection, asked.tenant) as part:
            return self._explained(part, asked, caller)

    def _explained(self, part: Part, asked: TokenQuestion, caller: Caller) -> TokenExplanation:
        (vector,) = resolve(part.config, Targets((asked.vector,) if asked.vector else ()))
        if vector.index.multivector is None:
            raise Invalid(
                f"vector {vector.public_name!r} is a single vector; only multi-vectors have tokens to explain"
            )
        view = part.view(expired=True)
        doc_id = view.find([parse_uuid(asked.uuid)])[0]
        if doc_id is None:
            raise NotFound(f"no object with id '{asked.uuid}' in class {part.config.name}")
        if asked.tokens is not None:
            self._limits.check_vectors([asked.tokens])
            query = np.ascontiguousarray(asked.tokens, np.float32)
        elif asked.text:
            query = self._embedder.texts(part, vector, [asked.text], caller)
        else:
            raise Invalid("give the query as a list of token vectors, or as a text")
        found = view.explain_tokens(vector.name, query, doc_id, matrix=asked.matrix)
        texts = self._chunks(part, vector, parse_uuid(asked.uuid))
        chunks = [texts[i] for i in found.tokens.tolist()] if texts and max(found.tokens) < len(texts) else None
        return TokenExplanation(vector.public_name, found, chunks)

    def _chunks(self, part: Part, vector: VectorConfig, uuid: bytes) -> list[str] | None:
        """The texts of the rows of an object's vector; None where they are not chunks of its text."""
        stored = stored_object(part, uuid, vectors=False)
        if stored is None or vector.vectorizer == "none":
            return None
        return self._embedder.chunks(vector, object_text(part.config, vector, stored.properties))
