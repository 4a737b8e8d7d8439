"""Which way to search finds a docstring by its first sentence, and what does it cost to find that out?

    python bench/evaluation.py [--tiny] [--documents 3000] [--queries 300]

Stores docstrings of the standard library in a real server, the first sentence apart from the rest, of which the vectors
are made. The first sentences are the queries. One evaluation compares the vectors, the keywords and hybrids on the
collection as it is; another one compares the vectors with those of another model, on a sample. Under each table: the
server's CPU time a step (a query that is answered, or an object that is copied), and that of the same searches by
vector over gRPC by the official client, once more embedding each query.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import httpx
import weaviate
from weaviate.classes.config import Configure, DataType, Property
from weaviate.util import generate_uuid5

from _serving import Server, cpu_s, machine, running
from embedding import docstrings
from weft.cli.evaluation.report import lines_of

_NAME = "Docstring"
_ENDED = ("SUCCESS", "FAILED", "CANCELED")
_LOOK_EVERY_S = 0.2


def main() -> None:
    options = _options()
    print(machine())
    with running() as server:
        texts = _filled(server, options.documents)
        made = {"knownItem": {"property": "first", "queries": min(options.queries, len(texts))}}
        _evaluated(server, made)
        _evaluated(server, {**made, "models": [{"module": "text2vec-model2vec"}], "alphas": [0.5], "sample": 1_000})
        _asked(server, texts[: options.queries])


def _filled(server: Server, documents: int) -> list[str]:
    """The first sentences of the docstrings that have more than one."""
    rows = []
    for text in docstrings(documents):
        first, _, rest = " ".join(text.split()).partition(". ")
        if len(rest) > 40:
            rows.append({"first": first, "rest": rest})
    with _client(server) as client:
        collection = client.collections.create(
            _NAME,
            properties=[Property(name=name, data_type=DataType.TEXT) for name in ("first", "rest")],
            vector_config=Configure.Vectors.text2vec_transformers(
                name="rest", source_properties=["rest"], vectorize_collection_name=False
            ),
        )
        with collection.batch.fixed_size(100) as batch:
            for row in rows:
                batch.add_object(row, uuid=generate_uuid5(row))
    return list(dict.fromkeys(row["first"] for row in rows))


def _evaluated(server: Server, asked: dict[str, Any]) -> None:
    """Prints what an evaluation finds, and what it took."""
    root = f"http://127.0.0.1:{server.rest_port}/v1/weft/evaluations"
    before = cpu_s(server.pid)
    found = httpx.post(root, json={"collection": _NAME, **asked}).raise_for_status().json()
    while found["status"] not in _ENDED:
        time.sleep(_LOOK_EVERY_S)
        found = httpx.get(f"{root}/{found['id']}").raise_for_status().json()
    took_ms = 1000 * (cpu_s(server.pid) - before)
    print("\n".join(lines_of(found)))
    print(f"{took_ms / found['progress']['done']:.2f} ms of CPU a step\n", flush=True)


def _asked(server: Server, texts: list[str]) -> None:
    with _client(server) as client:
        query = client.collections.use(_NAME).query
        before = cpu_s(server.pid)
        for text in texts:
            query.near_text(text, limit=10, return_properties=[])
    print(f"{1000 * (cpu_s(server.pid) - before) / len(texts):.2f} ms of CPU a search by meaning over gRPC")


def _client(server: Server) -> weaviate.WeaviateClient:
    return weaviate.connect_to_local(
        host="127.0.0.1", port=server.rest_port, grpc_port=server.grpc_port, skip_init_checks=True
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=3_000, metavar="N", help="docstrings (default: %(default)s)")
    parser.add_argument("--queries", type=int, default=300, metavar="N", help="of them (default: %(default)s)")
    parser.add_argument("--tiny", action="store_true", help="a hundred docstrings, twenty queries")
    options = parser.parse_args()
    if options.tiny:
        options.documents, options.queries = 100, 20
    return options


if __name__ == "__main__":
    main()
