"""The fixtures that Weft brings to the tests of other programs, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_TESTS = """
import pytest
from weaviate.classes.config import Configure

@pytest.fixture(scope="session")
def weft_settings():
    return {"query_defaults_limit": 1}

@pytest.mark.parametrize("time", range(2))
def test_each_test_begins_empty(weft, time):
    assert not weft.collections.list_all() and not weft.alias.list_all()
    notes = weft.collections.create("Note", vector_config=Configure.Vectors.self_provided())
    weft.alias.create(alias_name="Memo", target_collection="Note")
    notes.data.insert_many([{"text": "a"}, {"text": "b"}])
    assert len(notes.query.fetch_objects().objects) == 1

def test_the_server_is_the_sessions(weft, weft_session):
    assert weft is weft_session
"""


def test_its_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_of_a_user.py").write_text(_TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:schemathesis"]
    done = subprocess.run([*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
