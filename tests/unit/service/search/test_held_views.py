"""A search holds its view while it reads objects, and not while a provider is asked about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from embedded_engine import shard_of
from in_process import InProcess
from weft.domain.caller import Caller
from weft.domain.generation import Rerank
from weft.domain.objects import IncomingObject
from weft.domain.query import Keyword, Query

CALLER = Caller()


def overwrite(process: InProcess, text: str) -> None:
    objects = [IncomingObject("Thing", f"00000000-0000-0000-0000-0000000000{n:02}", {"text": text}) for n in range(9)]
    assert not any(process.service.objects.batch(objects, CALLER))


def test_nothing_is_retained_while_a_provider_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = InProcess(tmp_path)
    try:
        process.service.collections.create(
            {
                "class": "Thing",
                "properties": [{"name": "text", "dataType": ["text"]}],
                "moduleConfig": {"reranker-dummy": {}},
                "vectorizer": "none",
            }
        )
        overwrite(process, "old words")
        shard = shard_of(process.database.get("Thing"))
        retained: list[int] = []

        def rank(query: str, documents: Sequence[str], settings: object, caller: Caller) -> list[float]:
            assert set(documents) == {"old words"}
            overwrite(process, "new words")
            while shard.maintain():
                pass
            retained.append(shard._store.retained_count)
            return [0.0] * len(documents)

        reranker: Any = process.registry.reranker("reranker-dummy")
        monkeypatch.setattr(reranker, "rank", rank)
        query = Query("Thing", search=Keyword("words", ("text",)), rerank=Rerank("text", "new"))
        answer = process.service.search(query, CALLER)
        assert {hit.record.properties["text"] for hit in answer.hits} == {"old words"}
        assert retained == [0]
    finally:
        process.close()
