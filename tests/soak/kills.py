"""A server under load that is killed again and again: while it answers, while it starts, its further processes, too."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import weaviate
from weaviate.classes.config import Configure, ReferenceProperty

from command import ENVIRON
from server import Server
from soak.checks import check, check_files, check_models
from soak.ledger import LINKED, MEANT, PLAIN, SHARED
from soak.shaping import Shaper
from soak.worker import PROPERTIES, Worker

_WORKERS = 3
_LEAST_CALLS = 6
"""Between a start and a kill, so that a busy machine is not killed for nothing."""
_WHILE_STARTING, _STOPPED = 0.5, 0.1
"""How often a start is killed, and how often the server is stopped and not killed."""
_LONG = 0.05
"""How often the load continues for so long that further processes of the server answer, and are killed."""


class EagerServer(Server):
    command = (sys.executable, "-m", "soak.eager")


class Kills:
    """Counts what it does. ``once`` raises AssertionError for whatever is wrong after it."""

    def __init__(self, folder: Path, seed: int, processes: int) -> None:
        self.rng = random.Random(seed)
        self.under_load = self.while_starting = self.of_workers = self.stops = self.checked = 0
        self.workers: list[Worker] = [Worker(number, self.rng.getrandbits(32)) for number in range(_WORKERS)]
        self.workers.append(Shaper(_WORKERS, self.rng.getrandbits(32)))
        tests = str(Path(__file__).parents[1])
        environ = {
            "PYTHONPATH": os.pathsep.join([ENVIRON["PYTHONPATH"], tests]),
            "BACKUP_FILESYSTEM_PATH": str(folder / "backups"),
        }
        self.server = EagerServer(folder / "data", environ, "--workers", str(processes))
        with self.server.client() as client:
            create(client)

    @property
    def kills(self) -> int:
        return self.under_load + self.while_starting + self.of_workers

    def __str__(self) -> str:
        acknowledged = sum(worker.ledger.acknowledged for worker in self.workers)
        return (
            f"{self.kills} kills ({self.under_load} under load, {self.while_starting} of starts, {self.of_workers} of "
            f"workers), {self.stops} stops; {acknowledged} acknowledged changes, {self.checked} objects compared"
        )

    def once(self) -> None:
        """Load, a kill, a look at the files, a start, a look at everything."""
        self._load()
        for worker in self.workers:
            assert not worker.failure, worker.failure
        while self.rng.random() < _WHILE_STARTING:
            self._kill_a_start()
        if self.rng.random() < 0.5:  # what looks at the files may mend them
            check_models(self.server.folder)
        if self.rng.random() < 0.5:
            check_files(self.server.folder)
        self.server.start()
        self.checked += check(self.server, self.workers, self.rng)
        strange = [line for line in self.server.lines if "Traceback" in line or "unexpected error" in line]
        assert not strange, "\n".join(self.server.lines[-200:])
        del self.server.lines[:]

    def _load(self) -> None:
        over = threading.Event()
        threads = [threading.Thread(target=worker.work, args=(self.server, over)) for worker in self.workers]
        before = sum(worker.done for worker in self.workers)
        for thread in threads:
            thread.start()
        long = self.rng.random() < _LONG
        time.sleep(6 * self.rng.random() if long else 0.2 + 1.3 * self.rng.random())
        if long:
            for pid in self.server.workers()[:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.of_workers += 1
            time.sleep(self.rng.random())
        while sum(worker.done for worker in self.workers) < before + _LEAST_CALLS and not self._failed():
            time.sleep(0.01)
        stopped = self.rng.random() < _STOPPED
        over.set()
        if stopped:
            self.stops += 1
            assert self.server.stop() == 0, self.server.lines[-50:]
        else:
            self.under_load += 1
            self.server.kill()
        for thread in threads:
            thread.join()

    def _failed(self) -> bool:
        return any(worker.failure for worker in self.workers)

    def _kill_a_start(self) -> None:
        before, delay_s = self.server.process, 0.1 + 1.5 * self.rng.random()

        def start() -> None:
            with suppress(AssertionError):  # it was killed before it was ready
                self.server.start()

        starting = threading.Thread(target=start)
        starting.start()
        while self.server.process is before:
            time.sleep(0.001)
        time.sleep(delay_s)
        self.server.process.kill()
        starting.join()
        self.server.kill()
        self.while_starting += 1

    def end(self) -> None:
        if self.server.process.poll() is None:
            self.server.kill()


def create(client: weaviate.WeaviateClient) -> None:
    """The collections that are never dropped."""
    plain = Configure.Vectors.self_provided()
    properties = list(PROPERTIES)
    client.collections.create(
        PLAIN,
        properties=properties,
        vector_config=[
            Configure.Vectors.self_provided(name="whole"),
            Configure.MultiVectors.self_provided(name="tokens"),
        ],
    )
    client.collections.create(
        SHARED,
        properties=properties,
        vector_config=plain,
        multi_tenancy_config=Configure.multi_tenancy(
            enabled=True, auto_tenant_creation=True, auto_tenant_activation=True
        ),
    )
    client.collections.create(MEANT, properties=properties, vector_config=Configure.Vectors.text2vec_model2vec())
    client.collections.create(
        LINKED,
        properties=properties,
        references=[ReferenceProperty(name="to", target_collection=LINKED)],
        vector_config=plain,
    )
