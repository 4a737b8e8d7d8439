"""Each kernel against its reference."""

from __future__ import annotations

import random
import re
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from reference import inverted_kernels as reference
from weft.engine.embedded.index.inverted import kernels
from weft.engine.embedded.index.inverted.kernels.terms import ANY, ONE
from weft.engine.embedded.index.inverted.segment import encode_pairs, pack
from weft.engine.embedded.index.inverted.sums import NOTHING, SumsPool
from weft.engine.embedded.index.ties import BY_DOC_ID, Ties, ties_of

SEEDS = range(6)


def dictionary(keys: list[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    blob = np.array(bytearray(b"".join(keys)), np.uint8)
    offsets = np.cumsum([0, *map(len, keys)])
    blob.setflags(write=False)
    offsets.setflags(write=False)
    return blob, offsets


def words(rng: random.Random, most: int) -> list[bytes]:
    return sorted({bytes(rng.choices(b"abc\xff", k=rng.randrange(5))) for _ in range(rng.randrange(1, most))})


class Postings:
    """Random lists over a doc_id range that spans several windows."""

    def __init__(self, rng: random.Random, lists: int) -> None:
        span = rng.choice([50, 5_000, 200_000])
        sizes = [rng.choice([1, 10, 400, 3_000]) for _ in range(lists)]
        found = [sorted(rng.sample(range(span), min(size, span))) for size in sizes]
        self.ends = np.cumsum([len(one) for one in found])
        self.starts = self.ends - [len(one) for one in found]
        self.docs = np.array([doc for one in found for doc in one], np.uint32)
        self.codes = np.array([rng.randrange(40) for _ in self.docs], np.uint16)
        impacts = [rng.choice([0.1, 0.25, 0.5, rng.random() * 0.98 + 0.01]) for _ in range(3 * 40)]
        self.impacts = np.array(impacts).reshape(3, 40)
        self.tables = np.array([rng.randrange(3) for _ in range(lists)])
        self.ratios = np.ones(lists)
        uuids = rng.choice([None, [rng.randbytes(16) for _ in range(span)]])
        self.ties = BY_DOC_ID if uuids is None else ties_of(np.array(uuids, "S16"), np.arange(span, dtype=np.uint32))
        self.order: reference.Order = int if uuids is None else uuids.__getitem__
        self.weights = np.array([rng.choice([0.0, 1.0, 1.0, rng.random() * 8]) for _ in range(lists)])
        self.magic = 64.0
        posts = np.concatenate(([0], self.ends))
        self.of_blocks = np.zeros(len(self.docs) // 128 + 1, np.float32)
        self.of_terms = np.zeros(lists, np.float32)
        for term, table in enumerate(self.tables.tolist()):
            kernels.maxima(self.codes, posts, term, term + 1, self.impacts[table], self.of_blocks, self.of_terms)
        self.lists = lists_of(self.starts, self.ends, self.weights, self.tables, self.of_terms, self.ratios)
        self.sums = SumsPool().take()
        self.allowed = rng.choice([None, set(rng.sample(range(span), span // 3)), set(rng.sample(range(span), 3))])
        flags = np.zeros(span, np.bool_)
        flags[sorted(self.allowed or ())] = True
        self.bits = np.packbits(flags, bitorder="little")
        for array in (self.docs, self.codes, self.of_blocks):
            array.setflags(write=False)


def lists_of(*columns: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """As ``kernels.maxscore`` describes them."""
    return np.stack([column.astype(np.float64) for column in columns], axis=1)


def hits(
    scores: npt.NDArray[np.float32], ids: npt.NDArray[np.uint32], size: int, ties: Ties = BY_DOC_ID
) -> reference.Hits:
    kernels.drain(scores, ids, size, ties)
    return list(zip(scores[:size].tolist(), ids[:size].tolist(), strict=True))


def assert_same(found: reference.Hits, expected: reference.Hits) -> None:
    np.testing.assert_allclose([s for s, _ in found], [s for s, _ in expected], rtol=1e-7)
    assert [d for _, d in found] == [d for _, d in expected]


@pytest.mark.parametrize("seed", range(30))
def test_best(seed: int) -> None:
    rng = random.Random(seed)
    p = Postings(rng, rng.choice([1, 2, 3, 6]))
    k = rng.choice([1, 10, 200])
    expected = reference.best(
        p.docs, p.codes, p.impacts, list(zip(p.tables, p.starts, p.ends, p.weights, strict=True)), p.allowed, k, p.order
    )
    scores, ids = np.empty(k, np.float32), np.empty(k, np.uint32)
    size = kernels.best(
        p.docs, p.codes, p.impacts, p.of_blocks, p.lists, p.magic, p.allowed is not None, p.bits, p.sums,
        scores, ids, 0, p.ties,
    )  # fmt: skip
    assert (p.sums == NOTHING).all()
    assert_same(hits(scores, ids, size, p.ties), expected)
    of_ids, of_scores = kernels.best_of(
        p.docs, p.codes, p.impacts, p.of_blocks, p.lists, p.magic, p.allowed is not None, p.bits, p.sums, k, p.ties
    )
    assert_same(list(zip(of_scores.tolist(), of_ids.tolist(), strict=True)), expected)
    if p.allowed is not None:
        wanted = np.array(sorted(p.allowed), np.uint32)
        size = kernels.best_among(p.docs, p.codes, p.impacts, p.lists, p.magic, wanted, scores, ids, 0, p.ties)
        assert_same(hits(scores, ids, size, p.ties), expected)


@pytest.mark.parametrize("seed", range(20))
def test_best_gated(seed: int) -> None:
    rng = random.Random(seed)
    lists = rng.choice([1, 3, 6])
    p = Postings(rng, lists)
    k = rng.choice([1, 10, 200])
    order = sorted((rng.randrange(3), rng.randrange(3)) for _ in range(lists))
    groups, units = (np.array(column) for column in zip(*order, strict=True))
    minima = np.array([rng.randrange(4) for _ in range(3)])
    asked = list(zip(groups.tolist(), units.tolist(), p.tables, p.starts, p.ends, p.weights, strict=True))
    expected = reference.best_gated(p.docs, p.codes, p.impacts, asked, minima.tolist(), p.allowed, k, p.order)
    scores, ids = np.empty(k, np.float32), np.empty(k, np.uint32)
    size = kernels.best_gated(
        p.docs, p.codes, p.impacts, p.lists, groups, units, minima, p.magic, p.allowed is not None, p.bits,
        scores, ids, 0, p.ties,
    )  # fmt: skip
    assert_same(hits(scores, ids, size, p.ties), expected)


def test_equal_scores_go_to_the_smaller_doc_id() -> None:
    docs = np.arange(20_000, dtype=np.uint32)
    codes = np.zeros(20_000, np.uint16)
    blocks = np.full(200, 0.5, np.float32)
    for array in (docs, codes, blocks):
        array.setflags(write=False)
    scores, ids = np.empty(5, np.float32), np.empty(5, np.uint32)
    size = kernels.best(
        docs, codes, np.array([[0.5]]), blocks, np.array([[0, 20_000, 1.0, 0, 0.5, 1.0]]), 2.0, False,
        np.zeros(0, np.uint8), SumsPool().take(), scores, ids, 0, BY_DOC_ID,
    )  # fmt: skip
    assert [doc for _, doc in hits(scores, ids, size)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("whole", [False, True])
def test_scan(seed: int, whole: bool) -> None:
    rng = random.Random(seed)
    texts = [bytes(rng.choices(b"abc\xff\xff", k=rng.randrange(9))) for _ in range(rng.choice([3, 3_000]))]
    texts += [b"%d" % n for n in range(rng.choice([0, 9_000]))]
    rows = sorted(rng.randrange(500) for _ in texts)
    blob, ends = dictionary(texts)
    numbers, owners, begins, finishes = kernels.scan(blob, ends[1:], np.array(rows, np.uint32), whole)
    keys = [blob[begin:finish].tobytes() for begin, finish in zip(begins, finishes, strict=True)]
    assert (numbers.tolist(), owners.tolist(), keys) == reference.scan(texts, rows, whole)


@pytest.mark.parametrize("seed", SEEDS)
def test_invert(seed: int) -> None:
    rng = random.Random(seed)
    beginning = rng.choice([b"", b"begin", b"beginning"])
    most = rng.choice([1, 40, 150])
    known = [beginning + bytes(rng.choices(b"\0ab\xfe", k=rng.randrange(12))) for _ in range(most)]
    texts = [rng.choice(known) for _ in range(rng.choice([1, 400]))]
    rows = sorted(rng.randrange(60) for _ in texts)
    blob, ends = dictionary(texts)
    numbers, owners, begins, finishes = kernels.scan(blob, ends[1:], np.array(rows, np.uint32), True)
    keys, offsets, posts, holders, frequencies, lengths = kernels.invert(blob, numbers, owners, begins, finishes, 60)
    terms = [keys[a:b].tobytes() for a, b in pairwise(offsets.tolist())]
    postings = list(zip(holders.tolist(), frequencies.tolist(), strict=True))
    expected = reference.invert(
        [blob[a:b].tobytes() for a, b in zip(begins, finishes, strict=True)], numbers, owners, 60
    )
    assert (terms, [postings[a:b] for a, b in pairwise(posts.tolist())], lengths.tolist()) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_find_keys(seed: int) -> None:
    rng = random.Random(seed)
    keys, wanted = words(rng, 40), words(rng, 20)
    found = np.empty(len(wanted), np.int64)
    kernels.find_keys(*dictionary(keys), 0, len(keys), *dictionary(wanted), found)
    assert found.tolist() == [reference.find_key(keys, one) for one in wanted]


@pytest.mark.parametrize("seed", SEEDS)
def test_merge_keys(seed: int) -> None:
    rng = random.Random(seed)
    dictionaries = [words(rng, 30) for _ in range(rng.randrange(1, 5))]
    flat = [key for keys in dictionaries for key in keys]
    blob, offsets = dictionary(flat)
    ranks, sources = np.empty(len(flat), np.int64), np.empty(len(flat), np.int64)
    firsts = np.cumsum([0, *map(len, dictionaries)])
    count = kernels.merge_keys(blob, offsets[:-1], offsets[1:], firsts, ranks, sources)
    merged, expected = reference.merge_keys(dictionaries)
    assert [flat[source] for source in sources[:count]] == merged
    assert ranks.tolist() == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_counts(seed: int) -> None:
    rng = random.Random(seed)
    p = Postings(rng, 3)
    wanted = sorted(p.allowed or {7})
    flags = np.zeros(max(wanted) + 1, np.bool_)
    flags[wanted] = True
    rng.shuffle(wanted)
    for start, end in zip(p.starts.tolist(), p.ends.tolist(), strict=True):
        expected = reference.count_among(p.docs[start:end].tolist(), wanted)
        assert kernels.count_among(p.docs, start, end, np.array(wanted, np.uint32)) == expected
        assert kernels.count_allowed(p.docs, start, end, np.packbits(flags, bitorder="little")) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_maxima(seed: int) -> None:
    rng = random.Random(seed)
    p = Postings(rng, 4)
    of_blocks, of_terms = reference.maxima(p.codes, np.concatenate(([0], p.ends)), p.impacts, p.tables)
    np.testing.assert_array_equal(p.of_blocks[: len(of_blocks)], of_blocks)
    np.testing.assert_array_equal(p.of_terms, of_terms)


@pytest.mark.parametrize("seed", SEEDS)
def test_glob(seed: int) -> None:
    rng = random.Random(seed)
    keys = sorted({"".join(rng.choices("abé\n東", k=rng.randrange(7))).encode() for _ in range(300)})
    for _ in range(30):
        pattern = "".join(rng.choices("abé東?*", k=rng.randrange(7)))
        codes = [c for p in pattern for c in {"?": [ONE], "*": [ANY]}.get(p) or p.encode()]
        matched = np.zeros(len(keys), np.bool_)
        state, steps = np.full(5, -1, np.int64), rng.choice([7, 100, 1_000_000])
        while not kernels.glob(*dictionary(keys), 0, len(keys), np.array(codes, np.int64), matched, state, steps):
            pass
        compiled = re.compile("".join({"?": ".", "*": ".*"}.get(c, c) for c in pattern))
        assert matched.tolist() == [compiled.fullmatch(key.decode()) is not None for key in keys], pattern


@pytest.mark.parametrize("lengths", [30, 1_000_000])
def test_pairs_are_numbered(lengths: int) -> None:
    rng = np.random.default_rng(3)
    pairs = pack(rng.integers(1, 9, 5000), rng.integers(1, lengths, 5000))
    distinct, codes = encode_pairs(pairs)
    np.testing.assert_array_equal(distinct[codes], pairs)
    np.testing.assert_array_equal(distinct, np.unique(pairs))
