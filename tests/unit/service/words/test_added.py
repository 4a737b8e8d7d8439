"""Words that are added: by several callers at once, and where they cannot be kept."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest

from unit.jobs.stored import StoredSettings
from weft.domain.errors import StorageFull
from weft.modules import build_registry
from weft.service.words.words import VectorWords

WORD = "foobarium"
WAIT_S = 0.2
"""How long the first caller waits for the second one, which must wait for it."""


def test_what_a_word_means_after_a_restart_is_what_it_meant_before() -> None:
    threads: list[threading.Thread] = []

    class Kept(StoredSettings):
        def put_settings(self, changes: Mapping[str, Any]) -> None:
            if not threads:
                threads.append(threading.Thread(target=words.extend, args=(WORD, "river boat", 1)))
                threads[0].start()
                threads[0].join(WAIT_S)
            super().put_settings(changes)

    store = Kept()
    with closing(build_registry()) as registry, closing(build_registry()) as restarted:
        words = VectorWords(registry, store)
        words.extend(WORD, "mountain goat", 1)
        threads[0].join()
        assert VectorWords(restarted, store).concept(WORD) == words.concept(WORD)
        assert len(store.settings()) == 1


def test_a_word_that_cannot_be_kept_means_what_it_meant() -> None:
    class Full(StoredSettings):
        def put_settings(self, changes: Mapping[str, Any]) -> None:
            raise StorageFull("the disk is full")

    with closing(build_registry()) as registry:
        words = VectorWords(registry, Full())
        before = words.concept("river")
        with pytest.raises(StorageFull):
            words.extend("river", "mountain goat", 1)
        assert words.concept("river") == before
