"""Searches by text through a real server, idle and while another process imports; wall clock, so on a quiet machine.

Idle and import take turns on one server: the importing process is stopped and continued, and idle begins when nothing
waits for the model. Each search has a text of its own, so that no vector is remembered. Beside the percentiles stands
how fast the import embeds with and without the searches.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import weaviate
from weaviate.classes.config import Configure

from _serving import Server, running

IMPORT = (sys.executable, "-m", "weft", "import", "--collection", "Docs")
QUERY = "how do I read a file line by line and split it {}"
_ROWS = 200_000
_ROUNDS = 5
_ALONE_S = 8.0


def measure(what: str, settings: dict[str, Any], count: int, texts: Sequence[str]) -> None:
    """``count`` searches idle and as many during an import, in turn; ``settings`` are the vectorizer's."""
    idle: list[float] = []
    busy: list[float] = []
    with running() as server, tempfile.TemporaryDirectory() as folder:
        client = weaviate.connect_to_local(port=server.rest_port, grpc_port=server.grpc_port, skip_init_checks=True)
        with client:
            vectors = Configure.Vectors.custom(module_name="text2vec-transformers", module_config=settings)
            docs = client.collections.create("Docs", vector_config=vectors)
            docs.data.insert_many([{"text": text} for text in texts[:200]])
            _search(docs, "warm", 50)
            with _importing(server, Path(folder), texts) as importing:
                alone = _rate(server, _ALONE_S if count > 100 else 0.5)
                beside = []
                for turn in range(_ROUNDS):
                    importing.send_signal(signal.SIGSTOP)
                    _await_idle(server)
                    idle += _search(docs, f"idle {turn}", count // _ROUNDS)
                    importing.send_signal(signal.SIGCONT)
                    _await_work(server)
                    before, begun = _embedded(server), time.perf_counter()
                    busy += _search(docs, f"busy {turn}", count // _ROUNDS)
                    spent = time.perf_counter() - begun
                    beside.append((_embedded(server) - before - count // _ROUNDS) / spent)
                assert importing.poll() is None, "the import ended before the searches; give it more rows"
    print(f"\n{what}: {len(idle)} searches by different texts, ms")
    for label, some in (("idle", idle), ("during an import", busy)):
        p50, p95, p99 = np.percentile(some, [50, 95, 99])
        print(f"{label:30}p50 {p50:8.1f}   p95 {p95:8.1f}   p99 {p99:8.1f}   longest {max(some):8.1f}")
    ratio = np.percentile(busy, 99) / np.percentile(idle, 99)
    print(
        f"p99 beside idle: {ratio:.2f}; the import embeds {alone:.0f} texts/s alone, "
        f"{np.mean(beside):.0f} beside {1000 / np.mean(busy):.0f} searches/s"
    )


@contextmanager
def _importing(server: Server, folder: Path, texts: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    rows = folder / "rows.jsonl"
    rows.write_text(
        "".join(json.dumps({"text": f"{i} {text}"}) + "\n" for i in range(_ROWS // len(texts)) for text in texts)
    )
    importing = subprocess.Popen(
        [*IMPORT, str(rows), "--port", str(server.rest_port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await_work(server)
        yield importing
    finally:
        importing.send_signal(signal.SIGCONT)
        importing.terminate()
        importing.wait()


def _search(docs: Any, label: str, count: int) -> list[float]:
    spent = []
    for i in range(count):
        begin = time.perf_counter()
        docs.query.near_text(QUERY.format(f"{label} {i}"), limit=10)
        spent.append((time.perf_counter() - begin) * 1000)
    return spent


def _rate(server: Server, seconds: float) -> float:
    before, begun = _embedded(server), time.perf_counter()
    time.sleep(seconds)
    return (_embedded(server) - before) / (time.perf_counter() - begun)


def _embedded(server: Server) -> int:
    return _figure(server, "embedded")


def _await_work(server: Server) -> None:
    while not _figure(server, "waiting"):
        time.sleep(0.05)


def _await_idle(server: Server) -> None:
    """Until nothing waits for the model, and what it made is stored."""
    while _figure(server, "waiting"):
        time.sleep(0.1)
    time.sleep(0.5)


def _figure(server: Server, name: str) -> int:
    """The sum over the server's models."""
    with urlopen(f"http://127.0.0.1:{server.rest_port}/v1/weft/models") as answer:
        return sum(int(model[name]) for model in json.load(answer)["models"])
