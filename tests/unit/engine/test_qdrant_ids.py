"""Ids of points: a tenant's own, in the order of its uuids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.engine.qdrant.ids import PointIds

UUIDS = st.binary(min_size=16, max_size=16)


@given(st.lists(UUIDS, unique=True), st.one_of(st.none(), UUIDS))
@pytest.mark.parametrize("tenant", [None, "one", "two", "a1b2"])
def test_ids_keep_the_order_of_their_uuids(tenant: str | None, uuids: list[bytes], after: bytes | None) -> None:
    ids = PointIds(tenant)
    assert [ids.uuid(ids.of(uuid)) for uuid in uuids] == uuids
    by_id = sorted(ids.of(uuid) for uuid in uuids)
    read = [
        ids.uuid(one)
        for start, end in ids.ranges(after)
        for one in by_id
        if (start is None or one >= start) and (end is None or one < end)
    ]
    assert read == sorted(uuid for uuid in uuids if after is None or uuid > after)


def test_tenants_have_ids_of_their_own() -> None:
    assert PointIds("one").of(bytes(16)) != PointIds("two").of(bytes(16))
    assert PointIds(None).ranges(b"\xff" * 16) == []
