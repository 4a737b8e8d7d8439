"""A page encoded in one pass has the bytes of its hits encoded one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from unit.wire.grpc.articles import NAMED
from weft.domain.answer import Answer, Page
from weft.domain.classification import Classified
from weft.domain.errors import CorruptData
from weft.domain.objects import Object
from weft.domain.query import Query, Returns
from weft.engine.record import RecordCodec, Records
from weft.wire.grpc.encode_page import encode_page
from weft.wire.grpc.encode_search import encode_search

CODEC = RecordCodec(NAMED)
OTHERS = (Returns(("title",)), Returns(certainty=True), Returns(vector=True), Returns(explain_score=True))


def stored(number: int, size: int) -> bytes:
    values = {"title": "é" * size, "words": number, "tags": ["a"] * (number % 3)}
    classified = Classified("id", ("a",), ("b",), ("c",), "now") if number % 4 == 3 else None
    uuid = np.random.default_rng(number).bytes(16)
    return CODEC.encode(Object(uuid, values, created_ms=number << 40, updated_ms=number, classified=classified))


def page(sizes: list[int], *, distances: bool = True, scores: bool = True) -> Page:
    n = len(sizes)
    far = np.array([0.25, np.nan, 1e39, -1e39, 1e-46, 0.0])
    good = np.array([0.5, 0.0, -0.0, 1e300, -3.25, 1 / 3])
    records = CODEC.open_all([stored(number, size) for number, size in enumerate(sizes)])
    ids = np.arange(n, dtype=np.uint32)
    return Page(records, ids, np.resize(far, n) if distances else None, np.resize(good, n) if scores else None)


def one_by_one(asked: Page, returns: Returns) -> bytes:
    return encode_search(Answer(asked.hits()), Query(NAMED.name, returns=returns), NAMED)


def at_once(asked: Page, returns: Returns) -> bytes:
    return encode_search(Answer(asked), Query(NAMED.name, returns=returns), NAMED)


@pytest.mark.parametrize("sizes", [[], [0], [1, 40, 41, 42], [63, 64, 8_000, 8_191, 8_192, 20_000, 3]])
def test_every_field_of_every_size(sizes: list[int]) -> None:
    for uuid, distance, score, created, updated, consistent in product([True, False], repeat=6):
        returns = Returns(
            uuid=uuid, distance=distance, score=score, created=created, updated=updated, is_consistent=consistent
        )
        for distances, scores in product([True, False], repeat=2):
            asked = page(sizes, distances=distances, scores=scores)
            assert encode_page(asked, returns, NAMED.name) is not None
            assert at_once(asked, returns) == one_by_one(asked, returns)


@pytest.mark.parametrize("returns", OTHERS)
def test_what_is_asked_for_besides_is_encoded_one_by_one(returns: Returns) -> None:
    asked = page([1, 2])
    assert encode_page(asked, returns, NAMED.name) is None
    assert at_once(asked, returns) == one_by_one(asked, returns)


def test_records_from_before_a_property_was_added_get_its_null() -> None:
    old = stored(1, 3)
    other_tag = old[:2] + b"\1\2\3\4" + old[6:]
    asked = Page(Records([old, other_tag], CODEC), np.arange(2, dtype=np.uint32))
    assert encode_page(asked, Returns(), NAMED.name) is None
    assert at_once(asked, Returns()) == one_by_one(asked, Returns())


@pytest.mark.parametrize("damaged", [b"", bytes(45), b"\3" + stored(1, 3)[1:]])
def test_what_is_no_record_is_refused(damaged: bytes) -> None:
    with pytest.raises(CorruptData):
        at_once(Page(Records([stored(1, 3), damaged], CODEC), np.arange(2, dtype=np.uint32)), Returns())


def test_a_record_that_ends_early_is_not_read_beyond_its_end() -> None:
    whole = stored(1, 3)
    asked = Page(Records([whole[:-1], whole], CODEC), np.arange(2, dtype=np.uint32))
    assert encode_page(asked, Returns(), NAMED.name) is None


def test_large_records_are_encoded_one_by_one_since_most_of_them_may_be_blobs() -> None:
    asked = page([1_000] * 10)
    assert encode_page(asked, Returns(), NAMED.name, 10_000) is None
    assert encode_page(asked, Returns(), NAMED.name, 30_000) is not None
