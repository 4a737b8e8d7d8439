"""The vectors of a collection that a search compares with, each with its query vector and weight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from weft.domain.errors import Inapplicable, Invalid
from weft.domain.objects import Vector, is_finite
from weft.domain.query import Combination, Near, Targets
from weft.domain.schema import LEGACY_VECTOR, CollectionConfig, Metric, VectorConfig


@dataclass(frozen=True, slots=True)
class Target:
    """One vector to search, its query, and its weight in the combined distance."""

    vector: VectorConfig
    query: Vector
    weight: float = 1.0
    given: bool = True
    """Whether the caller sent the query vector; otherwise it was made here, or is a stored one."""
    maker: Callable[[], str] = lambda: ""
    """The module and model that make the stored vectors; empty if unknown."""

    def check_dims(self, dims: int) -> None:
        """Raises Invalid for a query whose dimensions differ from those of the stored vectors."""
        got = self.query.shape[-1]
        if got == dims:
            return
        maker = self.maker()
        if not maker:
            way_out = "make the query with the model that made the vectors of the objects"
        elif self.given:
            way_out = f"the stored ones are made by {maker}: make the query with that model, or search with near_text"
        else:
            way_out = (
                f"the query was made by {maker}, the stored ones by another model or by the caller: configure the "
                "module with the model that made them, or import the objects again"
            )
        raise Invalid(
            f"vector lengths don't match: the stored vectors of {self.vector.public_name!r} have {dims} dimensions, "
            f"the query has {got}; {way_out}; or name another target vector",
            expected_dims=dims,
            got_dims=got,
        )


def resolve(config: CollectionConfig, targets: Targets) -> list[VectorConfig]:
    """The vectors that ``targets`` names, in order, repeats kept; if it names none the unnamed vector, else the only
    one."""
    if not targets.names:
        if config.unnamed_vector:
            return [config.vectors[LEGACY_VECTOR]]
        if len(config.vectors) == 1:
            return list(config.vectors.values())
        if not config.vectors:
            raise Inapplicable(f"class {config.name} has no vectors; add one to its configuration to search by vector")
        raise Inapplicable(f"class {config.name} has multiple vectors, but no target vectors were provided")
    found = []
    for name in targets.names:
        vector = config.vectors.get(name)
        if vector is None:
            available = " ".join(config.vectors)
            raise Invalid(
                f"class {config.name} does not have named vector {name} configured. "
                f"Available named vectors [{available}]"
            )
        found.append(vector)
    return found


def weighted(
    vectors: list[VectorConfig],
    queries: list[Vector],
    targets: Targets,
    *,
    given: bool,
    maker: Callable[[VectorConfig], str],
) -> list[Target]:
    """Each vector with its query and its weight under ``targets.combination``; see ``Target``."""
    n = len(vectors)
    weights = targets.weights or (1.0,) * n
    if targets.combination is Combination.AVERAGE:
        weights = (1.0 / n,) * n
    elif targets.combination is Combination.SUM:
        weights = (1.0,) * n
    if len(weights) != n:
        raise Invalid(f"{len(weights)} weights were given for {n} target vectors; give one weight for each")
    made = zip(vectors, queries, weights, strict=True)
    return [
        Target(vector, _checked(vector, query, given), w, given, partial(maker, vector)) for vector, query, w in made
    ]


def distance_limit(near: Near, vectors: list[VectorConfig]) -> float | None:
    """The greatest distance allowed. A certainty, which only cosine has, is converted to one; where one of ``vectors``
    is a multi-vector it limits nothing, as in Weaviate: MaxSim has no bounds."""
    if near.min_certainty is None:
        return near.max_distance
    if near.max_distance is not None:
        raise Invalid("certainty and distance cannot both be given; choose one of them")
    for vector in vectors:
        if vector.index.metric is not Metric.COSINE:
            raise Inapplicable(
                f"certainty is only supported for distance metric cosine; vector {vector.public_name!r} uses "
                f"{vector.index.metric}; limit by distance instead"
            )
    if any(vector.index.multivector is not None for vector in vectors):
        return None
    return 2.0 * (1.0 - near.min_certainty)


def _checked(vector: VectorConfig, query: Vector, given: bool) -> Vector:
    """The query as float32. Raises Invalid if its shape does not fit the vector or its numbers are not finite; of those
    that are ``given`` the wires have checked the latter."""
    query = np.ascontiguousarray(query, dtype=np.float32)
    multi = vector.index.multivector is not None
    if multi and query.ndim != 2:
        raise Invalid(
            f"vector {vector.public_name!r} is a multi-vector: the query must be a list of token vectors, not one "
            "vector"
        )
    if not multi and query.ndim != 1:
        raise Invalid(
            f"vector {vector.public_name!r} is a single vector: the query must be one vector, not a list of token "
            "vectors"
        )
    if query.size == 0:
        raise Invalid("near_vector: vector is required")
    if not given and not is_finite(query):
        raise Invalid("the query vector holds NaN or infinity; every number must be finite")
    return query
