"""A short run over the service, and one over the wires."""

from __future__ import annotations

from pathlib import Path

from history.in_service import InService, opened
from history.over_wires import OverWires, make
from history.run import Place, Run, fill
from history.things import PLACES
from server import Server


def test_answers_of_the_service_while_all_is_overwritten(tmp_path: Path) -> None:
    process = opened(tmp_path)
    try:
        run = Run(1)
        for where in PLACES:
            place = Place(where[0])
            fill(place, InService(process, where))
            run.readers(place, [InService(process, where)])
            run.writers(place, [InService(process, where)])
        run.work(10, rounds=3)
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
