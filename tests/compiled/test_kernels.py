"""Kernels are compiled ahead, kept in files, and found there by the next process."""

from __future__ import annotations

import ast
import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

import weft
from command import ENVIRON
from weft.compiled import signatures, sources

ROOT = Path(weft.__file__).parent
TWO = tuple(one for one in signatures.expected() if one[0].endswith((".least", ".count_allowed")))
"""Two kernels in place of all of them, which take up to a minute."""

WARM = f"""
from weft.compiled import signatures
signatures.expected = lambda: {TWO!r}
from weft.compiled.kernel import declared
from weft.compiled.warming import is_kept, warm
"""
COUNT = "sum(len(declared()[name].overloads) for name, _ in signatures.expected())"


def start(script: str, cache: Path, *arguments: object) -> subprocess.Popen[str]:
    """A process whose kernels are in ``cache`` alone."""
    return subprocess.Popen(
        [sys.executable, "-c", WARM + script, *map(str, arguments)],
        env={**ENVIRON, "NUMBA_CACHE_DIR": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it printed, and what it logged."""
    printed, logged = process.communicate(timeout=120)
    assert process.returncode == 0, logged
    return printed.strip(), logged


def kept_in(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.kernel"))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compiled")
    assert ended(start("print(warm(), is_kept())", folder))[0] == "2 True"
    return folder


@pytest.fixture
def cache(compiled: Path, tmp_path: Path) -> Path:
    """With the two kernels."""
    return shutil.copytree(compiled, tmp_path / "cache")


def test_what_was_compiled_is_found_by_the_next_process(cache: Path) -> None:
    files = {file: file.read_bytes() for file in kept_in(cache)}
    assert ended(start(f"print(is_kept(), warm(), {COUNT})", cache))[0] == "True 0 2"
    assert {file: file.read_bytes() for file in kept_in(cache)} == files


@pytest.mark.parametrize("damage", [b"", b"\0" * 5000], ids=["empty", "zeros"])
def test_damaged_files_are_compiled_again_and_replaced(cache: Path, damage: bytes) -> None:
    whole = {file.name for file in kept_in(cache)}
    for file in kept_in(cache):
        file.write_bytes(damage)
    printed, logged = ended(start(f"warm(); print({COUNT})", cache))
    assert printed == "2"
    assert "is damaged; the kernel is compiled again" in logged
    assert {file.name for file in kept_in(cache)} == whole
    assert ended(start(f"warm(); print({COUNT})", cache)) == ("2", "")


def test_what_older_sources_were_compiled_to_is_not_used_and_removed_in_time(cache: Path) -> None:
    before = kept_in(cache)
    other = "from weft.compiled import cache, sources; sources.stamp = sources.stamp_of_all = lambda *module: 'other';"
    assert ended(start(f"{other} print(is_kept(), warm(), is_kept())", cache))[0] == "False 2 True"
    assert len(kept_in(cache)) == 2 * len(before)
    for file in before:
        os.utime(file, (0, 0))
    assert ended(
        start(f"from weft.compiled import cache; cache._MOST_FILES = {len(before)}; cache.remove_oldest()", cache)
    )
    assert len(kept_in(cache)) == len(before)
    assert not {*kept_in(cache)} & {*before}


def test_a_stamp_covers_the_files_whose_kernels_are_called() -> None:
    changed = sources._texts() | {"weft.engine.embedded.index.ties.kernels": "changed"}
    before = {module: sources.stamp(module) for module in sources.modules()}
    with patch.object(sources, "_texts", lambda: changed):
        sources.stamp.cache_clear()
        after = {module: sources.stamp(module) for module in sources.modules()}
    sources.stamp.cache_clear()
    moved = {module.rpartition("index.")[2] for module in before if before[module] != after[module]}
    assert {"ties.kernels", "vector.kernels", "inverted.kernels.maxscore"} <= moved
    assert not {module for module in moved if module.startswith("multivector")}


def test_kernels_can_be_called_while_others_are_loaded(cache: Path) -> None:
    script = """
import threading
import numpy as np
from weft.engine.embedded.index.ties import BY_DOC_ID
from weft.engine.embedded.index.ties.kernels import least
docs = np.arange(9, dtype=np.uint32)
docs.setflags(write=False)
found = []
threads = [threading.Thread(target=lambda: found.append(least(BY_DOC_ID, docs, 2).tolist())) for _ in range(4)]
threads.insert(2, threading.Thread(target=warm))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(found)
"""
    assert ended(start(script, cache)) == (str([[0, 1]] * 4), "")


def test_two_processes_that_find_nothing_compile_once(tmp_path: Path) -> None:
    both = [start("print(warm())", tmp_path) for _ in range(2)]
    assert sorted(ended(process)[0] for process in both) == ["0", "2"]


def test_warm_compiles_for_every_user(cache: Path) -> None:
    """All is there already, in the folder that is set."""
    printed, logged = ended(start("from weft.cli.warming import warm_up; print(warm_up())", cache))
    assert printed.splitlines() == [f"all kernels are in {cache / 'weft-kernels'}", "0"], logged


def test_without_a_folder_to_write_to_all_works_and_is_logged_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    printed, logged = ended(start(f"print(warm(), is_kept(), {COUNT})", tmp_path / "file" / "cache"))
    assert printed == "2 False 2"
    compiling, line = logged.splitlines()
    assert compiling.startswith("compiling 2 kernels for this machine")
    assert line.startswith("compiled kernels cannot be kept, so every start compiles them again")
    assert line.endswith("set NUMBA_CACHE_DIR to a folder that can")


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such modes")
def test_no_code_is_loaded_that_another_user_could_have_written(cache: Path) -> None:
    (cache / "weft-kernels").chmod(0o775)
    printed, logged = ended(start(f"print(is_kept(), warm(), is_kept(), {COUNT})", cache))
    assert printed == "False 2 False 2"
    untrusted, _, nowhere = logged.splitlines()
    assert untrusted == f"no kernels are loaded from {cache / 'weft-kernels'}: other users own it or may write to it"
    assert nowhere.startswith("compiled kernels cannot be kept")


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such modes")
def test_other_users_can_read_what_is_kept_and_not_change_it(tmp_path: Path) -> None:
    assert ended(start("import os; os.umask(0); print(warm())", tmp_path / "cache"))[0] == "2"
    kept = kept_in(tmp_path / "cache")
    assert {file.stat().st_mode & 0o777 for file in kept} == {0o644}
    assert kept[0].parent.stat().st_mode & 0o777 == 0o755
    assert (kept[0].parent / "lock").stat().st_mode & 0o777 == 0o600, "or others could keep this user waiting"


def test_what_another_processor_compiled_is_not_all_that_is_needed(cache: Path) -> None:
    other = "from llvmlite import binding; binding.get_host_cpu_name = lambda: 'other';"
    assert ended(start(f"{other} print(is_kept(), warm(), is_kept())", cache))[0] == "False 2 True"


def test_a_full_disk_is_not_taken_for_kept_kernels(tmp_path: Path) -> None:
    """The mark is an empty file, which may still be written."""
    script = """
import errno
from pathlib import Path
write = Path.write_bytes
def full(file, data):
    if data:
        raise OSError(errno.ENOSPC, "No space left on device")
    return write(file, data)
Path.write_bytes = full
print(warm(), is_kept())
"""
    printed, logged = ended(start(script, tmp_path))
    assert printed == "2 False"
    assert "compiled kernels cannot be kept" in logged


def test_no_one_waits_for_kernels_once_it_is_stopped(tmp_path: Path) -> None:
    """Not for another thread that compiles, and not for another process."""
    script = """
import fcntl
import os
import sys
from pathlib import Path
from weft.compiled import warming
folder = Path(sys.argv[1]) / "weft-kernels"
folder.mkdir(parents=True)
lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
asked = iter(range(100))
print(warm(lambda: next(asked) > 20), end=" ")
with warming._turn:
    print(warm(lambda: True), next(asked) > 20)
"""
    assert ended(start(script, tmp_path, tmp_path)) == ("0 0 True", "")


def test_a_request_that_needs_a_kernel_goes_before_those_that_are_compiled_ahead(cache: Path) -> None:
    script = """
import threading
import time
from numba.core.compiler_lock import global_compiler_lock
from weft.compiled import warming
done = []
def request():
    waits.set()
    with global_compiler_lock:
        print(len(done))
def compiled(one):
    with global_compiler_lock:
        if not done:
            thread.start()
            waits.wait()
            time.sleep(0.1)
        done.append(one)
waits, thread = threading.Event(), threading.Thread(target=request)
warming._compile = compiled
warming._compile_all(range(500), lambda: False)
thread.join()
"""
    assert int(ended(start(script, cache))[0]) < 100


def test_a_package_that_cannot_be_written_is_read(cache: Path, tmp_path: Path) -> None:
    """As in an image that was built by another user; what is missing there is kept elsewhere."""
    (missing,) = (file for file in kept_in(cache) if file.name.startswith("least-"))
    whole = missing.read_bytes()
    missing.unlink()
    rest = kept_in(cache)
    script = f"""
import sys
from pathlib import Path
from unittest.mock import patch
from weft.compiled import cache, places
package, user = map(Path, sys.argv[1:])
write = Path.write_bytes
Path.write_bytes = lambda file, data: write(file if package not in file.parents else Path("/dev/null/file"), data)
places.folders = lambda: (package, user)
places._PACKAGE = package
warm()
print({COUNT})
"""
    assert ended(start(script, cache, missing.parent, tmp_path / "user"))[0] == "2"
    assert [file.name for file in kept_in(tmp_path / "user")] == [missing.name]
    made = (tmp_path / "user" / missing.name).read_bytes()
    assert abs(len(whole) - len(made)) < 100, "but for some digits: the compiler numbers its names"
    assert kept_in(cache) == rest


SERVED = f"""
import sys
from weft.app import App
from weft.config import load_settings
from weft.wire.rest.gate import Gate
opened = Gate.open
def open(gate, *given):
    print({COUNT} if declared() else "none", flush=True)
    opened(gate, *given)
Gate.open = open
app = App(load_settings({{"data_path": sys.argv[1], "port": 0, "grpc_port": 0}}, {{}}), warm_first=True)
app.start()
app.stop()
"""


def test_the_first_start_compiles_before_the_server_is_ready(tmp_path: Path) -> None:
    assert ended(start(SERVED, tmp_path / "cache", tmp_path / "data"))[0] == "2"


def test_a_server_without_anything_to_search_is_ready_before_its_kernels_are_loaded(cache: Path) -> None:
    assert ended(start(SERVED, cache, cache / "data"))[0] == "none"


@pytest.mark.parametrize("command", [["serve", "--port", "0", "--grpc-port", "0"], ["warm"]], ids=["serve", "warm"])
def test_ctrl_c_ends_a_process_that_compiles(tmp_path: Path, command: list[str]) -> None:
    """numba discards a KeyboardInterrupt that is raised in the thread that compiles."""
    script = """
import contextlib
import signal
import sys
from weft.cli import main
from weft.compiled import warming
def interrupted(one):
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
warming._compile = interrupted
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[2:] + (["--data-path", sys.argv[1]] if sys.argv[2] == "serve" else [])))
"""
    process = start(script, tmp_path / "cache", tmp_path / "data", *command)
    printed, logged = process.communicate(timeout=120)
    if command == ["warm"]:
        assert (process.returncode, logged.splitlines()[-1]) == (130, "stopped; what was compiled is kept")
    else:
        assert (process.returncode, printed) == (0, "stopped before it was ready\n"), logged


def test_all_that_kernels_are_called_with_is_compiled_ahead() -> None:
    """Over requests of every kind. Mended by ``python -m tests.compiled --write``."""
    walked = subprocess.run(
        [sys.executable, "-m", "tests.compiled"],
        env=ENVIRON,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=600,
    )
    missing = [line for line in walked.stdout.splitlines() if line.startswith("missing")]
    assert walked.returncode == 0, "\n".join(missing) or walked.stderr


def test_every_expected_signature_is_of_a_kernel() -> None:
    from weft.compiled.kernel import declared

    for name in sources.modules():
        importlib.import_module(name)
    kernels = declared()
    for name, text in signatures.expected():
        names = vars(sys.modules[name.rpartition(".")[0]])
        types = signatures.parse(text, names)
        assert signatures.written(types) == text
        assert len(types) == kernels[name].py_func.__code__.co_argcount, name


def test_kernels_are_declared_in_the_files_that_the_stamp_covers() -> None:
    """And import nothing of Weft but what it covers."""
    kernels = set(sources.files(sources.KERNELS))
    covered = kernels | set(sources.files(sources.READ_BY_KERNELS))
    for file in ROOT.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imported = {node.module: node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        numba = any(name.partition(".")[0] == "numba" for name in imported) or "weft.compiled.kernel" in imported
        if file.parent.name != "compiled":
            assert not numba or file in kernels, f"{file} declares kernels, so weft.compiled.sources names it"
        if file in kernels:
            for name in imported:
                parts = name.split(".")
                if parts[0] == "weft":
                    path = ROOT.joinpath(*parts[1:])
                    assert {path.with_suffix(".py"), path / "__init__.py"} & covered, f"{file} imports {name}"
