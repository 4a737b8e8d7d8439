"""Orders of documents by uuid: dense and sparse, by heap and by sorting."""

from __future__ import annotations

import random

import numpy as np
import pytest

from weft.engine.embedded.index.ties import BY_DOC_ID, order_of_ties, ties_of
from weft.engine.embedded.index.ties.first import first_by_uuid
from weft.engine.embedded.index.ties.kernels import precedes


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_documents_come_by_uuid(seed: int, dense: bool) -> None:
    rng = random.Random(seed)
    known = list(range(7, 407)) if dense else sorted(rng.sample(range(5_000), 400))
    uuids = {doc: bytes(rng.choices(range(3), k=15)) + bytes([rng.randrange(256)]) for doc in known}
    ties = ties_of(np.array([uuids[doc] for doc in known], "S16"), np.array(known, np.uint32))
    chosen = rng.sample(known, 300)
    expected = sorted(chosen, key=lambda doc: (uuids[doc], doc))
    for limit in (0, 1, 5, 37, 299, 300):
        found = first_by_uuid(ties, np.array(chosen, np.uint32), limit)
        assert found.tolist() == expected[:limit]
    values = np.array([rng.randrange(4) for _ in chosen], np.float32)
    order = order_of_ties(ties, values, np.array(chosen, np.uint32))
    by_value = dict(zip(chosen, values.tolist(), strict=True))
    assert [chosen[i] for i in order] == sorted(chosen, key=lambda doc: (by_value[doc], uuids[doc], doc))
    for a, b in zip(chosen, expected, strict=True):
        assert precedes(ties, a, b) == ((uuids[a], a) < (uuids[b], b))


def test_what_has_no_uuid_comes_last_and_by_doc_id() -> None:
    ties = ties_of(np.array([b"b" * 16, b"a" * 16], "S16"), np.array([4, 5], np.uint32))
    assert first_by_uuid(ties, np.array([9, 4, 1, 5], np.uint32), 4).tolist() == [5, 4, 1, 9]
    assert [precedes(ties, a, b) for a, b in [(5, 4), (4, 9), (9, 4), (1, 9), (9, 1), (4, 4)]] == [1, 1, 0, 1, 0, 0]
    assert precedes(BY_DOC_ID, 1, 2)
    assert not precedes(BY_DOC_ID, 2, 1)
