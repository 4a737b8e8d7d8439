"""How fast is keyword search, and indexing?

    python bench/keywords.py                        # 100,000 documents beside tantivy and bm25s, about two minutes
    python bench/keywords.py --documents 1000000    # about 2 GB of memory
    python bench/keywords.py --tiny                 # some seconds, without peers, to see that it runs

Documents are docstrings of the standard library and of the installed packages (60 characters and more, each text once).
When more are wanted than there are, the rest are made of the first words of one docstring and the last of another, both
drawn at random (seed 1). Queries are 2 to 5 words drawn from one docstring (seed 2), no stop words.

Everything runs in one thread and is measured in CPU time of the process: queries and documents per CPU-second. Weft is
asked through ``InvertedIndex`` (tokenising included); ``filtered`` allows a tenth of the documents, ``live`` all but
one in a hundred. tantivy (default tokenizer, one writer thread; its query is parsed from words joined by OR) and bm25s
(numba back end; it keeps everything in memory and cannot add documents) are used when installed. ``overlap`` is the
share of the exact top 10 (the same formula, every posting scored with numpy) among an engine's top 10; documents with
the score of the tenth count as in it. Peers weigh lengths or terms a little differently, so theirs is below 1.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import random
import re
import sysconfig
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pyroaring import BitMap

from weft.domain.query import Keyword, MatchOperator
from weft.domain.schema import CollectionConfig, DataType, Property, Tokenization
from weft.engine.embedded.index.allow_list import AllowList
from weft.engine.embedded.index.inverted import InvertedIndex
from weft.engine.text.stopwords import PRESETS
from weft.engine.text.tokenize import words

K = 10
BATCH = 10_000
CONFIG = CollectionConfig(
    "Docs", (Property("text", DataType.TEXT, index_searchable=True, tokenization=Tokenization.WORD),)
)
STOPWORDS = PRESETS["en"]
Search = Callable[[str], Sequence[int]]


def docstrings(limit: int) -> list[str]:
    paths = sysconfig.get_paths()
    files = [file for root in (paths["stdlib"], paths["purelib"]) for file in sorted(Path(root).rglob("*.py"))]
    found: dict[str, None] = {}
    for file in dict.fromkeys(files):
        try:
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, ValueError, OSError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                text = ast.get_docstring(node)
                if text is not None and len(text) >= 60:
                    found[text] = None
        if len(found) >= limit:
            break
    return list(found)[:limit]


def corpus(texts: list[str], count: int) -> list[str]:
    rng = random.Random(1)
    made = texts[:count]
    split = [text.split() for text in texts]
    while len(made) < count:
        head, tail = rng.choice(split), rng.choice(split)
        made.append(" ".join([*head[: rng.randrange(len(head) + 1)], *tail[rng.randrange(len(tail) + 1) :]]))
    return made


def questions(texts: list[str], count: int) -> list[str]:
    rng = random.Random(2)
    asked: list[str] = []
    while len(asked) < count:
        found = [word for word in re.findall("[a-z]{2,}", rng.choice(texts).lower()) if word not in STOPWORDS]
        if len(found) >= 8:
            asked.append(" ".join(rng.sample(found, rng.randint(2, 5))))
    return asked


class Exact:
    """The scores of every document, by numpy; the reference for "overlap"."""

    def __init__(self, documents: Sequence[str]) -> None:
        ids: dict[str, int] = {}
        terms: list[int] = []
        lengths: list[int] = []
        for text in documents:
            tokens = words(text)
            terms += [ids.setdefault(token, len(ids)) for token in tokens]
            lengths.append(len(tokens))
        self._ids = ids
        self.lengths = np.array(lengths)
        pairs = np.array(terms, np.uint64) << np.uint64(32) | np.repeat(
            np.arange(len(lengths), dtype=np.uint64), lengths
        )
        distinct, self._frequencies = np.unique(pairs, return_counts=True)
        self._rows = (distinct & np.uint64(0xFFFFFFFF)).astype(np.int64)
        self._starts = np.searchsorted(distinct, np.arange(len(ids) + 1, dtype=np.uint64) << np.uint64(32))

    def acceptable(self, query: str) -> tuple[set[int], int]:
        """The documents that may be in the top 10, and how many of them can be."""
        scores = np.zeros(len(self.lengths))
        average = self.lengths[self.lengths > 0].mean()
        for token in words(query):
            number = self._ids.get(token)
            if number is None or token in STOPWORDS:
                continue
            part = slice(self._starts[number], self._starts[number + 1])
            rows, f = self._rows[part], self._frequencies[part]
            idf = np.log(1 + (len(scores) - len(rows) + 0.5) / (len(rows) + 0.5))
            scores[rows] += idf * f / (f + 1.2 * (0.25 + 0.75 * self.lengths[rows] / average))
        found = np.flatnonzero(scores)
        if len(found) <= K:
            return set(found.tolist()), len(found)
        edge = np.partition(scores, -K)[-K]
        return set(np.flatnonzero(scores >= edge * (1 - 1e-6)).tolist()), K


def overlap(search: Search, exact: Exact, queries: Sequence[str]) -> float:
    shares = []
    for query in queries:
        wanted, count = exact.acceptable(query)
        if count:
            shares.append(len(wanted.intersection(search(query))) / count)
    return sum(shares) / max(1, len(shares))


def rate(search: Search, queries: Sequence[str], repeats: int = 3) -> float:
    """Queries per CPU-second, the best of some rounds, after one to warm up."""
    best = float("inf")
    for query in queries:
        search(query)
    for _ in range(repeats):
        start = time.process_time()
        for query in queries:
            search(query)
        best = min(best, time.process_time() - start)
    return len(queries) / best


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def report(name: str, **figures: float) -> None:
    columns = [f"{label} {value:,.3f}" if value < 10 else f"{label} {value:,.0f}" for label, value in figures.items()]
    print(f"{name:12}", "  ".join(columns))


def weft(documents: list[str], queries: list[str], exact: Exact) -> float:
    properties = [{"text": text} for text in documents]
    with tempfile.TemporaryDirectory() as folder:
        with tempfile.TemporaryDirectory() as warming:
            warm = InvertedIndex(Path(warming), CONFIG)
            warm.add(range(200), properties[:200])
            warm.add(range(200, 400), properties[200:400])
            warm.checkpoint(BitMap(range(400)))
        index = InvertedIndex(Path(folder), CONFIG)
        start = time.process_time()
        for first in range(0, len(documents), BATCH):
            index.add(range(first, min(first + BATCH, len(documents))), properties[first : first + BATCH])
        index.checkpoint(BitMap(range(len(documents))))
        indexing = time.process_time() - start
        start = time.process_time()
        index = InvertedIndex(Path(folder), CONFIG)
        opening = time.process_time() - start

        def searcher(allow: AllowList | None = None, operator: MatchOperator = MatchOperator.OR) -> Search:
            return lambda query: index.search(Keyword(query, operator=operator), K, allow).doc_ids.tolist()

        rng = random.Random(3)
        everything = range(len(documents))
        tenth = AllowList(BitMap(rng.sample(everything, len(documents) // 10)))
        live = AllowList(BitMap(rng.sample(everything, len(documents) * 99 // 100)))
        plain = rate(searcher(), queries)
        report(
            "weft",
            queries_s=plain,
            live_s=rate(searcher(live), queries),
            filtered_s=rate(searcher(tenth), queries),
            and_s=rate(searcher(operator=MatchOperator.AND), queries),
            documents_s=len(documents) / indexing,
            bytes=size_of(Path(folder)),
            open_ms=opening * 1e3,
            overlap=overlap(searcher(), exact, queries[:200]),
        )
        singles = min(2_000, len(documents))
        start = time.process_time()
        for number in range(singles):
            index.add([len(documents) + number], [properties[number]])
        report("", one_by_one_us=(time.process_time() - start) / singles * 1e6)
        index.close()
        return plain


def tantivy(documents: list[str], queries: list[str], exact: Exact) -> float:
    import tantivy as engine  # type: ignore[import-not-found]

    builder = engine.SchemaBuilder()
    builder.add_text_field("text", stored=False)
    builder.add_integer_field("id", stored=True, fast=True)
    with tempfile.TemporaryDirectory() as folder:
        index = engine.Index(builder.build(), path=folder)
        start = time.process_time()
        writer = index.writer(200_000_000, num_threads=1)
        for number, text in enumerate(documents):
            writer.add_document(engine.Document(text=text, id=number))
        writer.commit()
        writer.wait_merging_threads()
        indexing = time.process_time() - start
        index.reload()
        searcher = index.searcher()

        def hits(query: str) -> list[Any]:
            parsed = index.parse_query(" OR ".join(query.split()), ["text"])
            return list(searcher.search(parsed, K, count=False).hits)

        def ids(query: str) -> list[int]:
            return [searcher.doc(address)["id"][0] for _, address in hits(query)]

        plain = rate(hits, queries)
        report(
            "tantivy",
            queries_s=plain,
            documents_s=len(documents) / indexing,
            bytes=size_of(Path(folder)),
            overlap=overlap(ids, exact, queries[:200]),
        )
        return plain


def bm25s(documents: list[str], queries: list[str], exact: Exact) -> float:
    import bm25s as engine  # type: ignore[import-not-found]

    start = time.process_time()
    tokens = engine.tokenize(documents, stopwords=None, show_progress=False)
    model = engine.BM25(method="lucene", k1=1.2, b=0.75, backend="numba")
    model.index(tokens, show_progress=False)
    indexing = time.process_time() - start

    def search(query: str) -> list[int]:
        asked = engine.tokenize([query], stopwords=None, show_progress=False)
        found, _ = model.retrieve(asked, k=K, show_progress=False, n_threads=1)
        return [int(number) for number in found[0]]

    plain = rate(search, queries)
    found = overlap(search, exact, queries[:200])
    report("bm25s", queries_s=plain, documents_s=len(documents) / indexing, overlap=found)
    return plain


PEERS = {"tantivy": tantivy, "bm25s": bm25s}


def available(tiny: bool) -> Iterator[tuple[str, Callable[[list[str], list[str], Exact], float]]]:
    for name, run in PEERS.items():
        if tiny:
            continue
        if importlib.util.find_spec(name) is None:
            print(f"{name:12} not installed")
        else:
            yield name, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    count, asked = (1_000, 50) if arguments.tiny else (arguments.documents, arguments.queries)
    texts = docstrings(500 if arguments.tiny else 40_000)
    documents, queries = corpus(texts, count), questions(texts, asked)
    exact = Exact(documents)
    length = exact.lengths.mean()
    print(f"{count:,} documents of {length:.0f} words on average from {len(texts):,} docstrings; {asked:,} queries")
    ours = weft(documents, queries, exact)
    for name, run in available(arguments.tiny):
        print(f"{'':12} weft / {name}: {ours / run(documents, queries, exact):.2f} times the queries")


if __name__ == "__main__":
    main()
