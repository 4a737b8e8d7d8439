"""No client sees what was not so: readers ask through a replica, others the server, while all is overwritten."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from history.over_wires import OverWires, make
from history.run import Place, Run, fill
from history.things import PLACES
from replica import eager
from replica.conftest import ThroughReplica
from replica.front import Front
from server import Server

_ANSWERED_EACH = 80
"""Calls that a replica answers before it is killed."""


class EagerServer(Server):
    """Its indexes build, merge, compact and write their snapshots after a few objects."""

    command: ClassVar[Sequence[str]] = (sys.executable, eager.__file__)


def test_answers_through_a_replica_while_all_is_overwritten_and_replicas_are_replaced(tmp_path: Path) -> None:
    clients: list[OverWires] = []
    run = Run(3)
    with EagerServer(tmp_path / "data", None, "--durable", "false") as server, Front(server) as front:
        replicated = ThroughReplica(server, front)
        for where in PLACES:
            writers = [OverWires(server, where) for _ in range(2)]
            readers = [OverWires(replicated, where), OverWires(server, where)]
            clients += [*writers, *readers]
            make(writers[0].client, where)
            place = Place(where[0])
            fill(place, writers[0])
            run.readers(place, readers)
            run.writers(place, writers)
        answered = 0

        def replace() -> None:
            nonlocal answered
            if front.calls["answered"] - answered > _ANSWERED_EACH:
                front.replica.restart()
                answered = front.calls["answered"]

        run.work(30, rounds=4, meanwhile=replace)
        for client in clients:
            client.close()
    assert not run.wrong, "\n".join(run.wrong[:10])
    assert front.calls["answered"] > _ANSWERED_EACH, front.calls
