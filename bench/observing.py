"""What do metrics and deadlines cost a request?

    python bench/observing.py           # some seconds
    python bench/observing.py --tiny

Prints µs of CPU time (one thread, the best of seven rounds) that telling ``weft.metrics`` of a request takes: as the
gRPC server does for each call, as four threads do it at once (their CPU time together), and what a scrape takes with
100 kinds of requests known. Where metrics are off, nothing is observed, so nothing is paid. Then what it takes to open
a deadline for a request, and one look at it, of which a plain search takes about five.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from weft.domain.deadline import Deadline, check, within
from weft.metrics import Metrics

_ROUNDS = 7
_KINDS = 100
_THREADS = 4


def best_us(run: Callable[[int], None], times: int) -> float:
    """µs of CPU time that each of ``times`` takes in the best round."""
    found = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        run(times)
        found.append(time.process_time() - started)
    return min(found) / times * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true")
    calls = 2_000 if parser.parse_args().tiny else 200_000
    metrics = Metrics(list, list)
    for kind in range(_KINDS):
        metrics.observe("rest", f"GET /{kind}", "200", 0.001)

    def tell(times: int) -> None:
        for _ in range(times):
            started = time.perf_counter()
            metrics.observe("grpc", "Search", "OK", time.perf_counter() - started)

    def tell_at_once(times: int) -> None:
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(tell, [times // _THREADS] * _THREADS))

    def scrape(times: int) -> None:
        for _ in range(times):
            metrics.exposition()

    deadline = Deadline(3600.0, None)

    def open_deadline(times: int) -> None:
        for _ in range(times):
            with within(Deadline(3600.0, None)):
                pass

    def look(times: int) -> None:
        with within(deadline):
            for _ in range(times):
                check()

    print(f"one thread     {best_us(tell, calls):8.2f} µs a request")
    print(f"{_THREADS} threads      {best_us(tell_at_once, calls):8.2f} µs a request")
    print(f"a scrape       {best_us(scrape, 20):8.0f} µs with {_KINDS} kinds of requests")
    print(f"a deadline     {best_us(open_deadline, calls):8.2f} µs a request")
    print(f"a look at it   {best_us(look, calls):8.2f} µs")


if __name__ == "__main__":
    main()
