"""What does Weft add to the cost of a vector database that keeps its objects?

    python bench/_packages.py FOLDER
    python bench/seam.py --data FOLDER --engine qdrant=PID:REST:GRPC | milvus=PID:PORT
                         [--catalog postgresql://… --servers 2] [--tiny]

The same packages are stored twice in a server that is already running, empty and quiet: directly, by its own messages,
and through Weft. Then both are asked the same prepared questions in turns, ``--limit`` whole objects in each answer.
Rows are recall, the time of one caller (the median of the best round), requests a second of ``--callers``, and CPU time
a request (the least of all rounds) of the database and of Weft. The database's own keyword search knows no BM25, so it
finds other objects than Weft's, which scores exactly as it does without a database.

With ``--servers N`` the same callers also ask N Weft servers at once, which share ``--catalog``: on a machine whose
cores are all busy these answer no more requests a second, but the CPU time of a request says what further cores would.
``--tiny`` without an engine starts the Milvus server of ``pip install milvus``, where there is one.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from _callers import Callers
from _engine_peers import Milvus, QdrantWithWords
from _packages import Packages, load, made_up
from _server_peers import KINDS, NEAREST, Peer, Protocolled, exact, wait_indexed
from _serving import START, Server, cpu_s, machine, running

Figures = dict[str, dict[str, float]]
"""By row and by way: "direct", "Weft", "N x Weft"."""


def main() -> None:
    options = _options()
    packages = made_up(600, 16) if options.tiny else load(options.data, options.objects)
    print(machine())
    print(f"{len(packages.objects)} objects x {packages.vectors.shape[1]}, {options.callers} callers", flush=True)
    with ExitStack() as stack:
        if options.engine is None:
            from milvus_server import installed

            if not installed:
                print("nothing to compare: that takes a database (--engine), or pip install milvus")
                return
            options.engine = stack.enter_context(_milvus())
        engine, address = _engine(options.engine)
        command = f"{START} --engine {address}"
        if options.catalog:
            command += f" --catalog {options.catalog}"
        servers = [stack.enter_context(running(command)) for _ in range(options.servers)]
        ways: dict[str, list[Peer]] = {"direct": [engine], "Weft": [_weft(servers[0])]}
        if len(servers) > 1:
            ways[f"{len(servers)} x Weft"] = [_weft(server) for server in servers]
        figures: Figures = defaultdict(dict)
        for way in ("direct", "Weft"):
            _import(way, ways[way][0], engine, packages, options.callers, figures)
        for kind in options.kinds:
            _search(kind, ways, engine, packages, options, figures)
    print("\n".join(_table(figures, list(ways))))


def _options() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="made-up objects, to see that it runs")
    parser.add_argument("--data", type=Path, help="the folder that bench/_packages.py has filled")
    parser.add_argument("--objects", type=int, help="only so many")
    parser.add_argument("--engine", help="qdrant=PID:REST:GRPC or milvus=PID:PORT")
    parser.add_argument("--catalog", help="address of a PostgreSQL database that the servers share")
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--limit", type=int, default=10, help="objects in each answer")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="of searches")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queries", type=int, default=1_000, help="in each round")
    options = parser.parse_args()
    if options.tiny:
        options.rounds, options.queries = 1, 20
    elif options.data is None or options.engine is None:
        parser.error("--data and --engine are required, or --tiny")
    if options.servers > 1 and not options.catalog:
        parser.error("--servers needs --catalog: without one, one server has the database")
    return options


def _engine(text: str) -> tuple[Peer, str]:
    """The database, and its address for ``weft serve --engine``."""
    kind, _, rest = text.partition("=")
    pid, port, grpc_port = [*map(int, rest.split(":")), 0][:3]
    if kind == "qdrant":
        return QdrantWithWords("direct", pid, port, grpc_port), f"qdrant://127.0.0.1:{port}?grpc={grpc_port}"
    return Milvus("direct", pid, port), f"milvus://127.0.0.1:{port}"


def _weft(server: Server) -> Protocolled:
    return Protocolled("Weft", server.pid, server.rest_port, server.grpc_port)


@contextmanager
def _milvus() -> Iterator[str]:
    from milvus_server import milvus_server

    with tempfile.TemporaryDirectory() as folder, milvus_server(Path(folder)) as address:
        yield f"milvus={os.getpid()}:{address.rpartition(':')[2]}"


def _import(way: str, peer: Peer, engine: Peer, packages: Packages, callers: int, figures: Figures) -> None:
    peer.create(packages.vectors.shape[1])
    requests = list(peer.batches(packages))
    before = {one.pid: cpu_s(one.pid) for one in (peer, engine)}
    with Callers(peer.grpc_port, peer.store_path, callers) as importing:
        stored = importing.call(requests, 1, keep=True)
    for reply in stored.replies:
        if error := peer.refused(reply):
            raise SystemExit(f"{way}: an object was refused: {error}")
    count = len(packages.objects)
    figures["import, objects/s"][way] = count / stored.wall_s
    wait_indexed(engine)
    figures["import, CPU of the database until indexed, µs"][way] = (
        (cpu_s(engine.pid) - before[engine.pid]) / count * 1e6
    )
    if peer is not engine:
        figures["import, CPU of Weft, µs"][way] = (cpu_s(peer.pid) - before[peer.pid]) / count * 1e6
    print(f"{way}: {count} objects imported", flush=True)


def _search(
    kind: str, ways: dict[str, list[Peer]], engine: Peer, packages: Packages, options: Any, figures: Figures
) -> None:
    right = exact(kind, packages, options.limit) if kind in NEAREST else []
    asked = {
        way: (peers[0].requests(kind, packages, options.limit) or [])[: options.queries] for way, peers in ways.items()
    }
    with ExitStack() as stack:
        share = {way: max(options.callers // len(peers), 1) for way, peers in ways.items()}
        together = {
            way: [stack.enter_context(Callers(peer.grpc_port, peer.search_path, share[way])) for peer in peers]
            for way, peers in ways.items()
            if asked[way]
        }
        alone = {
            way: stack.enter_context(Callers(ways[way][0].grpc_port, ways[way][0].search_path, 1)) for way in together
        }
        for way, callers in together.items():
            warm = callers[0].call(asked[way], 1, keep=True)
            found = [set(ways[way][0].found(reply)) for reply in warm.replies]
            if right:
                shares = [len(truth & hits) / len(truth) for truth, hits in zip(right, found, strict=False)]
                figures[f"{kind}: recall"][way] = float(np.mean(shares))
        for _ in range(options.rounds):
            for way, callers in together.items():
                own = [peer.pid for peer in ways[way] if peer is not engine]
                before = cpu_s(engine.pid), sum(map(cpu_s, own))
                a_second = _call(callers, asked[way])
                spent = cpu_s(engine.pid) - before[0], sum(map(cpu_s, own)) - before[1]
                calls = len(asked[way])
                _best(figures, f"{kind}: requests/s", way, a_second, max)
                _best(figures, f"{kind}: CPU of the database, µs", way, spent[0] / calls * 1e6, min)
                if own:
                    _best(figures, f"{kind}: CPU of Weft, µs", way, spent[1] / calls * 1e6, min)
                if len(callers) == 1:
                    took_s = float(np.median(alone[way].call(asked[way], 1).took_s))
                    _best(figures, f"{kind}: one caller, p50 ms", way, took_s * 1e3, min)
    print(f"{kind}: measured", flush=True)


def _call(callers: list[Callers], requests: list[bytes]) -> float:
    """Requests a second; all of ``callers`` at once, each with its share of the requests."""
    begun = time.perf_counter()
    for number, one in enumerate(callers):
        one.begin(requests[number :: len(callers)], 1)
    for one in callers:
        one.wait()
    return len(requests) / (time.perf_counter() - begun)


def _best(figures: Figures, row: str, way: str, value: float, better: Any) -> None:
    figures[row][way] = better(value, figures[row].get(way, value))


def _table(figures: Figures, ways: list[str]) -> list[str]:
    lines = [f"| | {' | '.join(ways)} | Weft to direct |", "|---" + "|---:" * (len(ways) + 1) + "|"]
    for row, values in figures.items():
        digits = 3 if "recall" in row or "ms" in row else 0
        cells = [f"{values[way]:,.{digits}f}" if way in values else "–" for way in ways]
        both = values.get("Weft"), values.get("direct")
        cells.append(f"{both[0] / both[1]:.2f}" if both[0] is not None and both[1] else "–")
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1] / "tests"))  # which has a Milvus server
    main()
