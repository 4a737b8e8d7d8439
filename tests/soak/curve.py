"""A server under a steady load for a long time: what it takes, and how fast it answers, in rows of a table.

The load changes as much as it stores, so nothing should grow once the caches are full.
"""

from __future__ import annotations

import os
import random
import statistics
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from server import Server
from soak.checks import check, check_files
from soak.kills import create
from soak.ledger import PLAIN, tokens_of, vector_of
from soak.shaping import Shaper
from soak.worker import Worker

_PAUSE_S, _PROBE_S = 0.1, 0.25
_MOST_GROWTH = 1.25
"""From the second quarter of the time to the last."""
_MOST_MORE = 16
"""Files, threads and maps: of connections and pools."""


@dataclass(frozen=True, slots=True)
class Row:
    """Sums over the server's processes; latencies of keyword and vector searches that come one at a time."""

    seconds: int
    calls: int
    anonymous_mb: float
    file_mb: float
    descriptors: int
    threads: int
    maps: int
    disk_mb: float
    p50_ms: float
    p99_ms: float
    longest_ms: float

    def __str__(self) -> str:
        return "".join(f"{value:>12.1f}" if isinstance(value, float) else f"{value:>12}" for value in astuple(self))


HEAD = "".join(f"{one.name:>12}" for one in fields(Row))


class Curve:
    def __init__(self, folder: Path, seed: int, processes: int) -> None:
        self.rng = random.Random(seed)
        self.workers: list[Worker] = [Worker(number, self.rng.getrandbits(32), _PAUSE_S) for number in range(2)]
        self.workers.append(Shaper(2, self.rng.getrandbits(32), 2 * _PAUSE_S))
        self.rows: list[Row] = []
        self.server = Server(
            folder / "data", {"BACKUP_FILESYSTEM_PATH": str(folder / "backups")}, "--workers", str(processes)
        )
        self._latencies_ms: list[float] = []
        with self.server.client() as client:
            create(client)

    def run(self, seconds: float, every_s: float) -> None:
        """Prints a row after each ``every_s``. Raises AssertionError when a call fails, or what is stored is wrong."""
        over = threading.Event()
        threads = [threading.Thread(target=worker.work, args=(self.server, over)) for worker in self.workers]
        threads.append(threading.Thread(target=self._probe, args=(over,)))
        for thread in threads:
            thread.start()
        begun = time.monotonic()
        print(HEAD, flush=True)
        while time.monotonic() < begun + seconds and not any(worker.failure for worker in self.workers):
            over.wait(every_s)
            self.rows.append(self._row(int(time.monotonic() - begun)))
            print(self.rows[-1], flush=True)
        over.set()
        for thread in threads:
            thread.join()
        for worker in self.workers:
            assert not worker.failure, worker.failure
        check(self.server, self.workers, self.rng)
        assert self.server.stop() == 0
        check_files(self.server.folder)
        assert not [line for line in self.server.lines if "Traceback" in line], self.server.lines[-100:]

    def grown(self) -> list[str]:
        """What is larger in the last quarter than in the second."""
        found = []
        quarter = len(self.rows) // 4
        for name in [one.name for one in fields(Row)][2:-2]:
            before, after = (
                statistics.median(getattr(row, name) for row in rows)
                for rows in (self.rows[quarter : 2 * quarter], self.rows[-quarter:])
            )
            counts = name in ("descriptors", "threads", "maps")
            if after > before + _MOST_MORE if counts else after > _MOST_GROWTH * before:
                found.append(f"{name}: {before:.1f} and then {after:.1f}")
        return found

    def _probe(self, over: threading.Event) -> None:
        rng = random.Random(1)
        with self.server.client() as client:
            query = client.collections.use(PLAIN).query
            while not over.wait(_PROBE_S):
                n = rng.getrandbits(30)
                begun = time.perf_counter()
                match rng.randrange(3):
                    case 0:
                        query.bm25(f"common part{n % 13}", query_properties=["text"], limit=10)
                    case 1:
                        query.near_vector(vector_of(n), target_vector="whole", limit=10)
                    case _:
                        query.near_vector(tokens_of(n), target_vector="tokens", limit=10)
                self._latencies_ms.append(1000 * (time.perf_counter() - begun))

    def _row(self, seconds: int) -> Row:
        pids = [self.server.process.pid, *self.server.workers()]
        anonymous = files = 0
        for pid in pids:
            status = (Path("/proc") / str(pid) / "status").read_text()
            sizes = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if line.endswith(" kB")}
            anonymous, files = anonymous + int(sizes["RssAnon"]), files + int(sizes["RssFile"])
        latencies, self._latencies_ms = sorted(self._latencies_ms) or [0.0], []
        return Row(
            seconds,
            sum(worker.done for worker in self.workers),
            anonymous / 1000,
            files / 1000,
            _entries(pids, "fd"),
            _entries(pids, "task"),
            _entries(pids, "map_files"),
            _disk_bytes(self.server.folder) / 1e6,
            statistics.median(latencies),
            latencies[int(0.99 * (len(latencies) - 1))],
            latencies[-1],
        )

    def end(self) -> None:
        if self.server.process.poll() is None:
            self.server.kill()


def _entries(pids: Sequence[int], name: str) -> int:
    return sum(1 for pid in pids for _ in (Path("/proc") / str(pid) / name).iterdir())


def _disk_bytes(folder: Path) -> int:
    blocks = 0
    for within, _, names in os.walk(folder):  # which leaves out folders that are removed meanwhile
        for name in names:
            with suppress(FileNotFoundError):
                blocks += (Path(within) / name).stat().st_blocks
    return 512 * blocks
