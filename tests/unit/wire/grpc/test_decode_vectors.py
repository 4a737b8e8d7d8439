"""Bytes of vectors and the pairing of query vectors with targets."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from unit.wire.grpc.articles import LEGACY, NAMED
from weft.domain.errors import Invalid
from weft.domain.query import Combination, Targets
from weft.protocol import base, base_search
from weft.wire.grpc.decode_vectors import decode_near_vector, decode_targets, multi_vector, single_vector

MULTI = base.Vectors.VECTOR_TYPE_MULTI_FP32
SINGLE = base.Vectors.VECTOR_TYPE_SINGLE_FP32


def f32(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def multi(dims: int, *values: float) -> bytes:
    return struct.pack("<H", dims) + f32(*values)


def near(**fields: Any) -> tuple[Targets, list[Any]]:
    message = base_search.NearVector(**fields)
    targets, vectors = decode_near_vector(message, decode_targets(message), NAMED)
    return targets, [v.tolist() for v in vectors]


def test_single_and_multi() -> None:
    assert single_vector(f32(1, 2, 3)).tolist() == [1, 2, 3]
    tokens = multi_vector(multi(2, 1, 2, 3, 4))
    assert tokens.tolist() == [[1, 2], [3, 4]]
    assert tokens.dtype == np.float32


@pytest.mark.parametrize("data", [b"", b"abc", f32(1) + b"x", f32(float("nan")), f32(1, float("inf"))])
def test_bad_single_vectors_are_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        single_vector(data)


@pytest.mark.parametrize(
    "data", [b"", b"\x01", multi(0, 1), multi(2), multi(2, 1), multi(2, 1, 2, 3), multi(2, 1, float("nan"))]
)
def test_bad_multi_vectors_are_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        multi_vector(data)


def test_large_finite_components_are_accepted() -> None:
    assert single_vector(f32(3e38, 3e38)).tolist() == pytest.approx([3e38, 3e38])


def test_precedence_is_vectors_then_bytes_then_list() -> None:
    one = base.Vectors(vector_bytes=f32(1))
    assert near(vectors=[one], vector_bytes=f32(2), vector=[3], target_vectors=["plain"])[1] == [[1]]
    assert near(vector_bytes=f32(2), vector=[3], target_vectors=["plain"])[1] == [[2]]
    assert near(vector=[3], target_vectors=["plain"])[1] == [[3]]
    with pytest.raises(Invalid, match="only 1 vector supported, found 2"):
        near(vectors=[one, one])
    with pytest.raises(Invalid, match="near_vector: vector is required"):
        near()


def test_one_vector_goes_to_every_target() -> None:
    targets, vectors = near(vector_bytes=f32(1, 2), targets=base_search.Targets(target_vectors=["plain", "other"]))
    assert targets.names == ("plain", "other")
    assert vectors == [[1, 2], [1, 2]]


def test_the_kind_of_vector_must_fit_the_index() -> None:
    with pytest.raises(Invalid, match="is a multi vector but vector index supports regular vectors"):
        near(vectors=[base.Vectors(vector_bytes=multi(1, 1), type=MULTI)], target_vectors=["plain"])
    with pytest.raises(Invalid, match="is a regular vector but vector index supports multi vectors"):
        near(vector_bytes=f32(1), target_vectors=["colbert"])
    message = base_search.NearVector(vectors=[base.Vectors(vector_bytes=multi(1, 1), type=MULTI)])
    with pytest.raises(Invalid, match="supports regular vectors"):
        decode_near_vector(message, Targets(), LEGACY)


def for_target(name: str, *vectors: bytes, type: base.Vectors.VectorType = SINGLE) -> base_search.VectorForTarget:
    return base_search.VectorForTarget(
        name=name, vectors=[base.Vectors(name=name, vector_bytes=v, type=type) for v in vectors]
    )


def test_several_vectors_of_one_target_become_several_targets() -> None:
    targets, vectors = near(
        targets=base_search.Targets(
            target_vectors=["plain", "colbert"], combination=base_search.COMBINATION_METHOD_TYPE_SUM
        ),
        vector_for_targets=[
            for_target("plain", multi(2, 1, 2, 3, 4), type=MULTI),
            for_target("colbert", multi(1, 5, 6), type=MULTI),
        ],
    )
    assert targets == Targets(("plain", "plain", "colbert"), Combination.SUM)
    assert vectors == [[1, 2], [3, 4], [[5], [6]]]


def test_weights_follow_the_expanded_targets() -> None:
    weights = [base_search.WeightsForTarget(target=t, weight=w) for t, w in (("plain", 1), ("plain", 2), ("other", 3))]
    sent = base_search.Targets(
        target_vectors=["plain", "plain", "other"],
        weights_for_targets=weights,
        combination=base_search.COMBINATION_METHOD_TYPE_MANUAL,
    )
    entries = [for_target("plain", f32(1), f32(2)), for_target("other", f32(3))]
    targets, vectors = near(targets=sent, vector_for_targets=entries)
    assert targets == Targets(("plain", "plain", "other"), Combination.MANUAL, (1, 2, 3))
    assert vectors == [[1], [2], [3]]
    with pytest.raises(Invalid, match="number of weights"):
        near(targets=sent, vector_for_targets=[for_target("plain", f32(1)), for_target("other", f32(3))])


def test_weights_must_fit_their_targets() -> None:
    sent = base_search.Targets(target_vectors=["a"], combination=base_search.COMBINATION_METHOD_TYPE_MANUAL)
    with pytest.raises(Invalid, match="number of weights"):
        decode_targets(base_search.NearObject(targets=sent))
    sent.weights_for_targets.add(target="b", weight=1)
    with pytest.raises(Invalid, match="order of the targets"):
        decode_targets(base_search.NearObject(targets=sent))


def test_vectors_for_targets_must_match_the_targets() -> None:
    sent = base_search.Targets(target_vectors=["plain", "other"])
    with pytest.raises(Invalid, match="same lengths"):
        near(targets=sent, vector_for_targets=[for_target("plain", f32(1))])
    with pytest.raises(Invalid, match="order of the target vectors"):
        near(targets=sent, vector_for_targets=[for_target("other", f32(1)), for_target("plain", f32(1))])


def test_legacy_vector_per_target() -> None:
    sent = base_search.Targets(target_vectors=["plain", "other"])
    _, vectors = near(targets=sent, vector_per_target={"other": f32(2), "plain": f32(1)})
    assert vectors == [[1], [2]]
    with pytest.raises(Invalid, match="vector for target other is required"):
        near(targets=sent, vector_per_target={"x": f32(2), "plain": f32(1)})
