"""A disk that fails at any call, or loses its power after any: what was acknowledged is there, and every index has it.

The library of ``disk/faults.c`` is compiled with ``cc`` and preloaded; without a compiler, and on other systems, there
is nothing to preload.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faults.disk import load
from faults.disk.power import Disk, calls_of

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="needs cc and LD_PRELOAD on Linux"
)
TESTS = Path(__file__).parents[1]
SAMPLES = int(os.environ.get("DISK_SAMPLES", "12"))
"""For each kind of failure; by hand 100000 tries every call."""
PART, PARTS = map(int, os.environ.get("DISK_PART", "1/1").split("/"))
"""By hand, so that a long run can be made bit by bit: of all samples, each of ``PARTS`` tries others."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("faults") / "faults.so"
    source = TESTS / "faults/disk/faults.c"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(made), str(source), "-ldl"], check=True)
    return made


def process(library: Path, *arguments: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    environ = {**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": path}
    command = [sys.executable, "-m", "faults.disk.load", *arguments]
    return subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def spread(total: int) -> list[int]:
    samples = min(SAMPLES, total)
    return sorted({1 + round(i * (total - 1) / max(1, samples - 1)) for i in range(samples)})[PART - 1 :: PARTS]


def test_a_call_that_fails(library: Path, tmp_path: Path) -> None:
    with process(library, "fail", str(tmp_path / "data")) as child:
        assert child.stdin is not None and child.stdout is not None

        def ask(at: int, code: int, half: int) -> list[str]:
            print(at, code, half, file=child.stdin, flush=True)
            answer = child.stdout.readline().split(" ", 1) if child.stdout is not None else []
            assert answer, f"the process ended at call {at}, errno {code}"
            assert answer[0] == "ok", f"call {at}, errno {code}, half {half}: " + answer[1].replace(" | ", "\n")
            return answer[1].split()

        done, calls = map(int, ask(0, 0, 0))
        assert done == len(load.OPERATIONS) and calls > 100
        refused = 0
        for code, half in ((errno.EIO, 0), (errno.ENOSPC, 0), (errno.EIO, 1)):
            for at in spread(calls):
                refused += int(ask(at, code, half)[0]) < len(load.OPERATIONS)
        tried = 3 * len(spread(calls))
        print(tried, "failures of", calls, "calls,", refused, "refused an operation")
        assert refused > tried / 3, "most failures refuse an operation"
        child.stdin.close()
        assert child.wait(60) == 0


@pytest.mark.parametrize("more", [False, True], ids=["only what was synced", "some of the rest"])
def test_a_loss_of_power(library: Path, tmp_path: Path, more: bool) -> None:
    recorded, log = tmp_path / "recorded", tmp_path / "log"
    with process(library, "record", str(recorded), str(log)) as child:
        assert child.wait(60) == 0
    calls = calls_of(log.read_bytes())
    assert calls[-1].kind != "K" and sum(call.kind == "K" for call in calls) == len(load.OPERATIONS)
    chosen = {0, len(calls), *spread(len(calls))}
    if PART == 1:
        chosen |= {at + 1 for at, call in enumerate(calls) if call.kind == "K"}  # just after an acknowledgement
    seen = Disk(str(recorded))
    print("power was lost at", len(chosen), "of", len(calls), "calls")
    for at in range(len(calls) + 1):
        if at in chosen:
            folder = tmp_path / "after"
            folder.mkdir()
            seen.lose(folder, random.Random(at) if more else None)
            database = load.opened(folder, durable=False)
            found = load.held(database)
            database.close()
            assert found in load.possible(seen.acknowledged), (at, len(calls), seen.acknowledged)
            shutil.rmtree(folder)
        if at < len(calls):
            seen.apply(calls[at])
