from pathlib import Path

import pytest

from weft.service.evaluation.request import JudgedQuery
from weft.service.evaluation.store import EvaluationStore


def test_the_data_folder_may_be_named_relatively(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = EvaluationStore(Path("weft-data"))
    asked = [JudgedQuery.of_json({"id": "1", "text": "space travel", "relevant": {}})]
    store.put_queries("one", asked)
    assert store.queries("one") == asked
    assert (tmp_path / "weft-data" / "evaluations").is_dir()
