"""How fast do the local models embed, and how long does a query wait while documents are embedded?

    python bench/embedding.py            # about a minute
    python bench/embedding.py --tiny     # a few seconds, to see that it runs
    python bench/embedding.py --workers 2 --busy

CPU time is what is measured (of the whole process), for it says the same on a busy machine; ``--busy`` adds wall times
of queries made while documents are embedded. Texts are docstrings of Python's standard library.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import sysconfig
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from weft.domain.caller import Caller
from weft.modules import build_registry
from weft.modules.base import ModuleInput, Vectorizer

NOBODY = Caller()
QUERY = "how do I read a file line by line and split it {}"


def docstrings(limit: int) -> list[str]:
    found: set[str] = set()
    for file in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node)
                if text and len(text) > 40:
                    found.add(text)
    chosen = sorted(found)
    np.random.default_rng(0).shuffle(chosen)
    return chosen[:limit]


def documents(vectorizer: Vectorizer, texts: Sequence[str], label: str) -> None:
    inputs = [ModuleInput((text,)) for text in texts]
    begin = time.process_time()
    vectorizer.embed_objects(inputs, {}, NOBODY)
    spent = time.process_time() - begin
    print(f"{vectorizer.name:24}{label:24}{len(texts) / spent:10.0f} texts a CPU-second")


def queries(vectorizer: Vectorizer, count: int, label: str, clock: str) -> None:
    now = time.process_time if clock == "CPU" else time.perf_counter
    spent = []
    for i in range(count):
        begin = now()
        vectorizer.embed_query([QUERY.format(f"{label} {i}")], {}, NOBODY)
        spent.append((now() - begin) * 1000)
    print(
        f"{vectorizer.name:24}{label:24}{statistics.median(spent):10.2f} ms of {clock} time a query, "
        f"longest {max(spent):.1f}"
    )


def queries_while_busy(vectorizer: Vectorizer, texts: Sequence[str], count: int) -> None:
    inputs = [ModuleInput((text,)) for text in texts]
    stop = threading.Event()

    def keep_busy() -> None:
        while not stop.is_set():
            vectorizer.embed_objects(inputs, {}, NOBODY)

    thread = threading.Thread(target=keep_busy)
    thread.start()
    try:
        queries(vectorizer, count, "while importing", "wall")
    finally:
        stop.set()
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="few texts")
    parser.add_argument("--workers", type=int, default=1, help="threads of each model")
    parser.add_argument("--busy", action="store_true", help="also time queries while documents are embedded")
    given = parser.parse_args()
    count = 40 if given.tiny else 2000
    texts = docstrings(count)
    registry = build_registry(threads=given.workers)
    begin = time.process_time()
    transformer = registry.vectorizer("text2vec-transformers")
    transformer.embed_query(["load"], {}, NOBODY)
    print(f"{transformer.name:24}{'load and first query':24}{time.process_time() - begin:10.2f} s of CPU time")
    documents(transformer, texts, f"{len(texts)} docstrings")
    queries(transformer, count // 10, "queries", "CPU")
    if given.busy:
        queries_while_busy(transformer, texts[:200], count // 10)
    static = registry.vectorizer("text2vec-model2vec")
    static.embed_query(["load"], {}, NOBODY)
    documents(static, [text[:80] for text in texts * (1 if given.tiny else 20)], "80 letters each")
    registry.close()


if __name__ == "__main__":
    main()
