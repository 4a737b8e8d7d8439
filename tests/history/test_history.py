"""A short run over the service, and one over the wires."""

from __future__ import annotations

from pathlib import Path

from history.in_service import PLACES, InService, opened
from history.run import Place, Run, fill


def test_answers_of_the_service_while_all_is_overwritten(tmp_path: Path) -> None:
    process = opened(tmp_path)
    try:
        run = Run(1)
        for where in PLACES:
            place = Place(where[0])
            fill(place, InService(process, where))
            run.writers(place, [InService(process, where)])
            run.readers(place, [InService(process, where)])
        run.work(10, rounds=3)
        assert not run.wrong, "\n".join(run.wrong[:10])
    finally:
        process.close()
