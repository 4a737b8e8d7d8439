"""What does a gRPC call cost the server over each wire that is installed, and how many are answered a second?

    python bench/wires.py [--tiny] [--objects N] [--requests N] [--rounds N] [--threads N]

Starts a server for each wire (``make front`` installs the second), stores the same objects in each, and takes turns:
in every round each server answers the same calls over channels of this process. Cost is the CPU time of the server's
process (user + system, all threads), the least of all rounds; calls a second are the most, with the callers on the
same cores. Ratios are to grpcio.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from contextlib import ExitStack

import grpc
import numpy as np

import _protocol as protocol
from _serving import START, Server, machine, running
from searches import Call, batches, cost_us, create_collection, made_vectors, searches
from weft.wire.grpc.wires import GRPCIO, installed

KINDS = ("keyword", "nearest")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="small numbers, to see that it runs")
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--dims", type=int, default=384)
    parser.add_argument("--requests", type=int, default=2_000, help="calls of each kind in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=4, help="concurrent callers")
    options = parser.parse_args()
    if options.tiny:
        options.objects, options.dims, options.requests, options.rounds = 300, 16, 200, 1
    print(machine())
    print(
        f"{options.objects} objects x {options.dims}, {options.rounds} rounds of {options.requests} calls of each kind"
    )
    vectors = made_vectors(options.objects, options.dims, np.random.default_rng(1))
    with ExitStack() as stack:
        calls: dict[str, dict[str, Call]] = {}
        servers: dict[str, Server] = {}
        for name in installed():
            server = servers[name] = stack.enter_context(running(f"{START} --workers 1 --grpc-wire {name}"))
            channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}"))
            search: Call = channel.unary_unary(protocol.SEARCH)
            calls[name] = {
                "empty": channel.unary_unary("/grpc.health.v1.Health/Check"),
                **dict.fromkeys(KINDS, search),
            }
            fill(server, channel, vectors)
        asked = searches(vectors, np.random.default_rng(2))
        requests = {"empty": [b""], **{kind: asked[kind] for kind in KINDS}}
        cost: dict[tuple[str, str], list[float]] = defaultdict(list)
        rate: dict[tuple[str, str], list[float]] = defaultdict(list)
        for _ in range(options.rounds):
            for kind, bodies in requests.items():
                for name, server in servers.items():
                    started = time.perf_counter()
                    cost[kind, name].append(
                        cost_us(server, calls[name][kind], bodies, options.requests, options.threads)
                    )
                    taken_s = time.perf_counter() - started
                    rate[kind, name].append((options.requests + len(bodies)) / taken_s)
    for kind in requests:
        for name in servers:
            least, most = min(cost[kind, name]), max(rate[kind, name])
            ratio = least / max(min(cost[kind, GRPCIO]), 1e-9)
            print(f"{kind:10} {name:8} {least:8.1f} µs of CPU a call ({ratio:.2f} x grpcio) {most:8.0f} calls/s")


def fill(server: Server, channel: grpc.Channel, vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
    create_collection(server)
    store: Call = channel.unary_unary(protocol.STORE)
    for request in batches(len(vectors), vectors, np.random.default_rng(3)):
        error = protocol.refused(store(request, timeout=300))
        assert not error, error
    protocol.wait_indexed(server.rest_port)


if __name__ == "__main__":
    main()
