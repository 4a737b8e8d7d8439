"""Recordings: which notes belong to which kind of search."""

from __future__ import annotations

import pytest

from weft.domain.profile import TOTAL, Details, Recording, format_duration, note, recording, searching, took


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "0ns"),
        (458e-9, "458ns"),
        (1e-6, "1µs"),
        (0.0000123456, "12.346µs"),
        (0.0012, "1.2ms"),
        (1.0, "1s"),
        (75.25, "75.25s"),
    ],
)
def test_durations_are_written_in_the_largest_unit(seconds: float, expected: str) -> None:
    assert format_duration(seconds) == expected


def test_notes_without_a_recording_go_nowhere() -> None:
    note("fact", 1)
    with searching("vector"), took("work_took"):
        pass
    with recording() as record:
        pass
    assert record.by_kind() == {}


def test_each_kind_has_its_own_notes_and_the_shared_ones() -> None:
    with recording() as record:
        note("filters_ids_matched", 7)
        with searching("keyword"):
            note("kwd_method", "maxscore")
        with searching("vector"), took("vector_search_took"):
            note("hnsw_flat_search", True)
            note("hnsw_flat_search", False)
        with took("objects_took"):
            pass
    found = record.by_kind()
    assert set(found) == {"keyword", "vector"}
    assert set(found["keyword"]) == {TOTAL, "filters_ids_matched", "kwd_method", "objects_took"}
    assert set(found["vector"]) == {
        TOTAL,
        "filters_ids_matched",
        "vector_search_took",
        "hnsw_flat_search",
        "objects_took",
    }
    assert found["vector"]["hnsw_flat_search"] == "false"
    assert found["vector"]["filters_ids_matched"] == "7"


def test_durations_of_one_name_add_up() -> None:
    details = Details()
    details.add("a_took", 0.5)
    details.add("a_took", 0.25)
    assert details.seconds == {"a_took": 0.75}


def test_a_total_leaves_out_the_work_of_the_other_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0])
    monkeypatch.setattr("weft.domain.profile.time.perf_counter", lambda: next(clock))
    record = Recording()
    record.of_kind("keyword").add(TOTAL, 3.0)
    record.of_kind("vector").add(TOTAL, 5.0)
    record.stop()
    found = record.by_kind()
    assert found["keyword"][TOTAL] == "5s" and found["vector"][TOTAL] == "7s"


def test_a_search_that_fails_leaves_no_recording_behind() -> None:
    with pytest.raises(ZeroDivisionError), recording() as record, searching("vector"):
        _ = 1 // 0
    assert set(record.by_kind()) == {"vector"}
    with recording() as record:
        note("fact", 1)
    assert record.by_kind() == {}


def test_a_recording_has_what_those_inside_it_recorded() -> None:
    with recording() as outer:
        with took("embedding_took"):
            pass
        with recording() as inner, searching("keyword"), took("kwd_time"):
            note("kwd_2_terms", 3)
        with searching("keyword"):
            note("kwd_method", "gated")
    assert "embedding_took" not in inner.noted()
    assert inner.by_kind()["keyword"].keys() == {"kwd_2_terms", "kwd_time", TOTAL}
    assert outer.noted().keys() == {"kwd_2_terms", "kwd_method", "kwd_time", "embedding_took"}
    assert outer.noted()["kwd_time"] == inner.noted()["kwd_time"]
