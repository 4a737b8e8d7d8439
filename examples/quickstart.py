"""Weft in one minute: import real texts, then search them by meaning, by keyword, and by both.

Everything below is the official Weaviate client; only the first line starts Weft.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any

from stdlib_docs import stdlib_docs
from tqdm import tqdm
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.query import Filter, MetadataQuery
from weaviate.util import generate_uuid5

import weft


def main() -> int:
    parser = argparse.ArgumentParser(description="Import the docstrings of the standard library, and search them.")
    parser.add_argument("--documents", type=int, help="import only this many (default: all, several thousand)")
    parser.add_argument("--keep", metavar="FOLDER", help="keep the data there, to serve it later with: weft serve")
    arguments = parser.parse_args()
    started = time.perf_counter()
    with weft.connect(arguments.keep) as client:
        print(
            f"Weft is ready after {time.perf_counter() - started:.2f} s. Reading Python's standard library.", flush=True
        )
        client.collections.delete("PythonDocs")
        docs = client.collections.create(
            "PythonDocs",
            properties=[
                Property(name="name", data_type=DataType.TEXT, skip_vectorization=True),
                Property(name="kind", data_type=DataType.TEXT, skip_vectorization=True),
                Property(name="text", data_type=DataType.TEXT),
            ],
            vector_config=Configure.Vectors.text2vec_transformers(),
        )
        corpus = stdlib_docs(arguments.documents)
        print(f"Importing {len(corpus)} docstrings and embedding each:")
        started = time.perf_counter()
        with docs.batch.fixed_size(batch_size=64, concurrent_requests=2) as batch:
            for doc in tqdm(corpus, unit=" docs", file=sys.stdout):
                batch.add_object(
                    {"name": doc.name, "kind": doc.kind, "text": doc.text}, uuid=generate_uuid5(doc.name + doc.text)
                )
        if docs.batch.failed_objects:
            print("not stored:", docs.batch.failed_objects[0].message, file=sys.stderr)
            return 1
        took = time.perf_counter() - started
        print(f"{len(docs)} objects stored in {took:.1f} s ({len(corpus) / took:.0f} per second, durable).")

        scored = MetadataQuery(distance=True, score=True)
        show(
            "by meaning",
            "measure how similar two texts are",
            lambda text: docs.query.near_text(text, limit=3, return_metadata=scored),
        )
        show("by keyword", "SSL certificate", lambda text: docs.query.bm25(text, limit=3, return_metadata=scored))
        show(
            "by both",
            "compress a file with gzip",
            lambda text: docs.query.hybrid(text, limit=3, return_metadata=scored),
        )
        show(
            "by meaning, classes only",
            "a queue that is safe for threads",
            lambda text: docs.query.near_text(
                text, limit=3, filters=Filter.by_property("kind").equal("class"), return_metadata=scored
            ),
        )
    if arguments.keep:
        print(f"\nNext: weft serve --data-path {arguments.keep}, then: weft search PythonDocs 'your words'")
    return 0


def show(how: str, text: str, search: Callable[[str], Any]) -> None:
    search("warm up")  # the first search of a kind loads what it needs
    started = time.perf_counter()
    found = search(text)
    took_ms = (time.perf_counter() - started) * 1000
    print(f'\n{how}: "{text}" ({took_ms:.1f} ms)')
    for hit in found.objects:
        measure = (
            f"distance {hit.metadata.distance:.3f}"
            if hit.metadata.distance is not None
            else f"score {hit.metadata.score:.3f}"
        )
        line = textwrap.shorten(hit.properties["text"], 88, placeholder=" …")
        print(f"  {measure}  {hit.properties['name']}\n      {line}")


if __name__ == "__main__":
    sys.exit(main())
