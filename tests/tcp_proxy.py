"""A proxy between a client and a server of TCP, which delays, cuts and repeats what goes through."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

Watch = Callable[[bytes], bool]


class TcpProxy:
    """Listens on ``port`` of 127.0.0.1, and passes on to ``target`` there.

    ``delay_s``: how much later each piece arrives. ``cut_before``, ``cut_after``: all connections are cut, once, before
    or after a piece of a client is passed on that this returns True of. ``sent``: what clients have sent, each.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.delay_s = 0.0
        self.cut_before: Watch | None = None
        self.cut_after: Watch | None = None
        self.sent: list[bytearray] = []
        self.cuts = 0
        self.is_away = False
        """Nothing gets through: connections are ended as they come."""
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection, as where a cable is pulled and both ends notice."""
        with self._lock:
            cut, self._open = self._open, set()
            self.cuts += 1
        for one in cut:
            _end(one)

    def repeat(self, number: int) -> None:
        """Send what the client of a connection has sent once more, over a new connection, and wait for the answers."""
        with socket.create_connection(("127.0.0.1", self._target)) as again:
            again.sendall(bytes(self.sent[number]))
            again.settimeout(1)
            with suppress(OSError):
                while again.recv(1 << 16):
                    pass

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.is_away:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
                self.sent.append(sent := bytearray())
            for source, target, kept in ((client, server, sent), (server, client, None)):
                threading.Thread(target=self._pass_on, args=(source, target, kept), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, kept: bytearray | None) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if self.delay_s:
                    time.sleep(self.delay_s)
                if kept is not None:
                    kept += data
                    if self.cut_before is not None and self.cut_before(data):
                        self.cut_before = None
                        break
                target.sendall(data)
                if kept is not None and self.cut_after is not None and self.cut_after(data):
                    self.cut_after = None
                    time.sleep(0.05)  # it reaches the server, whose answer goes nowhere
                    self.cut()
        with self._lock:
            self._open -= {source, target}
        _end(source)
        _end(target)

    def __enter__(self) -> TcpProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
