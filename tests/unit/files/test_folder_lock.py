"""The lock names its holder to the second opener, and the system releases it when the holder is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from weft.domain.errors import Locked
from weft.files.folder_lock import FolderLock, read_holder

HOLD = """
import sys
from pathlib import Path
from weft.files.folder_lock import FolderLock
lock = FolderLock(Path(sys.argv[1]), ["127.0.0.1:8080"])
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_opener_learns_who_holds_it(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "data", ["127.0.0.1:1"]) as lock:
        lock.state(["127.0.0.1:2", "127.0.0.1:3"])
        with pytest.raises(Locked, match=rf"process {os.getpid()} on .*127\.0\.0\.1:2, 127\.0\.0\.1:3") as caught:
            FolderLock(tmp_path / "data")
        assert caught.value.facts["pid"] == os.getpid()
    FolderLock(tmp_path / "data").release()


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdin is not None
    try:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(Locked) as caught:
            FolderLock(tmp_path)
        assert caught.value.facts["pid"] == child.pid
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        child.stdin.close()
    FolderLock(tmp_path).release()


def test_unreadable_text_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "weft.lock").write_bytes(b"\xff{")
    assert read_holder(tmp_path) == {}
    with FolderLock(tmp_path):
        assert read_holder(tmp_path)["pid"] == os.getpid()
