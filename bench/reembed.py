"""How do searches fare while vectors are made again, and how fast is that beside a plain import by the same model?

    python bench/reembed.py [--objects 20000]
    python bench/reembed.py --tiny

One server: objects are imported by one model, then their vectors are made again by it with another setting. Searches
of one caller, each with a text of its own, are timed idle and during a re-embedding; another one without searches is
the rate. Wall clock, so on a quiet machine.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import httpx
import numpy as np
import weaviate
from weaviate.classes.config import Configure, DataType, Property

from _serving import Server, machine, running

MODULE, ROOT = "text2vec-model2vec", "/v1/weft/reembeddings"
ONE = f"{ROOT}/Thing/title"
LOOK_S = 0.005


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="small numbers, to see that it runs")
    parser.add_argument("--objects", type=int, default=20_000)
    options = parser.parse_args()
    objects = 500 if options.tiny else options.objects
    print(machine())
    with running() as server:
        client = weaviate.connect_to_local(port=server.rest_port, grpc_port=server.grpc_port, skip_init_checks=True)
        with client:
            things = client.collections.create(
                "Thing",
                properties=[Property(name="text", data_type=DataType.TEXT)],
                vector_config=[Configure.Vectors.custom(name="title", module_name=MODULE)],
            )
            began = time.perf_counter()
            for start in range(0, objects, 500):
                things.data.insert_many([{"text": text(n)} for n in range(start, min(objects, start + 500))])
            imported = objects / (time.perf_counter() - began)
            idle = [searched(things, n) for n in range(100 if options.tiny else 1_000)]
            began = time.perf_counter()
            begin(server)
            wait(server)
            alone = objects / (time.perf_counter() - began)
            ask(server, "DELETE", ONE)
            begin(server)
            busy: list[float] = []
            while ask(server, "GET", ONE)["status"] in ("WAITING", "RUNNING", "FINISHING"):
                busy += [searched(things, len(idle) + len(busy) + n) for n in range(10)]
    print(f"objects a second: import {imported:,.0f}, re-embedding {alone:,.0f} ({alone / imported:.2f} of it)")
    before, during = (np.percentile(np.asarray(one or [0.0]) * 1e3, (50, 99)) for one in (idle, busy))
    print(f"searches idle: p50 {before[0]:.2f} ms, p99 {before[1]:.2f} ms ({len(idle)})")
    print(f"searches during a re-embedding: p50 {during[0]:.2f} ms, p99 {during[1]:.2f} ms ({len(busy)})")
    print(f"p99 during / idle: {during[1] / before[1]:.2f}")


def text(n: int) -> str:
    return f"object {n} is about the loom {n % 97} and the thread {n % 89}, woven on day {n % 365} of the year"


def searched(things: Any, n: int) -> float:
    began = time.perf_counter()
    things.query.near_text(f"the loom {n} and its threads", limit=10)
    return time.perf_counter() - began


def begin(server: Server) -> None:
    """By the same model; the name of the collection before each text makes other vectors of the same cost."""
    ask(server, "POST", ROOT, {"collection": "Thing", "vector": "title", "settings": {"vectorizeClassName": True}})


def wait(server: Server) -> None:
    while ask(server, "GET", ONE)["status"] in ("WAITING", "RUNNING", "FINISHING"):
        time.sleep(LOOK_S)


def ask(server: Server, method: str, path: str, body: Any = None) -> Any:
    answer = httpx.request(method, f"http://127.0.0.1:{server.rest_port}{path}", json=body, timeout=600)
    return answer.raise_for_status().json()


if __name__ == "__main__":
    main()
