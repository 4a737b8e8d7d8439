"""``python -m weft.worker``: a process that answers searches for a server. ``weft.workers`` starts it, and says how.

It ends as soon as its primary does, or has no more use for it, without ceremony: it writes nothing, so it may be killed
at any moment.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

from weft.cli import process
from weft.cli.logs import log_to_stderr
from weft.compiled.warming import warm
from weft.domain.errors import WeftError
from weft.replica import PASS, Replica, ReplicaCall
from weft.wire.errors import Refusal
from weft.wire.grpc.conversation import Headers
from weft.wire.grpc.front_wire import FrontWorker
from weft.wire.grpc.limits import Limits
from weft.workers import ALIVE, CALLS, FAILED, READY, unpacked

log = logging.getLogger(__name__)

_INDEXES: Final = "weft.engine.embedded.index"
"""They warn of files that they cannot use and will rebuild. Here these are files that the primary is just writing."""

_EVERY_S: Final = 1.0
"""The replica is tidied, and the primary hears that this process is alive."""


def main(calls_fd: int, control: socket.socket) -> NoReturn:
    """Answers what comes over the socket ``calls_fd`` until one of the two is closed by the primary."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # sent to all processes, they are for the primary
    settings = unpacked(control)
    log_to_stderr(settings.log)
    if settings.log.level != "debug":
        logging.getLogger(_INDEXES).setLevel(logging.ERROR)
    process.prepare()
    try:
        replica = Replica(settings)
    except WeftError as error:
        control.sendall(FAILED + error.message.encode("utf-8", "replace"))
        _leave(1)
    warm()
    table = {path: _answer(call) for path, call in replica.table.items()}
    worker = FrontWorker(calls_fd, table, Limits(settings.grpc.max_message_bytes, CALLS))
    process.settle()
    for work in (worker.work, lambda: _listen(control), lambda: _report(control)):
        threading.Thread(target=_until, args=(work,), daemon=True).start()
    while True:
        time.sleep(_EVERY_S)
        try:
            replica.tidy()
        except Exception:
            log.exception("a worker ends, since it cannot keep its replica in order")
            _leave(1)


def _listen(control: socket.socket) -> None:
    """Returns when the primary is gone. One that was killed with reports unread resets the connection."""
    with suppress(OSError):
        control.recv(1)


def _report(control: socket.socket) -> None:
    """Returns when the primary is gone. Apart from ``tidy``, which may take longer than the primary waits."""
    with suppress(OSError):
        control.sendall(READY)
        while True:
            time.sleep(_EVERY_S)
            control.sendall(ALIVE)


def _answer(call: ReplicaCall) -> Callable[[bytes, Headers], bytes | Refusal | None]:
    def answer(message: bytes, headers: Headers) -> bytes | Refusal | None:
        reply = call(message, headers)
        return None if reply is PASS else reply

    return answer


def _until(ended: Callable[[], object]) -> None:
    ended()
    _leave(0)


def _leave(status: int) -> NoReturn:
    logging.shutdown()
    os._exit(status)


if __name__ == "__main__":
    main(int(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])))
