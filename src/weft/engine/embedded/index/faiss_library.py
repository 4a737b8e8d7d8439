"""The FAISS library, loaded so that its threads sleep while they wait; and how much is computed at low priority."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

_WAITING = "OMP_WAIT_POLICY"

_ROWS_PER_THREAD = 5_000
"""With fewer rows per thread, another thread costs more than it saves."""


@cache
def load_faiss() -> Any:
    """The module ``faiss``.

    OpenMP's threads spin between two pieces of work, which on shared cores doubles the CPU time of a build. OpenMP
    reads the policy once, when it is loaded; one that is set is left as it is.
    """
    given = _WAITING in os.environ
    os.environ.setdefault(_WAITING, "PASSIVE")
    try:
        import faiss
    finally:
        if not given:
            os.environ.pop(_WAITING, None)
    return faiss


def at_low_priority(work: Callable[[], T], rows: int) -> T:
    """The result of ``work``, a call of FAISS over an index of ``rows`` rows, on a thread of its own at low priority.

    It gets all cores if there are enough rows to keep them busy. FAISS holds no lock of Python's, and nothing that does
    belongs here: on a busy machine a thread of low priority that holds it makes every other one wait.
    """
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        load_faiss().omp_set_num_threads(min(os.cpu_count() or 1, 1 + rows // _ROWS_PER_THREAD))
        if sys.platform == "linux":
            # Linux has a priority for each thread; the threads that OpenMP starts from it inherit it.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        try:
            results.append(work())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="weft-vector-build")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]
