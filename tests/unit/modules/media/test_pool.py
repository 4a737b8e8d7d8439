"""Workers that hang, crash, burn, lie or eat memory: the caller gets the reason, and the next one is answered."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from weft.domain.errors import Invalid, Overloaded
from weft.domain.place import Elsewhere, placed
from weft.modules.media.limits import MediaLimits
from weft.modules.media.pool import WorkerPool
from weft.modules.media.wire import DecodeRequest, Output

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the bounds are those of POSIX")

HOSTILE = (str(Path(__file__).with_name("hostile_worker.py")),)


def image(does: str) -> DecodeRequest:
    return DecodeRequest(Output.IMAGE, does.encode())


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(MediaLimits(cpu_s=1, wall_s=30), 1, command=HOSTILE)
    yield made
    made.close()


def the_worker(pool: WorkerPool) -> int:
    (worker,) = pool._idle
    return worker._process.pid


def test_a_worker_serves_many(pool: WorkerPool) -> None:
    answers = {int(pool.run(image("ok")).array[0, 0, 0]) for _ in range(5)}
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("m", "more memory to decode than allowed"),
        ("e", r"damaged or unsupported \(RuntimeError: surprised\)"),
    ],
)
def test_what_a_worker_survives(pool: WorkerPool, does: str, reason: str) -> None:
    pool.run(image("ok"))
    before = the_worker(pool)
    with pytest.raises(Invalid, match=reason):
        pool.run(image(does))
    pool.run(image("ok"))
    assert the_worker(pool) == before


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("c", "the image crashes its decoder"),
        ("b", "more than 1 s of computing"),
        ("l", "the image crashes its decoder"),
    ],
)
def test_a_worker_that_breaks_is_replaced(pool: WorkerPool, does: str, reason: str) -> None:
    pool.run(image("ok"))
    before = the_worker(pool)
    with pytest.raises(Invalid, match=reason):
        pool.run(image(does))
    pool.run(image("ok"))
    assert the_worker(pool) != before


def test_a_worker_that_hangs_is_killed() -> None:
    pool = WorkerPool(MediaLimits(wall_s=1), 1, command=HOSTILE)
    with pytest.raises(Invalid, match=r"not read within 1 s"):
        pool.run(image("h"))
    assert pool.run(image("ok")).array.shape == (1, 1, 3)
    pool.close()


def test_a_worker_that_was_killed_between_two_files_is_replaced(pool: WorkerPool) -> None:
    pool.run(image("ok"))
    os.kill(the_worker(pool), signal.SIGKILL)
    assert pool.run(image("ok")).array.shape == (1, 1, 3)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_file_is_not_to_blame_for_a_worker_that_is_killed_while_it_reads(
    pool: WorkerPool, tmp_path: Path, how: signal.Signals
) -> None:
    """The next worker reads the file; when that is killed too, the server is to blame."""
    mark = tmp_path / "mark"
    assert pool.run(image(f"k{int(how)} once {mark}")).array.shape == (1, 1, 3)
    with pytest.raises(Overloaded, match="killed twice"):
        pool.run(image(f"k{int(how)} always {mark}"))
    assert pool.run(image("ok")).array.shape == (1, 1, 3)


def test_a_worker_that_cannot_start_is_the_servers_fault_and_not_the_files() -> None:
    pool = WorkerPool(MediaLimits(), 1, command=("-c", "raise SystemExit(3)"))
    with pytest.raises(Overloaded, match=r"reads the image did not start, twice \(its process ended with status 3\)"):
        pool.run(image("ok"))
    pool.close()


def test_who_stops_waiting_leaves_no_answer_for_the_next(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in a script that embeds: the answer that was on its way is no one else's."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    pool.run(image("ok"))
    before = the_worker(pool)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("weft.modules.media.pool.read_reply", interrupted)
        pool.run(image("ok"))
    pool.run(image("ok"))
    assert the_worker(pool) != before


def test_a_worker_is_given_no_keys_and_does_not_take_modules_from_where_the_server_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("PIL", reason="the worker is the real one")
    monkeypatch.setenv("NVIDIA_APIKEY", "secret")
    (tmp_path / "struct.py").write_text("raise SystemExit('taken')")
    monkeypatch.chdir(tmp_path)
    pool = WorkerPool(MediaLimits(), 1)
    with pytest.raises(Invalid, match="cannot be read"):
        pool.run(DecodeRequest(Output.IMAGE, b"no image"))
    environ = Path(f"/proc/{the_worker(pool)}/environ")
    if environ.exists():
        assert b"secret" not in environ.read_bytes()
    pool.close()


def test_what_libraries_print_is_no_reply(pool: WorkerPool) -> None:
    assert pool.run(image("p")).array.shape == (1, 1, 3)
    assert pool.run(image("ok")).array.shape == (1, 1, 3)


def test_requests_wait_in_line_as_their_callers(pool: WorkerPool) -> None:
    def ask(caller: str, urgent: bool) -> None:
        with placed(Elsewhere(caller)):
            pool.run(image("ok"), urgent=urgent)

    pool._line.enter("", urgent=False)  # the only worker is taken, so that all of these wait
    asked = [("jane", False), ("joe", True)]
    threads = [threading.Thread(target=ask, args=one) for one in asked]
    for number, thread in enumerate(threads, 1):
        thread.start()
        while len(pool._line._waiting) < number:
            time.sleep(0.001)
    assert [(one.holder, one.urgent) for one in pool._line._waiting] == asked
    pool._line.leave("")
    for thread in threads:
        thread.join()


def test_a_closed_pool_takes_nothing() -> None:
    pool = WorkerPool(MediaLimits(), 1, command=HOSTILE)
    pool.close()
    with pytest.raises(Overloaded):
        pool.run(image("ok"))
