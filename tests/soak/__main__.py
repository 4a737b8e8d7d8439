"""``python -m tests.soak kills --kills 1000 --seed N [--workers 2]``, or ``curve --minutes 40``, in the root of the
repository.

Prints the seed, then a line for every ten kills, and what was wrong; exits with 1 if anything was, and leaves the
folder as it was then. A run can be repeated by its seed as far as threads repeat themselves.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import SimpleNamespace

import weaviate

sys.path.insert(0, str(Path(__file__).parents[1]))

from soak.curve import Curve
from soak.kills import Kills

_REPORTED_EVERY = 10
_ROWS = 80


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("what", choices=("kills", "curve"))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--workers", type=int, default=1, help="processes of the server")
    parser.add_argument("--minutes", type=float, default=40)
    given = parser.parse_args()
    weaviate.retry.time = SimpleNamespace(sleep=lambda seconds: None)  # it would wait for a server that is gone
    print("seed", given.seed, flush=True)
    if given.what == "curve":
        return curve(60 * given.minutes, given.seed, given.workers)
    return kills(given.kills, given.seed, given.workers)


def curve(seconds: float, seed: int, workers: int) -> int:
    with tempfile.TemporaryDirectory(prefix="weft-soak-") as folder:
        run = Curve(Path(folder), seed, workers)
        try:
            run.run(seconds, seconds / _ROWS)
        finally:
            run.end()
    grown = run.grown()
    print("\n".join(["has grown:", *grown] if grown else ["nothing has grown"]))
    return bool(grown)


def kills(number: int, seed: int, workers: int) -> int:
    folder = Path(tempfile.mkdtemp(prefix="weft-soak-"))
    run, begun, reported = Kills(folder, seed, workers), time.monotonic(), 0
    try:
        while run.kills < number:
            run.once()
            if run.kills >= reported + _REPORTED_EVERY:
                reported = run.kills
                print(f"{time.monotonic() - begun:.0f} s: {run}", flush=True)
    except Exception:
        print(f"{run}\n{traceback.format_exc()}\nthe folder is {folder}")
        print("\n".join(run.server.lines[-50:]))
        return 1
    finally:
        run.end()
    shutil.rmtree(folder)
    print("nothing wrong:", run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
