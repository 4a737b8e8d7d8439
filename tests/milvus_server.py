"""A real Milvus 2.3.5 server, of the PyPI package ``milvus``, on free ports and in a folder of its own.

There are wheels for Linux on x86-64 and for macOS; elsewhere ``installed`` is False. Run alone, it serves until its
standard input ends: ``python -m milvus_server FOLDER [PORT]`` in ``tests/``.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PORTS = (
    *("etcd_port", "root_coord_port", "proxy_port", "proxy_internal_port", "query_coord_port", "query_node_port"),
    *("index_coord_port", "index_node_port", "data_coord_port", "data_node_port"),
)
TICK_MS = 20
"""How long a read waits at most for the clock of the server; 200 ms by default."""
EAGER = {"queryCoord.checkInterval": 100, "queryCoord.distPullInterval": 50}
"""So that a collection is loaded in a fraction of a second, not in two; in milliseconds."""
_ETCD = """\
listen-client-urls: http://127.0.0.1:{0}
advertise-client-urls: http://127.0.0.1:{0}
listen-peer-urls: http://127.0.0.1:{1}
initial-advertise-peer-urls: http://127.0.0.1:{1}
initial-cluster: default=http://127.0.0.1:{1}
"""
"""Otherwise the etcd within it takes the ports 2379 and 2380, so there could be one server on a machine."""

installed = importlib.util.find_spec("milvus") is not None


@contextmanager
def milvus_server(folder: Path, port: int = 0, *, tick_ms: int = TICK_MS) -> Iterator[str]:
    """``host:port`` of a server that runs until the context ends."""
    from milvus import MilvusServer, MilvusServerConfig

    server = MilvusServer(MilvusServerConfig())
    server.set_base_dir(str(folder))
    ports = free_ports(len(PORTS))
    for name, free in zip(PORTS, ports, strict=True):
        server.config.set(name, free)
    if port:
        server.config.set("proxy_port", port)
    for name, interval in {"proxy.timeTickInterval": tick_ms, **EAGER}.items():
        server.config.set(name, interval)
    server.webservice_port = free_ports(1)[0]
    etcd = folder / "etcd.yaml"
    etcd.write_text(_ETCD.format(*free_ports(2)), encoding="utf-8")
    os.environ["ETCD_CONFIG_PATH"] = str(etcd)  # the server has this from its environment alone
    try:
        server.start()
    finally:
        del os.environ["ETCD_CONFIG_PATH"]
    try:
        yield f"127.0.0.1:{server.listen_port}"
    finally:
        server.stop()


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


if __name__ == "__main__":
    began = time.monotonic()
    with milvus_server(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0) as address:
        print(f"{address} after {time.monotonic() - began:.1f} s", flush=True)
        sys.stdin.read()
