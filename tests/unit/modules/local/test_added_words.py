"""Words that are added to a lexicon from several threads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from weft.modules.local.added_words import AddedWords

THREADS, WORDS = 8, 200


@pytest.fixture
def threads_that_alternate() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("threads_that_alternate")
def test_words_added_at_the_same_time_are_all_kept() -> None:
    added = AddedWords()

    def add(thread: int) -> None:
        for number in range(WORDS):
            added.add(f"t{thread}w{number}", ["meaning"], 1)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(add, range(THREADS)))
    assert set(added) == {f"t{thread}w{number}" for thread in range(THREADS) for number in range(WORDS)}
