"""Searches by vectors: exact distances of each metric, several vectors of an object, compression, other dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from weft.conformance.bench import Bench
from weft.conformance.check import CheckGroup
from weft.conformance.discrepancy import holds, same
from weft.conformance.reading import counts
from weft.conformance.things import condition, key, numbers_of
from weft.domain.errors import Invalid, Unsupported
from weft.domain.filters import Operator
from weft.domain.objects import Object
from weft.domain.schema import (
    CollectionConfig,
    DataType,
    Metric,
    MultiVector,
    Property,
    Quantizer,
    QuantizerKind,
    VectorConfig,
    VectorIndexConfig,
)
from weft.engine.changes import Remove, Upsert
from weft.engine.part import Part

vectors = CheckGroup("vectors")

_COUNT: Final = 60
_MANY: Final = 600
_RECALL: Final = 0.95
Distances = Callable[[npt.NDArray[np.float32], npt.NDArray[np.float32]], Any]
_DISTANCES: Final[Mapping[Metric, Distances]] = {
    Metric.L2: lambda stored, query: np.square(stored - query).sum(axis=1),
    Metric.DOT: lambda stored, query: -(stored @ query),
    Metric.COSINE: lambda stored, query: 1 - stored @ query / np.linalg.norm(stored, axis=1) / np.linalg.norm(query),
    Metric.MANHATTAN: lambda stored, query: np.abs(stored - query).sum(axis=1),
    Metric.HAMMING: lambda stored, query: (stored != query).sum(axis=1).astype(np.float64),
}


def config_of(*indexes: tuple[str, VectorIndexConfig]) -> CollectionConfig:
    named = {name: VectorConfig(name, index=index) for name, index in indexes}
    return CollectionConfig("Near", (Property("n", DataType.INT),), named)


def fill(part: Part, stored: npt.NDArray[np.float32], name: str = "v") -> None:
    for start in range(0, len(stored), 200):
        some = range(start, min(start + 200, len(stored)))
        part.write([Upsert(Object(_key(n), {"n": n}, {name: stored[n].copy()})) for n in some])


def _key(n: int) -> bytes:
    return key(n) if n < _COUNT else bytes(13) + b"\1" + n.to_bytes(2)


def nearest(part: Part, query: Any, k: int, *, below: int | None = None, name: str = "v") -> tuple[list[int], Any]:
    """The numbers of the objects, and their distances."""
    view = part.view()
    within = None if below is None else view.select(condition(Operator.LESS_THAN, "n", below))
    found = view.nearest(name, np.asarray(query, np.float32), k, within, None)
    records = view.records(found.doc_ids.tolist())
    return [one.properties["n"] for one in records], found.distances


def _exact_distances(bench: Bench, metric: Metric) -> None:
    part = bench.alone(config_of(("v", VectorIndexConfig(kind="flat", metric=metric))))
    rng = np.random.default_rng(bench.seed)
    stored = rng.normal(size=(_COUNT, 8)).astype(np.float32)
    query = rng.normal(size=8).astype(np.float32)
    if metric is Metric.HAMMING:
        stored, query = np.sign(stored), np.sign(query)
    fill(part, stored)
    right = _DISTANCES[metric](stored, query)
    for below in (None, 25):
        numbers, distances = nearest(part, query, 7, below=below)
        wanted = np.sort(right[:below])[:7]
        holds(np.allclose(distances, wanted, rtol=1e-4, atol=1e-5), f"the 7 nearest by {metric} have their distances")
        holds(np.allclose(right[numbers], wanted, rtol=1e-4, atol=1e-5), f"they are the nearest by {metric}")


@vectors.add
def distances_of_l2_squared_are_exact(bench: Bench) -> None:
    _exact_distances(bench, Metric.L2)


@vectors.add
def distances_of_cosine_are_exact(bench: Bench) -> None:
    _exact_distances(bench, Metric.COSINE)


@vectors.add
def distances_of_dot_are_exact(bench: Bench) -> None:
    _exact_distances(bench, Metric.DOT)


@vectors.add
def distances_of_manhattan_are_exact(bench: Bench) -> None:
    _exact_distances(bench, Metric.MANHATTAN)


@vectors.add
def distances_of_hamming_are_exact(bench: Bench) -> None:
    _exact_distances(bench, Metric.HAMMING)


@vectors.add
def multi_vectors_are_ranked_by_maxsim(bench: Bench) -> None:
    index = VectorIndexConfig(metric=Metric.DOT, multivector=MultiVector())
    part = bench.alone(config_of(("v", index)))
    rng = np.random.default_rng(bench.seed)
    stored = [rng.normal(size=(1 + n % 3, 4)).astype(np.float32) for n in range(30)]
    part.write([Upsert(Object(key(n), {"n": n}, {"v": one.copy()})) for n, one in enumerate(stored)])
    query = rng.normal(size=(3, 4)).astype(np.float32)
    right = np.asarray([-(query @ one.T).max(axis=1).sum() for one in stored])
    numbers, distances = nearest(part, query, 7)
    same(numbers, np.argsort(right)[:7].tolist(), "the 7 nearest")
    holds(np.allclose(distances, np.sort(right)[:7], rtol=1e-4), "distances are those of MaxSim")


@vectors.add
def an_object_has_several_vectors(bench: Bench) -> None:
    flat = VectorIndexConfig(kind="flat", metric=Metric.L2)
    part = bench.alone(config_of(("a", flat), ("b", flat)))
    objects = []
    for n in range(20):
        both = {"a": np.full(3, n, np.float32), "b": np.full(5, -n, np.float32)}
        objects.append(Object(key(n), {"n": n}, both if n % 2 else {"a": both["a"]}))
    part.write([Upsert(one) for one in objects])
    same(nearest(part, np.zeros(3), 3, name="a")[0], [0, 1, 2], "the nearest by the first vector")
    same(nearest(part, np.zeros(5), 3, name="b")[0], [1, 3, 5], "the nearest by the second, which half of them have")


@vectors.add
def a_graph_finds_nearly_all_of_the_nearest(bench: Bench) -> str:
    part = bench.alone(config_of(("v", VectorIndexConfig(metric=Metric.COSINE))))
    rng = np.random.default_rng(bench.seed)
    stored = rng.normal(size=(_MANY, 16)).astype(np.float32)
    fill(part, stored)
    found = 0
    for query in rng.normal(size=(10, 16)).astype(np.float32):
        right = set(np.argsort(_DISTANCES[Metric.COSINE](stored, query))[:10].tolist())
        found += len(right & set(nearest(part, query, 10)[0]))
    holds(found >= 100 * _RECALL, f"at least 95 of the 100 nearest of ten queries are found, not {found}")
    return f"{found} of 100 among {_MANY} objects"


@vectors.add
def distances_of_compressed_vectors_are_exact(bench: Bench) -> str:
    rng = np.random.default_rng(bench.seed)
    stored = rng.normal(size=(300, 16)).astype(np.float32)
    right = _DISTANCES[Metric.COSINE](stored, stored[0])
    kinds, refused = [QuantizerKind.SQ, QuantizerKind.RQ, QuantizerKind.BQ, QuantizerKind.PQ], []
    for kind in kinds:
        index = VectorIndexConfig(metric=Metric.COSINE, quantizer=Quantizer(kind, training_limit=250))
        try:
            part = bench.alone(config_of(("v", index)))
        except Unsupported as refusal:
            refused.append(refusal.message)
            continue
        fill(part, stored)
        numbers, distances = nearest(part, stored[0], 10)
        same((numbers[:1], len(numbers)), ([0], 10), f"the nearest by {kind}")
        holds(np.allclose(distances, right[numbers], atol=1e-5), f"distances by {kind} are those of whole vectors")
    return counts(len(kinds), "kinds of compression", refused)


@vectors.add
def a_vector_of_other_dimensions_is_refused_alone(bench: Bench) -> None:
    part = bench.alone(config_of(("v", VectorIndexConfig(kind="flat", metric=Metric.L2))))
    first, other = (Object(key(n), {"n": n}, {"v": np.ones(width, np.float32)}) for n, width in ((1, 4), (2, 3)))
    part.write([Upsert(first)])
    try:
        (outcome,) = part.write([Upsert(other)])
    except Invalid as refusal:
        outcome = refusal
    holds(isinstance(outcome, Invalid), "a vector of 3 dimensions is refused where others have 4")
    view = part.view()
    same((view.dims("v"), numbers_of(view, view.page(None, 9))), (4, [1]), "what is stored after that")


@vectors.add
def a_vector_that_no_object_has_takes_other_dimensions(bench: Bench) -> None:
    part = bench.alone(config_of(("v", VectorIndexConfig(kind="flat", metric=Metric.L2))))
    for width in (4, 6):
        part.write([Upsert(Object(key(n), {"n": n}, {"v": np.full(width, n, np.float32)})) for n in range(5)])
        same(part.view().dims("v"), width, "the dimensions")
        same(nearest(part, np.zeros(width), 2)[0], [0, 1], f"the nearest of {width} dimensions")
        part.write([Remove(key(n)) for n in range(5)])
        same(part.view().dims("v"), None, "the dimensions after no object has the vector")
