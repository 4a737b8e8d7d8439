"""The consistency level of batches, which are not read by their message classes."""

from __future__ import annotations

import pytest

from weft.domain.consistency import ConsistencyLevel
from weft.protocol import base, batch
from weft.wire.grpc.consistency import batch_level

LEVELS = {
    None: None,
    base.CONSISTENCY_LEVEL_UNSPECIFIED: None,
    base.CONSISTENCY_LEVEL_ONE: ConsistencyLevel.ONE,
    base.CONSISTENCY_LEVEL_QUORUM: ConsistencyLevel.QUORUM,
    base.CONSISTENCY_LEVEL_ALL: ConsistencyLevel.ALL,
}


@pytest.mark.parametrize("count", [0, 1, 300])
@pytest.mark.parametrize("level", LEVELS)
def test_the_level_of_a_batch(count: int, level: base.ConsistencyLevel | None) -> None:
    request = batch.BatchObjectsRequest(consistency_level=level)
    for n in range(count):
        request.objects.add(collection="C" * (n + 1), vector_bytes=b"\x10\x01" * (n % 90))
    assert batch_level(request.SerializeToString()) is LEVELS[level]


@pytest.mark.parametrize("data", [b"", b"\x10", b"\x10\x01\x0a", b"\x0a\xff\xff\xff\x10\x01", b"\x0a\x02\x10\x01"])
def test_what_is_no_batch_with_a_level_has_none(data: bytes) -> None:
    assert batch_level(data) is None
