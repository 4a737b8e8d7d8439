"""One list of the nearest by rungs: what it begins with, how it grows, where it ends, how many searches it takes."""

from __future__ import annotations

import random

import numpy as np
import pytest

from weft.service.search.rungs import Ranked, in_rungs


class Searched:
    """A ranking of ``range(count)``, of which a search of each depth misses some; exact from ``exact_from`` on."""

    def __init__(self, count: int, seed: int, missed: float, exact_from: int = 1_000_000) -> None:
        self.count, self.seed, self.missed, self.exact_from = count, seed, missed, exact_from
        self.depths: list[int] = []

    def __call__(self, k: int, depth: int) -> Ranked:
        self.depths.append(depth)
        chosen = random.Random(self.seed * 1000 + depth)
        if depth >= self.exact_from:
            found = list(range(self.count))
        else:
            found = [n for n in range(self.count) if chosen.random() >= self.missed][:depth]
        ids = np.asarray(found[:k], np.uint32)
        return ids, ids.astype(np.float64)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("exact_from", [1, 20, 1_000_000])
def test_a_longer_list_begins_with_a_shorter_one(seed: int, exact_from: int) -> None:
    search = Searched(300, seed, 0.4, exact_from)
    for first in (1, 7, 10):
        whole = in_rungs(search, first, 1000)[0].tolist()
        assert len(set(whole)) == len(whole)
        assert whole[:first] == search(first, first)[0].tolist()
        for k in (first, first + 1, 3 * first, 8 * first, 200):
            found, distances = in_rungs(search, first, k)
            assert found.tolist() == whole[:k]
            assert distances.tolist() == found.tolist()


def test_the_searches_that_a_page_takes() -> None:
    def depths(exact_from: int, k: int) -> list[int]:
        search = Searched(1000, 1, 0.1, exact_from)
        in_rungs(search, 10, k)
        return search.depths

    assert depths(1_000_000, 10) == [10]
    assert depths(1_000_000, 20) == [10, 40]
    assert depths(1_000_000, 100) == [10, 40, 160]
    assert depths(1, 100) == [10], "exact ones need no further"
    assert depths(40, 500) == [10, 40]


def test_it_ends_where_a_search_finds_fewer_than_it_is_for() -> None:
    search = Searched(25, 2, 0.2)
    found = in_rungs(search, 10, 100)[0].tolist()
    assert 20 <= len(found) <= 25
    assert search.depths == [10, 40]
    assert in_rungs(Searched(5, 1, 0.0), 10, 100)[0].tolist() == [0, 1, 2, 3, 4]
    assert in_rungs(Searched(0, 1, 0.0), 10, 100)[0].tolist() == []
