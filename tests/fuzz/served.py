"""A server that is sent mutated requests: what all kinds of them may not cause."""

from __future__ import annotations

import json
import os
import random
import socket
import uuid
from pathlib import Path
from typing import Any

import httpx

from server import Server

LONGEST_S = 60.0
"""Until a request has failed, however busy the machine is."""
_MOST_CPU_S = 5.0
"""Of the server, for one try."""
_MOST_MORE_KB = 400_000
_STRANGE = ("Traceback", "unexpected error", "Error:")

UUID = str(uuid.UUID(int=7))
BEACON = f"weaviate://localhost/Thing/{UUID}"
THING: dict[str, Any] = {
    "class": "Thing",
    "vectorConfig": {
        "one": {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw"},
        "many": {"vectorizer": {"none": {}}, "vectorIndexConfig": {"multivector": {"enabled": True}}},
    },
    "invertedIndexConfig": {"indexNullState": True, "indexPropertyLength": True, "indexTimestamps": True},
    "properties": [
        {"name": "t", "dataType": ["text"]},
        {"name": "n", "dataType": ["int"], "indexRangeFilters": True},
        {"name": "f", "dataType": ["number[]"]},
        {"name": "d", "dataType": ["date"]},
        {"name": "g", "dataType": ["geoCoordinates"]},
        {"name": "o", "dataType": ["object"], "nestedProperties": [{"name": "x", "dataType": ["text[]"]}]},
        {"name": "r", "dataType": ["Thing"]},
    ],
}
CRATE: dict[str, Any] = {"class": "Crate", "vectorizer": "none", "multiTenancyConfig": {"enabled": True}}
OBJECT: dict[str, Any] = {
    "class": "Thing",
    "id": UUID,
    "properties": {
        "t": "hello world",
        "n": 5,
        "f": [1.5, 2],
        "d": "2020-01-01T00:00:00Z",
        "g": {"latitude": 1.0, "longitude": 2.0},
        "o": {"x": ["a"]},
    },
    "vectors": {"one": [1.0, 2.0, 3.0], "many": [[1.0, 2.0], [3.0, 4.0]]},
}


class Served:
    """``settings`` are of its environment. ``send`` makes one try, and returns its outcome."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.server = Server(folder / "data", {"WEFT_DURABLE": "false", **settings}, "--workers", "1")
        self.rest = httpx.Client(base_url=self.server.url("/v1"), timeout=LONGEST_S)
        self._tries = 0
        self.fill()
        self._before_kb = self._memory_kb()

    def fill(self) -> None:
        """Puts back what a try may have removed."""
        for document in (THING, CRATE):
            self.rest.post("/schema", json=document)
        self.rest.post("/schema/Crate/tenants", json=[{"name": "one"}])
        self.rest.put(f"/objects/Thing/{UUID}", json=OBJECT)
        self.rest.post("/objects", json=OBJECT)

    def once(self, rng: random.Random) -> str:
        self._tries += 1
        if self._tries % 50 == 0:
            self.tidy()
        before_s = self._cpu_s()
        found = self.send(rng)
        assert self.server.process.poll() is None, f"the server has ended: {self.server.lines[-50:]}"
        took_s = self._cpu_s() - before_s
        assert took_s < _MOST_CPU_S, f"the server needed {took_s} s"
        strange = [line for line in self.server.lines if any(word in line for word in _STRANGE)]
        lines = self.server.lines[-100:] if strange else []
        del self.server.lines[:]
        assert not strange, "\n".join(lines)
        return found

    def send(self, rng: random.Random) -> str:
        raise NotImplementedError

    def tidy(self) -> None:
        for document in self.rest.get("/schema").json()["classes"]:
            self.rest.delete(f"/schema/{document['class']}")
        self.fill()

    def end(self) -> None:
        more = self._memory_kb() - self._before_kb
        assert more < _MOST_MORE_KB, f"the server takes {more} kB more than before"

    def close(self) -> None:
        self.rest.close()
        self.server.stop()

    def _memory_kb(self) -> int:
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")))

    def _cpu_s(self) -> float:
        spent = Path(f"/proc/{self.server.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")

    def is_alive(self) -> None:
        """It still answers."""
        assert self.rest.get("/.well-known/live").status_code == 200


def answered(port: int, data: bytes, wait_s: float) -> bytes:
    """What comes back within ``wait_s`` of the last of it."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=LONGEST_S) as connection:
        try:
            connection.sendall(data)
            connection.settimeout(wait_s)
            while piece := connection.recv(1 << 16):
                found += piece
        except (TimeoutError, ConnectionError):
            pass  # what has come by then is judged
    return found


def request(method: str, path: str, body: Any = None) -> bytes:
    """An HTTP/1.1 request, after which the server closes."""
    content = b"" if body is None else json.dumps(body).encode()
    return framed(f"{method} {path} HTTP/1.1".encode(), content)


def framed(line: bytes, content: bytes) -> bytes:
    head = [line, b"Host: localhost", b"Connection: close", b"Content-Type: application/json"]
    return b"\r\n".join([*head, b"Content-Length: %d" % len(content), b"", content])
