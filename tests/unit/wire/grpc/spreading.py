"""A process that answers spread calls for ``test_spread``: ``python spreading.py FD``. Each message says what to do."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from weft.domain.deadline import client_of_call
from weft.wire.errors import Refusal, StatusCodes
from weft.wire.grpc.conversation import Headers
from weft.wire.grpc.limits import Limits

PATH = "/a.A/Read"
LIMITS = Limits(message_bytes=8 << 20, workers=4)
BUSY = Refusal(StatusCodes(503, "RESOURCE_EXHAUSTED", "OVERLOADED"), "über")


def answer(message: bytes, headers: Headers) -> bytes | Refusal | None:
    match message.partition(b" "):
        case b"pass", _, _:
            return None
        case b"refuse", _, _:
            return BUSY
        case b"raise", _, _:
            raise ValueError("on purpose")
        case b"die", _, _:
            os.kill(os.getpid(), signal.SIGKILL)
        case b"header", _, name:
            return headers[name.decode()].encode()
        case b"hold", _, folder:
            place = Path(folder.decode())
            (place / f"entered-{time.monotonic_ns()}").touch()
            while not (place / "go").exists():
                time.sleep(0.002)
        case b"patience", _, _:
            client = client_of_call()
            assert client is not None
            return str(client.remaining_s()).encode()
        case b"wait", _, folder:
            client = client_of_call()
            assert client is not None
            (Path(folder.decode()) / f"entered-{time.monotonic_ns()}").touch()
            while not client.is_gone():
                time.sleep(0.002)
            (Path(folder.decode()) / f"gone-{time.monotonic_ns()}").touch()
    return b"there " + message


def main() -> None:
    from weft.wire.grpc.front_wire import FrontWorker  # missing where only grpcio is installed

    FrontWorker(int(sys.argv[1]), {PATH: answer}, LIMITS).work()


if __name__ == "__main__":
    main()
