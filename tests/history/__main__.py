"""A long run: ``python -m tests.history --seconds 600 --seed N [--kill] [--service] [--workers N]``, in the root of the
repository.

Prints what was asked and written, and what was wrong; exits with 1 if anything was. The run can be repeated by its seed
as far as threads repeat themselves.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import weaviate

sys.path.insert(0, str(Path(__file__).parents[1]))

from history.in_service import InService, opened
from history.over_wires import OverWires, make
from history.run import Place, Run, fill
from history.things import PLACES
from server import Server

_READERS, _WRITERS = 2, 2
_KILLED_AFTER_S = 10
_WORKER_KILLED_AFTER_S = 12


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.history", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--kill", action="store_true", help="kill -9 the server again and again, and start it again")
    parser.add_argument("--service", action="store_true", help="ask the service in this process, not a server")
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        help="processes of the server; more than 1: all but the first are killed in turn",
    )
    given = parser.parse_args()
    print("seed", given.seed)
    run = Run(given.seed, goes_on=True)
    with tempfile.TemporaryDirectory() as folder:
        if given.service:
            places = _service(run, Path(folder), given.seconds)
        else:
            places = _wires(run, Path(folder), given.seconds, kill=given.kill, workers=given.workers)
    for place in places:
        print(place.name, "asked:", dict(place.asked), "written:", dict(place.written))
    print(f"{len(run.wrong)} wrong" + "".join(f"\n{one}" for one in run.wrong[:50]))
    return bool(run.wrong)


def _service(run: Run, folder: Path, seconds: float) -> list[Place]:
    places = [Place(collection) for collection, _ in PLACES]
    process = opened(folder)
    for place, where in zip(places, PLACES, strict=True):
        fill(place, InService(process, where))
        run.readers(place, [InService(process, where) for _ in range(_READERS)])
        run.writers(place, [InService(process, where) for _ in range(_WRITERS)])
    run.work(seconds)
    process.close()
    return places


def _wires(run: Run, folder: Path, seconds: float, *, kill: bool, workers: int) -> list[Place]:
    weaviate.retry.time = SimpleNamespace(sleep=lambda seconds: None)  # it would wait for a server that is gone
    places = [Place(collection) for collection, _ in PLACES]
    clients: list[OverWires] = []
    server = Server(folder / "data", None, "--workers", str(workers))
    for place, where in zip(places, PLACES, strict=True):
        mine = [OverWires(server, where) for _ in range(_READERS + _WRITERS)]
        clients += mine
        make(mine[0].client, where)
        fill(place, mine[0])
        run.readers(place, mine[:_READERS])
        run.writers(place, mine[_READERS:])
    at = time.monotonic() + _KILLED_AFTER_S
    worker_at = time.monotonic() + _WORKER_KILLED_AFTER_S

    def killed() -> None:
        nonlocal at, worker_at
        if workers > 1 and time.monotonic() >= worker_at:
            for pid in server.workers()[:1]:
                os.kill(pid, signal.SIGKILL)
            worker_at = time.monotonic() + 2 * _WORKER_KILLED_AFTER_S * run.rng.random()
        if not kill or time.monotonic() < at:
            return
        run.excuse(on=True)
        server.kill()
        server.start()
        for client in clients:
            client.close()
            client.connect()
        run.excuse(on=False)
        at = time.monotonic() + _KILLED_AFTER_S * run.rng.random()

    run.work(seconds, meanwhile=killed)
    for client in clients:
        client.close()
    server.stop()
    return places


if __name__ == "__main__":
    sys.exit(main())
