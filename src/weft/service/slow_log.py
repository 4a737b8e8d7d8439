"""A log line for each slow search: what kind it was and where its time went.

It never contains data: no texts, vectors, filter values or keys.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from weft.domain.aggregate import Aggregation
from weft.domain.profile import format_duration, recording
from weft.domain.query import Query
from weft.service.figure_names import by_weaviates_names

_log = logging.getLogger(__name__)

Found = TypeVar("Found")


class SlowLog:
    """Runs searches, and logs those that take ``threshold_s`` seconds or more."""

    def __init__(self, threshold_s: float) -> None:
        self._threshold_s = threshold_s

    def run(self, asked: Query | Aggregation, run: Callable[[], Found]) -> Found:
        """What ``run`` returns or raises. Costs a few µs more, to record where the time goes."""
        started = time.perf_counter()
        failed = True
        with recording() as record:
            try:
                found = run()
                failed = False
                return found
            finally:
                took_s = time.perf_counter() - started
                if took_s >= self._threshold_s:
                    facts = _described(asked) | {"failed": failed, "took": format_duration(took_s)}
                    _log.warning("slow query", extra={"facts": facts | by_weaviates_names(record.noted())})


def _described(asked: Query | Aggregation) -> dict[str, object]:
    facts: dict[str, object] = {
        "verb": "search" if isinstance(asked, Query) else "aggregate",
        "class": asked.collection,
    }
    if asked.tenant:
        facts["tenant"] = asked.tenant
    facts |= {
        "by": "nothing" if asked.search is None else type(asked.search).__name__,
        "filtered": asked.filter is not None,
        "limit": asked.limit,
    }
    if isinstance(asked, Query):
        facts |= {"offset": asked.offset, "reranked": asked.rerank is not None, "generated": asked.generate is not None}
    return facts
