"""``weft warm``: the kernels compiled for this machine and kept, for instance in a build step of an image."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time

from weft.compiled import places
from weft.compiled.warming import kept_in, wait_for, warm


def warm_up() -> int:
    """1 if what was compiled could not be kept."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("weft.compiled").setLevel(logging.INFO)
    places.for_every_user()
    started = time.perf_counter()
    compiled: list[int] = []
    warming = threading.Thread(target=lambda: compiled.append(warm()), name="weft-warm", daemon=True)
    warming.start()
    try:
        wait_for(warming)
    except KeyboardInterrupt:
        print("stopped; what was compiled is kept", file=sys.stderr, flush=True)
        os._exit(130)  # a process that ends otherwise while a kernel is compiled may crash
    folder = kept_in()
    if folder is None:
        return 1
    took_s = time.perf_counter() - started
    print(
        f"compiled {compiled[0]} kernels in {took_s:.1f} s, kept in {folder}"
        if compiled[0]
        else f"all kernels are in {folder}"
    )
    return 0
