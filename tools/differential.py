"""Asks two servers of the protocol the same generated questions, and prints where their answers differ.

    python tools/differential.py 8080:50051 8081:50052

An address is ``REST:GRPC`` on this machine or ``HOST:REST:GRPC``. Both servers get the same collections, whose names
begin with "Differ", and the same changes; then searches of every kind, aggregations, GraphQL and REST requests, right
and wrong ones. Every question comes from the seed. The status is 1 where they differ and 2 where a server cannot be
asked.

Half of the questions are asked after the changes. To restart a server between changes and questions, run with
``--questions 0`` first and with ``--filled`` then.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from random import Random

from two_servers.history import Unfilled, changes, fill, remove
from two_servers.report import ROOMS, Report, draw
from two_servers.server import Server, Unreachable


def main(arguments: list[str]) -> int:
    asked = parsed(arguments)
    with ExitStack() as stack:
        log = stack.enter_context(asked.log.open("w", encoding="utf-8")) if asked.log else None
        try:
            servers = [stack.enter_context(Server(address)) for address in (asked.a, asked.b)]
            report = Report(servers, log, strict=asked.strict, changed=asked.filled)
            rng, half = Random(asked.seed), asked.questions // 2
            if not asked.filled:
                fill(servers, Random(f"{asked.seed} things"), asked.objects)
                report.ask(draw(rng, half, asked.rooms))
                report.ask(changes(Random(f"{asked.seed} changes"), asked.objects, asked.changes))
            report.ask(draw(rng, asked.questions if asked.filled else asked.questions - half, asked.rooms))
            if asked.questions and not asked.keep:
                for server in servers:
                    remove(server)
        except (Unfilled, Unreachable) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    print("\n".join(report.lines()))
    return 1 if report.differences else 0


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("a", metavar="SERVER_A", help="REST:GRPC or HOST:REST:GRPC; the one to be believed")
    parser.add_argument("b", metavar="SERVER_B")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--objects", type=int, default=300)
    parser.add_argument("--changes", type=int, default=60, help="writes between the two halves of the questions")
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--rooms", nargs="+", choices=ROOMS, default=list(ROOMS), help="kinds of questions; all")
    parser.add_argument("--filled", action="store_true", help="ask of what an earlier run left")
    parser.add_argument("--keep", action="store_true", help="leave the collections in place")
    parser.add_argument("--strict", action="store_true", help="known differences from Weaviate count as well")
    parser.add_argument("--log", type=Path, help="a file for every difference, not only the shortest of a kind")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
