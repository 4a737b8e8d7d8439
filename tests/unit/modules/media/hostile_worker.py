"""A worker whose decoder does what the first byte of a medium says: hang, eat memory, crash, burn, lie, or answer."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from weft.modules.media.limits import MediaLimits
from weft.modules.media.wire import Decoded, DecodeRequest
from weft.modules.media.worker import serve


def kill_at(signal_number: str, when: str, mark: str) -> None:
    """Ends this process as if from outside; ``once``: only where the file ``mark`` is not yet there."""
    if when == "always" or not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), int(signal_number))


def decode(request: DecodeRequest) -> Decoded:
    match request.data[:1]:
        case b"h":
            time.sleep(3600)
        case b"m":
            np.ones(1 << 33, np.uint8)
        case b"c":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"k":
            kill_at(*request.data[1:].decode().split())
        case b"b":
            while True:
                pass
        case b"e":
            raise RuntimeError("surprised")
        case b"l":
            return Decoded(np.zeros((3, 3), np.uint8))
        case b"p":
            print("a library talks on standard output")
            os.write(1, b"and below it")
    return Decoded(np.full((1, 1, 3), os.getpid() % 251, np.uint8))


pixels, cpu_s, memory_bytes = sys.argv[1:4]
serve(decode, MediaLimits(pixels=int(pixels), cpu_s=float(cpu_s), memory_bytes=int(memory_bytes)))
