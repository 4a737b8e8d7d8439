"""``python -m tests.fuzz KIND --tries 1000 | --seconds 3600 [--seed N]``, in the root of the repository.

Prints the seed of each fault and what it was; exits with 1 if there was any. A try follows from its seed alone:
``--tries 1 --seed N`` repeats it.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.folders import Backups, Folders
from fuzz.grpc_wire import Frames, GrpcioFrames, GrpcioMessages, Messages
from fuzz.imports import Imports
from fuzz.rest import Bodies, Requests, Texts

KINDS: dict[str, Callable[[Path], Any]] = {
    "backups": Backups,
    "bodies": Bodies,
    "folders": Folders,
    "frames": Frames,
    "frames-grpcio": GrpcioFrames,
    "imports": Imports,
    "messages": Messages,
    "messages-grpcio": GrpcioMessages,
    "requests": Requests,
    "texts": Texts,
}
_MOST_FAULTS = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--tries", type=float, default=inf)
    parser.add_argument("--seconds", type=float, default=inf)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    given = parser.parse_args()
    if given.tries == given.seconds == inf:
        parser.error("state --tries or --seconds")
    print("first seed", given.seed, flush=True)
    outcomes: Counter[str] = Counter()
    faults, tries, begun = 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="weft-fuzz-") as folder:
        fuzzer = KINDS[given.kind](Path(folder))
        try:
            while tries < given.tries and time.monotonic() < begun + given.seconds and faults < _MOST_FAULTS:
                try:
                    outcomes[fuzzer.once(random.Random(given.seed + tries))] += 1
                except Exception:
                    faults += 1
                    print(f"seed {given.seed + tries}: {traceback.format_exc()}", flush=True)
                tries += 1
            fuzzer.end()
        finally:
            fuzzer.close()
    came_of_it = ", ".join(f"{number} {what}" for what, number in outcomes.most_common())
    print(f"{given.kind}: {tries} tries, {faults} faults; {came_of_it}")
    return faults > 0


if __name__ == "__main__":
    sys.exit(main())
