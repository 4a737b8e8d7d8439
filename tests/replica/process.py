"""A process with a replica, which answers over a Unix socket: ``python process.py FOLDER ADDRESS`` is the process."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

from command import ENVIRON
from weft.config import load_settings
from weft.replica import PASS, Replica
from weft.wire.errors import Refusal

_TIDY_EVERY_S: Final = 0.2
_START_S: Final = 60


class Answered(NamedTuple):
    """``reply`` None: passed. ``refused``: the gRPC status and the message."""

    reply: bytes | None
    refused: tuple[str, str] | None = None


class Gone(Exception):
    """The process has ended."""


class ReplicaProcess:
    """Of the data folder of a running server, with the same settings in its environment. Any thread may ask."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environ = dict(environ or {})
        self._start()

    def ask(self, path: str, message: bytes, headers: Mapping[str, str]) -> Answered:
        """Raises Gone."""
        local = self._local
        try:
            if not hasattr(local, "connection"):
                local.connection = Client(self._address, "AF_UNIX")
            local.connection.send((path, message, dict(headers)))
            return Answered(*local.connection.recv())
        except (EOFError, OSError) as error:
            raise Gone from error

    def kill(self) -> None:
        """As a crash does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        """Killed, and another one started."""
        self.kill()
        self._start()

    def _start(self) -> None:
        address = f"{tempfile.mkdtemp(prefix='weft-replica-')}/socket"
        environ = {**ENVIRON, "PYTHONPATH": f"{ENVIRON['PYTHONPATH']}:{Path(__file__).parents[1]}"} | self._environ
        self.process = subprocess.Popen([sys.executable, __file__, str(self._folder), address], env=environ)
        until = time.monotonic() + _START_S
        while not Path(address).exists():
            assert self.process.poll() is None and time.monotonic() < until, "the replica did not start"
            time.sleep(0.01)
        self._address = address
        self._local = threading.local()

    def __enter__(self) -> ReplicaProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def _serve(replica: Replica, connection: Connection) -> None:
    while True:
        try:
            path, message, headers = connection.recv()
        except EOFError:
            return
        reply = replica.table[path](message, headers)
        if isinstance(reply, Refusal):
            connection.send((None, (reply.codes.grpc, reply.message)))
        else:
            connection.send((None if reply is PASS else reply, None))


def _tidy(replica: Replica) -> None:
    while True:
        time.sleep(_TIDY_EVERY_S)
        replica.tidy()


def main(folder: str, address: str) -> None:
    replica = Replica(load_settings({"data_path": folder}))
    threading.Thread(target=_tidy, args=(replica,), daemon=True).start()
    with Listener(address, "AF_UNIX", backlog=64) as listener:
        while True:
            threading.Thread(target=_serve, args=(replica, listener.accept()), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
