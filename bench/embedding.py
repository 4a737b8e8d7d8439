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
import base64
import io
import statistics
import sysconfig
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from weft.domain.caller import Caller
from weft.domain.query import MediaKind
from weft.modules import build_registry
from weft.modules.base import Media, ModuleInput, Registry, Vectorizer
from weft.modules.local.models import BUNDLED, TINY_ANY

NOBODY = Caller()
BATCH = 16
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


def beside_the_bare_library(registry: Registry, count: int) -> None:
    """tiny-any by its own library and through its module, in turn: the same PNG files and texts, the same batch."""
    try:
        import torch
        from PIL import Image
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        print(f"tiny-any beside sentence-transformers: left out ({error})")
        return
    torch.set_num_threads(1)
    bare = SentenceTransformer(str(BUNDLED / TINY_ANY), device="cpu", model_kwargs={"dtype": torch.float32})
    random = np.random.default_rng(0)
    pictures: list[bytes] = []
    for _ in range(count):
        buffer = io.BytesIO()
        small = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((240, 240)).save(buffer, "PNG")
        pictures.append(buffer.getvalue())
    texts = [f"a small red circle number {i}" for i in range(count)]
    module = registry.vectorizer("multi2vec-bind")
    settings = module.defaults({"model": TINY_ANY})
    image_inputs = [ModuleInput(media=(Media(MediaKind.IMAGE, base64.b64encode(one).decode()),)) for one in pictures]

    def bare_pictures() -> None:
        for i in range(0, count, BATCH):
            opened = [{"image": Image.open(io.BytesIO(one)).convert("RGB")} for one in pictures[i : i + BATCH]]
            bare.encode(opened, batch_size=BATCH, show_progress_bar=False)

    def bare_texts() -> None:
        for i in range(0, count, BATCH):
            bare.encode([{"text": one} for one in texts[i : i + BATCH]], batch_size=BATCH, show_progress_bar=False)

    def by_weft(inputs: Sequence[ModuleInput]) -> None:
        for i in range(0, count, BATCH):
            for one in module.embed_objects(inputs[i : i + BATCH], settings, NOBODY):
                if isinstance(one, Exception):
                    raise one

    text_inputs = [ModuleInput((text,)) for text in texts]
    for what, plain, inputs in (("pictures", bare_pictures, image_inputs), ("texts", bare_texts, text_inputs)):
        plain()  # what is loaded at the first use
        by_weft(inputs)
        spent = [0.0, 0.0]
        for _ in range(3):
            for place, work in enumerate((plain, lambda inputs=inputs: by_weft(inputs))):
                begin = time.process_time()
                work()
                spent[place] += time.process_time() - begin
        library, weft = (3 * count / one for one in spent)
        print(
            f"tiny-any, {what:15}{library:10.0f} a CPU-second by the library, {weft:.0f} through Weft: "
            f"{weft / library:.2f}"
        )


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
    beside_the_bare_library(registry, 16 if given.tiny else 160)
    registry.close()


if __name__ == "__main__":
    main()
