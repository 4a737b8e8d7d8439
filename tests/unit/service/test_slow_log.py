"""The log of slow searches: what it holds, and what it never holds."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from weft.domain.aggregate import Aggregation
from weft.domain.errors import Invalid
from weft.domain.profile import note, searching, took
from weft.domain.query import Keyword, NearVector, Query
from weft.service.slow_log import SlowLog


def facts(log: pytest.LogCaptureFixture) -> dict[str, object]:
    (record,) = log.records
    assert (record.levelno, record.message) == (logging.WARNING, "slow query")
    return dict(record.__dict__["facts"])


def test_a_slow_search_is_logged_with_where_its_time_went(caplog: pytest.LogCaptureFixture) -> None:
    def run() -> str:
        with searching("keyword"), took("keyword_search_took"):
            note("terms", 3)
        with took("objects_took"):
            return "found"

    query = Query("Things", tenant="a", search=Keyword("a secret"), limit=7)
    assert SlowLog(0.0).run(query, run) == "found"
    found = facts(caplog)
    assert (found["verb"], found["class"], found["tenant"], found["by"]) == ("search", "Things", "a", "Keyword")
    assert (found["limit"], found["filtered"], found["failed"], found["kwd_2_terms"]) == (7, False, False, "3")
    assert {"took", "kwd_time", "objects_took"} <= found.keys()
    assert "secret" not in str(found)


def test_vectors_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    vector = np.array([0.123, 0.456], np.float32)
    SlowLog(0.0).run(Query("Things", search=NearVector(vectors=(vector,))), lambda: None)
    assert "0.123" not in str(facts(caplog))


def test_aggregations_and_failures_are_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    def run() -> None:
        raise Invalid("no")

    with pytest.raises(Invalid):
        SlowLog(0.0).run(Aggregation("Things"), run)
    found = facts(caplog)
    assert (found["verb"], found["failed"]) == ("aggregate", True)


def test_quick_ones_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert SlowLog(3600.0).run(Query("Things"), lambda: 1) == 1
    assert not caplog.records
