"""What is computed at low priority, on a thread of its own."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from weft.engine.embedded.index.faiss_library import at_low_priority


def priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) if sys.platform == "linux" else 0


def test_only_the_work_is_of_low_priority() -> None:
    """A thread without special rights could not raise its own again."""
    before = priority()
    assert at_low_priority(priority, 1) == (10 if sys.platform == "linux" else 0)
    assert priority() == before


def test_what_the_work_raises_is_raised() -> None:
    def fail() -> None:
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        at_low_priority(fail, 1)
