"""A short run over the service, and one over the wires."""

from __future__ import annotations

from pathlib import Path

import pytest

from history.in_service import InService, opened, tidy
from history.over_wires import OverWires, make
from history.run import Place, Run, fill
from history.things import PLACES
from server import Server

_EAGER = {
    "garbage._DEAD_ROWS": 100,
    "index.inverted.index._FREEZE_POSTINGS": 500,
    "index.inverted.index._SEGMENTS_ON_DISK": 2,
    "index.inverted.index._TAIL_LIMIT": 32,
    "index.vector.index.BUILD_ROWS": 100,
    "index.multivector.index.EXACT_TOKENS": 200,
    "index.multivector.search.EXACT_ALLOWED_TOKENS": 10,
}
"""Little is enough for graphs, centroids, merges and compactions."""


def test_answers_of_the_service_while_all_is_overwritten_and_tidied_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _EAGER.items():
        monkeypatch.setattr(f"weft.engine.embedded.{name}", value)
    process = opened(tmp_path)
    try:
        run = Run(1)
        for where in PLACES:
            place = Place(where[0])
            fill(place, InService(process, where))
            run.readers(place, [InService(process, where)])
            run.writers(place, [InService(process, where)])
        run.work(10, rounds=4, meanwhile=lambda: tidy(process))
        assert not run.wrong, "\n".join(run.wrong[:10])
    finally:
        process.close()


def test_answers_over_the_wires_while_all_is_overwritten(tmp_path: Path) -> None:
    clients: list[OverWires] = []
    with Server(tmp_path / "data", None, "--durable", "false") as server:
        run = Run(2)
        for where in PLACES:
            mine = [OverWires(server, where) for _ in range(3)]
            clients += mine
            make(mine[0].client, where)
            place = Place(where[0])
            fill(place, mine[0])
            run.readers(place, mine[:1])
            run.writers(place, mine[1:])
        run.work(10, rounds=2)
        for client in clients:
            client.close()
    assert not run.wrong, "\n".join(run.wrong[:10])
