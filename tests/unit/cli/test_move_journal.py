"""The journal of a move, and its file of rejected objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.cli.move.journal import Journal
from weft.cli.move.rejections import Rejections
from weft.domain.errors import Invalid


def test_a_journal_continues_where_it_was_saved(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    journal = Journal(file, "a", "b")
    part = journal.of("Doc").part("t1")
    part.after, part.stored = "uuid", 7
    journal.of("Doc").part(None, linking=True).done = True
    journal.save()
    part.stored = 8
    found = Journal(file, "a", "b")
    assert found.of("Doc").part("t1").stored == 7
    assert found.of("Doc").part("t1").after == "uuid"
    assert found.of("Doc").part(None, linking=True).done
    assert not found.of("Doc").part(None).done


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"source": "a", "target": "b", "version": 1}'])
def test_another_file_is_no_journal(tmp_path: Path, content: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(Invalid, match="is not the state of a move"):
        Journal(file, "a", "b")


def test_the_journal_of_another_move_is_refused(tmp_path: Path) -> None:
    Journal(tmp_path / "state.json", "a", "b").save()
    with pytest.raises(Invalid, match="is of the move from a to b"):
        Journal(tmp_path / "state.json", "a", "c")


def test_rejected_objects_that_the_journal_does_not_know_are_cut_off(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state.json", "a", "b")
    rejections = Rejections(tmp_path / "rejected.jsonl", journal)
    rejections.write("Doc", None, {"id": "1"}, "no")
    journal.save()
    rejections.write("Doc", "t1", {"id": "2"}, "no")
    rejections.close()
    again = Rejections(tmp_path / "rejected.jsonl", Journal(tmp_path / "state.json", "a", "b"))
    again.write("Doc", "t1", {"id": "2"}, "no")
    again.close()
    assert (tmp_path / "rejected.jsonl").read_text(encoding="utf-8").splitlines() == [
        '{"id":"1","_collection":"Doc","_weft_error":"no"}',
        '{"id":"2","_collection":"Doc","_tenant":"t1","_weft_error":"no"}',
    ]
