"""Are more requests answered when more processes serve? With callers that leave the processor to the server.

    python bench/_packages.py FOLDER
    python bench/processes.py --data FOLDER [--workers 2] [--callers 8] [--connections 1] [--rounds N] [--tiny]

Starts Weft in one process and in ``--workers``, which needs weft-front, stores the same packages in both, and in each
round calls both with the same prepared requests. The callers are one thread of a compiled program (``bench/caller``),
which needs cargo; ``--connections`` says how many connections they share. Cost is CPU time of the server and of the
callers, the least of all rounds; requests a second are the most, and beside their ratio stands the highest that the
cores allow: that of a server which divides its requests without any cost, given what one process and the callers take.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

import numpy as np

import _light_callers as light
from _callers import Callers
from _packages import load, made_up
from _server_peers import KINDS, Protocolled, wait_indexed
from _serving import START, cpu_s, machine, running
from weft.wire.grpc.wires import installed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="made-up objects, to see that it runs")
    parser.add_argument("--data", type=Path, help="the folder that bench/_packages.py has filled")
    parser.add_argument("--objects", type=int, help="only so many")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--calls", type=int, default=4_000, help="of each kind in a round")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["nearest", "keyword", "hybrid"])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.tiny:
        options.rounds, options.calls = 1, 100
    elif options.data is None:
        parser.error("--data is required, or --tiny")
    if options.tiny and (light.is_missing() or "front" not in installed()):
        print("nothing to compare: that takes cargo and weft-front")
        return
    light.build()
    packages = made_up(600, 16) if options.tiny else load(options.data, options.objects)
    print(machine())
    print(f"{len(packages.objects)} objects x {packages.vectors.shape[1]}, {options.callers} callers", flush=True)
    rates: dict[tuple[str, int], list[float]] = defaultdict(list)
    costs: dict[tuple[str, int], list[float]] = defaultdict(list)
    own: dict[tuple[str, int], list[float]] = defaultdict(list)
    waits: dict[tuple[str, int], list[float]] = defaultdict(list)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers: dict[int, Protocolled] = {}
        for count in (1, options.workers):
            started = stack.enter_context(running(f"{START} --grpc-wire front --workers {count}"))
            servers[count] = Protocolled(str(count), started.pid, started.rest_port, started.grpc_port)
            servers[count].create(packages.vectors.shape[1])
            with Callers(started.grpc_port, servers[count].store_path, 2) as importing:
                importing.call(list(servers[count].batches(packages)), 1)
        for server in servers.values():
            wait_indexed(server)
        for kind in options.kinds:
            file = folder / "requests"
            light.write(servers[1].requests(kind, packages, 10) or [], file)
            for number in range(1 + options.rounds):
                for count, server in servers.items():
                    before_s = cpu_s(server.pid)
                    called = light.call(
                        server.grpc_port,
                        server.search_path,
                        file,
                        callers=options.callers,
                        connections=options.connections,
                        calls=options.calls,
                    )
                    if not number:  # to warm both
                        continue
                    rates[kind, count].append(options.calls / called.wall_s)
                    costs[kind, count].append((cpu_s(server.pid) - before_s) / options.calls * 1e6)
                    own[kind, count].append(called.cpu_s / options.calls * 1e6)
                    waits[kind, count].append(float(np.median(called.took_s)) * 1e3)
    several, cores = options.workers, os.cpu_count() or 1
    head = ["requests/s: 1", several, "ratio", "at most", "server, µs: 1", several, "callers, µs", "p50 ms: 1", several]
    print(f"| | {' | '.join(map(str, head))} |")
    print("|---" + "|---:" * 9 + "|")
    for kind in options.kinds:
        one, more = (kind, 1), (kind, several)
        ratio = max(rates[more]) / max(rates[one])
        served, called_us = min(costs[one]), min(own[one])
        most = min(several, cores / (served + called_us) * max(served, called_us))
        cells = [f"{max(rates[one]):,.0f}", f"{max(rates[more]):,.0f}", f"{ratio:.2f}", f"{most:.2f}"]
        cells += [f"{served:.0f}", f"{min(costs[more]):.0f}", f"{called_us:.0f}"]
        cells += [f"{min(waits[one]):.2f}", f"{min(waits[more]):.2f}"]
        print(f"| {kind} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
