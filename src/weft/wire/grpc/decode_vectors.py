"""Bytes of vectors → arrays, and which query vector goes with which target.

    single   float32 little endian, concatenated                                           (d,) f32
    multi    uint16 little endian d, then the float32 of each token vector, concatenated   (T, d) f32

What is empty, cut off or not finite is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np

from weft.domain.errors import Invalid
from weft.domain.objects import Vector, is_finite
from weft.domain.query import Combination, Targets
from weft.domain.schema import CollectionConfig
from weft.protocol import base, base_search
from weft.wire.grpc.recall import Recall

NearMediaMessage: TypeAlias = (
    base_search.NearImageSearch
    | base_search.NearAudioSearch
    | base_search.NearVideoSearch
    | base_search.NearDepthSearch
    | base_search.NearThermalSearch
    | base_search.NearIMUSearch
)
NearMessage: TypeAlias = base_search.NearVector | base_search.NearObject | base_search.NearTextSearch | NearMediaMessage
SearchMessage: TypeAlias = NearMessage | base_search.Hybrid

_F32 = np.dtype("<f4")
_MULTI = base.Vectors.VECTOR_TYPE_MULTI_FP32
_SINGLE = (base.Vectors.VECTOR_TYPE_UNSPECIFIED, base.Vectors.VECTOR_TYPE_SINGLE_FP32)

_COMBINATIONS = {
    base_search.COMBINATION_METHOD_UNSPECIFIED: Combination.MINIMUM,
    base_search.COMBINATION_METHOD_TYPE_MIN: Combination.MINIMUM,
    base_search.COMBINATION_METHOD_TYPE_SUM: Combination.SUM,
    base_search.COMBINATION_METHOD_TYPE_AVERAGE: Combination.AVERAGE,
    base_search.COMBINATION_METHOD_TYPE_RELATIVE_SCORE: Combination.RELATIVE_SCORE,
    base_search.COMBINATION_METHOD_TYPE_MANUAL: Combination.MANUAL,
}
_known_targets: Final = Recall[Targets]()
_ANY: Final = Targets()
_WEIGHTED = (Combination.RELATIVE_SCORE, Combination.MANUAL)


def single_vector(data: bytes) -> Vector:
    """``(d,)`` f32 from concatenated float32."""
    if not data or len(data) % 4:
        raise Invalid(f"a vector of {len(data)} bytes is not a sequence of float32 (4 bytes each); send at least one")
    return _finite(np.frombuffer(data, dtype=_F32))


def multi_vector(data: bytes) -> Vector:
    """``(T, d)`` f32 from a uint16 ``d`` and concatenated float32."""
    if len(data) < 2:
        raise Invalid("a multi-vector begins with its dimensions as uint16; the bytes end before")
    dims = int.from_bytes(data[:2], "little")
    if dims == 0:
        raise Invalid("a multi-vector must have at least one dimension, received 0")
    rest = len(data) - 2
    if rest == 0 or rest % (4 * dims):
        raise Invalid(f"a multi-vector with {dims} dimensions is not a whole number of token vectors in {rest} bytes")
    return _finite(np.frombuffer(data, dtype=_F32, offset=2)).reshape(-1, dims)


def listed_vector(values: Sequence[float]) -> Vector:
    """``(d,)`` f32 from the deprecated list of floats."""
    return _finite(np.array(values, dtype=np.float32))


def vector_of(message: base.Vectors) -> Vector:
    """The vector, ``(d,)`` or ``(T, d)``, of a ``Vectors`` message, by its type."""
    if message.type == _MULTI:
        return multi_vector(message.vector_bytes)
    if message.type in _SINGLE:
        return single_vector(message.vector_bytes)
    raise Invalid(f"unknown vector type {message.type}; expected single (1) or multi (2)")


def only_vector(message: base_search.NearVector | base_search.Hybrid, where: str) -> Vector | None:
    """The vector in ``vectors``, ``vector_bytes`` or ``vector`` of a search message, in this precedence."""
    if len(message.vectors) > 1:
        raise Invalid(f"{where}: only 1 vector supported, found {len(message.vectors)} vectors")
    if message.vectors:
        return vector_of(message.vectors[0])
    if message.vector_bytes:
        return single_vector(message.vector_bytes)
    if message.vector:
        return listed_vector(message.vector)
    return None


def decode_targets(message: SearchMessage) -> Targets:
    """The targets of a search message (``targets``, or the deprecated ``target_vectors``)."""
    if message.HasField("targets"):
        return _known_targets.of(message.targets, (message.targets,), _targets)
    return Targets(tuple(message.target_vectors)) if message.target_vectors else _ANY


def _targets(sent: base_search.Targets) -> Targets:
    combination = _COMBINATIONS.get(sent.combination)
    if combination is None:
        raise Invalid(f"unknown combination method {sent.combination}")
    names = tuple(sent.target_vectors)
    if combination not in _WEIGHTED:
        return Targets(names, combination)
    weights = sent.weights_for_targets
    if len(weights) != len(names):
        raise Invalid(f"number of weights ({len(weights)}) does not match number of targets ({len(names)})")
    for weight, name in zip(weights, names, strict=True):
        if weight.target != name:
            raise Invalid(f"weights must follow the order of the targets: expected one for {name}, got {weight.target}")
        if not np.isfinite(weight.weight):
            raise Invalid(f"the weight of target {name} must be a finite number, received {weight.weight}")
    return Targets(names, combination, tuple(weight.weight for weight in weights))


def decode_near_vector(
    message: base_search.NearVector, targets: Targets, config: CollectionConfig
) -> tuple[Targets, tuple[Vector, ...]]:
    """The targets and the query vector of each: an entry with several vectors becomes several targets."""
    vector = only_vector(message, "near_vector")
    if vector is not None:
        if message.vector_per_target:
            raise Invalid("near_vector: either vector or vector_per_target must be provided, not both")
        return targets, same_for_all(vector, targets, config, "near_vector")
    if message.vector_for_targets:
        return _vector_for_targets(message.vector_for_targets, targets, config)
    if message.vector_per_target:
        return targets, tuple(_vector_per_target(message.vector_per_target, targets, config))
    raise Invalid("near_vector: vector is required")


def _vector_for_targets(
    entries: Sequence[base_search.VectorForTarget], targets: Targets, config: CollectionConfig
) -> tuple[Targets, tuple[Vector, ...]]:
    given = [entry.name for entry in entries]
    expected = list(dict.fromkeys(targets.names) if entries[0].vectors else targets.names) or given
    if len(given) != len(expected):
        raise Invalid("near_vector: vector for target must have the same lengths as target vectors")
    if given != expected:
        raise Invalid(
            f"near_vector: vectors for targets must follow the order of the target vectors. "
            f"All target vectors: {expected} all vectors for targets {given}"
        )
    pairs = [(entry.name, vector) for entry in entries for vector in _entry_vectors(entry, config)]
    names = tuple(name for name, _ in pairs)
    if targets.weights and len(targets.weights) != len(names):
        raise Invalid(
            f"number of weights ({len(targets.weights)}) does not match number of query vectors ({len(names)})"
        )
    return Targets(names, targets.combination, targets.weights), tuple(vector for _, vector in pairs)


def _entry_vectors(entry: base_search.VectorForTarget, config: CollectionConfig) -> Iterator[Vector]:
    """The query vectors of one target: a 2-D one for an index of single vectors is several of them."""
    if not entry.vectors:
        vector = single_vector(entry.vector_bytes)
        _check_kind(vector, config, entry.name)
        yield vector
        return
    for message in entry.vectors:
        vector = vector_of(message)
        if vector.ndim == 2 and _is_multi(config, entry.name) is False:
            yield from vector
        else:
            _check_kind(vector, config, entry.name)
            yield vector


def _vector_per_target(sent: Mapping[str, bytes], targets: Targets, config: CollectionConfig) -> Iterator[Vector]:
    if len(sent) != len(targets.names):
        raise Invalid("near_vector: vector per target must be provided for all targets")
    for name in targets.names:
        if name not in sent:
            raise Invalid(
                f"near_vector: vector for target {name} is required. All target vectors: {list(targets.names)} "
                f"all vectors for targets {sorted(sent)}"
            )
        vector = single_vector(sent[name])
        _check_kind(vector, config, name)
        yield vector


def same_for_all(vector: Vector, targets: Targets, config: CollectionConfig, where: str) -> tuple[Vector, ...]:
    """``vector`` for each target; refuses one whose kind does not fit a target's index."""
    for name in targets.names or (None,):
        _check_kind(vector, config, name, where)
    return (vector,) * max(1, len(targets.names))


def _check_kind(vector: Vector, config: CollectionConfig, name: str | None, where: str = "near_vector") -> None:
    multi = _is_multi(config, name)
    if multi is None or multi == (vector.ndim == 2):
        return
    given, supported = ("a regular vector", "multi vectors") if multi else ("a multi vector", "regular vectors")
    raise Invalid(f"{where}: provided vector is {given} but vector index supports {supported}")


def _is_multi(config: CollectionConfig, name: str | None) -> bool | None:
    """None: the target is unknown or ambiguous, which the service refuses with the list of vectors."""
    if name is None:
        if len(config.vectors) != 1:
            return None
        (declared,) = config.vectors.values()
    elif name in config.vectors:
        declared = config.vectors[name]
    else:
        return None
    return declared.index.multivector is not None


def _finite(vector: Vector) -> Vector:
    if not is_finite(vector):
        raise Invalid("a vector holds a component that is not a finite number (NaN or infinity)")
    return vector
