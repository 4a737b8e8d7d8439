"""What do imports and searches cost a server, beside other servers, in one run?

    python bench/_packages.py FOLDER
    python bench/side_by_side.py --data FOLDER [--peer KIND=NAME:PID:REST:GRPC[:QUANTIZER]]... [--tiny]

Starts Weft in one process for each wire that is installed (with ``--workers N`` once more, in N), and compares it
with the servers that are already running on this machine, empty and quiet: KIND is ``weaviate`` for a server of that
protocol, with a QUANTIZER of its vector index ("" or ``rq8``), or ``qdrant`` ("" or ``sq``; needs qdrant-client). All
get the same packages of a Debian system with the embeddings of their descriptions, and in each round they take turns at
the same prepared requests, of ``--callers`` callers, with ``--limit`` whole objects in each answer.

Cost is the CPU time of the server's processes (user and system, from /proc), the least of all rounds; requests a second
are the most of all rounds, with the callers on the same cores; recall is compared with the exact answer; the time of
one caller is the median of the best round. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from _callers import Callers
from _packages import Packages, load, made_up
from _server_peers import KINDS, KINDS_OF_PEERS, NEAREST, Peer, Protocolled, exact, wait_indexed
from _serving import START, cpu_s, machine, resident_bytes, running
from weft.wire.grpc.wires import installed

Figures = dict[str, dict[str, float]]
"""By row and server."""


def main() -> None:
    options = _options()
    packages = made_up(600, 16) if options.tiny else load(options.data, options.objects)
    print(machine())
    print(f"{len(packages.objects)} objects x {packages.vectors.shape[1]}, {options.callers} callers", flush=True)
    with ExitStack() as stack:
        peers = [_peer(text) for text in options.peer]
        started = {f"Weft ({wire})": f"{START} --workers 1 --grpc-wire {wire}" for wire in installed()}
        if options.workers:
            started[f"Weft ({options.workers} processes)"] = f"{START} --workers {options.workers}"
        for name, command in started.items():
            server = stack.enter_context(running(command))
            peers.insert(0, Protocolled(name, server.pid, server.rest_port, server.grpc_port))
        figures: Figures = defaultdict(dict)
        for peer in peers:
            _import(peer, packages, options.callers, figures)
        _search(peers, packages, options, figures)
        for peer in peers:
            for kind, size in resident_bytes(peer.pid).items():
                figures[f"{kind} memory, MB"][peer.name] = size / 1e6
    print("\n".join(table(figures, [peer.name for peer in peers])))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1))


def _options() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="made-up objects, to see that it runs")
    parser.add_argument("--data", type=Path, help="the folder that bench/_packages.py has filled")
    parser.add_argument("--objects", type=int, help="only so many")
    parser.add_argument("--peer", action="append", default=[], help="KIND=NAME:PID:REST:GRPC[:QUANTIZER]")
    parser.add_argument("--workers", type=int, default=0, help="also measure Weft with so many processes")
    parser.add_argument("--callers", type=int, default=4)
    parser.add_argument("--limit", type=int, default=10, help="objects in each answer")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="of searches")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--times", type=int, default=3, help="how often each query is sent in a round")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    if options.tiny:
        options.rounds = options.times = 1
    elif options.data is None:
        parser.error("--data is required, or --tiny")
    return options


def _peer(text: str) -> Peer:
    kind, _, rest = text.partition("=")
    name, pid, rest_port, grpc_port, *quantizer = rest.split(":")
    return KINDS_OF_PEERS[kind](name, int(pid), int(rest_port), int(grpc_port), *quantizer)


def _import(peer: Peer, packages: Packages, callers: int, figures: Figures) -> None:
    peer.create(packages.vectors.shape[1])
    requests = list(peer.batches(packages))
    before = cpu_s(peer.pid)
    with Callers(peer.grpc_port, peer.store_path, callers) as importing:
        stored = importing.call(requests, 1, keep=True)
    for reply in stored.replies:
        if error := peer.refused(reply):
            raise SystemExit(f"{peer.name} refused an object: {error}")
    count = len(packages.objects)
    figures["import acknowledged, objects/s"][peer.name] = count / stored.wall_s
    figures["CPU an object until acknowledged, µs"][peer.name] = (cpu_s(peer.pid) - before) / count * 1e6
    wait_indexed(peer)
    figures["CPU an object until indexed, µs"][peer.name] = (cpu_s(peer.pid) - before) / count * 1e6
    figures["until indexed, s"][peer.name] = time.perf_counter() - stored.began_s
    print(f"{peer.name}: {count} objects imported", flush=True)


def _search(peers: list[Peer], packages: Packages, options: argparse.Namespace, figures: Figures) -> None:
    right = {kind: exact(kind, packages, options.limit) for kind in NEAREST if kind in options.kinds}
    with ExitStack() as stack:
        together = {
            peer.name: stack.enter_context(Callers(peer.grpc_port, peer.search_path, options.callers)) for peer in peers
        }
        alone = {peer.name: stack.enter_context(Callers(peer.grpc_port, peer.search_path, 1)) for peer in peers}
        for kind in options.kinds:
            asked = {peer.name: peer.requests(kind, packages, options.limit) for peer in peers}
            for peer in peers:
                requests = asked[peer.name]
                if requests is None:
                    continue
                warm = together[peer.name].call(requests, 1, keep=True)
                if kind in right:
                    hits = [
                        len(right_ & set(peer.found(reply))) / len(right_)
                        for right_, reply in zip(right[kind], warm.replies, strict=True)
                    ]
                    figures[f"{kind}: recall"][peer.name] = float(np.mean(hits))
            for _ in range(options.rounds):
                for peer in peers:
                    requests = asked[peer.name]
                    if requests is None:
                        continue
                    before = cpu_s(peer.pid)
                    called = together[peer.name].call(requests, options.times)
                    cost = (cpu_s(peer.pid) - before) / len(called.took_s) * 1e6
                    single = alone[peer.name].call(requests, 1)
                    _least(figures, f"{kind}: µs of CPU", peer.name, cost)
                    _least(figures, f"{kind}: requests/s", peer.name, -called.a_second)
                    _least(figures, f"{kind}: one caller, p50 ms", peer.name, float(np.median(single.took_s)) * 1e3)
            print(f"{kind}: measured", flush=True)
    for row in figures:
        if row.endswith("requests/s"):
            figures[row] = {name: -value for name, value in figures[row].items()}


def _least(figures: Figures, row: str, name: str, value: float) -> None:
    figures[row][name] = min(value, figures[row].get(name, value))


def table(figures: Figures, names: list[str]) -> list[str]:
    lines = [f"| | {' | '.join(names)} |", "|---" + "|---:" * len(names) + "|"]
    for row, values in figures.items():
        digits = 3 if "recall" in row or "ms" in row else 0
        cells = [f"{values[name]:,.{digits}f}" if name in values else "–" for name in names]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()
