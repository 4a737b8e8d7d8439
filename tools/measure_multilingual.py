"""Measure a text model across languages: does a short description of a package find the long one of the same package?

    apt-get update -o Acquire::Languages=ja,en     # Debian; below, the files of /var/lib/apt/lists, unpacked
    python tools/measure_multilingual.py Translation-ja Translation-en --models-path models/multilingual/src

A query is the first line of a description, a document the rest of it; those whose rest is shorter than 80 characters
are left out. Recall at 1 and 10 among the documents, and the mean reciprocal rank among the first 10.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from weft.domain.caller import Caller
from weft.modules import build_registry
from weft.settings.modules import ModelSettings

_LEAST_CHARS = 80
RERANKED = 20
Similarities: TypeAlias = np.ndarray[Any, Any]
ENTRY = re.compile(r"^Package: (\S+)\n.*\nDescription-\w+: (.+)\n((?: .*\n)+)", re.MULTILINE)


def descriptions(file: Path) -> dict[str, tuple[str, str]]:
    """The first line and the rest, as one line, by package."""
    found = {}
    for name, short, rest in ENTRY.findall(file.read_text(encoding="utf-8")):
        text = re.sub(r"\s+", " ", rest.replace("\n .\n", "\n")).strip()
        if len(text) >= _LEAST_CHARS:
            found[name] = (short, text)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path, help="descriptions of one language")
    parser.add_argument("second", type=Path, help="those of another")
    parser.add_argument("--models-path", default="", help="a folder of models")
    parser.add_argument("--model", action="append", help="a model (several times); empty: the one of the wheel")
    parser.add_argument("--packages", type=int, default=1000, help="how many packages, drawn with a fixed seed")
    parser.add_argument(
        "--rerank", metavar="MODEL", help="rank the 20 nearest again by this model, see reranker-transformers"
    )
    given = parser.parse_args()
    first, second = descriptions(given.first), descriptions(given.second)
    names = sorted(first.keys() & second.keys())
    chosen = random.Random(0).sample(names, min(given.packages, len(names)))
    registry = build_registry(models=ModelSettings(path=given.models_path))
    vectorizer: Any = registry.vectorizer("text2vec-transformers")
    for model in given.model or [""]:
        for queries, documents, which in ((first, first, "1 → 1"), (first, second, "1 → 2"), (second, first, "2 → 1")):
            asked = [vectorizer.embed_query([queries[name][0]], {"model": model}, Caller()) for name in chosen]
            stored = vectorizer.embed_texts([documents[name][1] for name in chosen], {"model": model}, Caller())
            similarity = np.stack(asked) @ np.stack(list(stored)).T
            print(f"{model or 'the wheel':40} {which}: {report(similarity)}")
            if given.rerank:
                texts = [(queries[name][0], documents[name][1]) for name in chosen]
                reranker = registry.reranker("reranker-transformers")

                def rank(asked: str, found: list[str], reranker: Any = reranker) -> list[float]:
                    return list(reranker.rank(asked, found, {"model": given.rerank}, Caller()))

                print(f"{given.rerank:40} {which}: {report(reranked(similarity, texts, rank))}")
    registry.close()


def reranked(
    similarity: Similarities, texts: Sequence[tuple[str, str]], rank: Callable[[str, list[str]], list[float]]
) -> Similarities:
    """The scores of the ``RERANKED`` best documents of each query; the others come after them."""
    found = np.full_like(similarity, -np.inf)
    for i, row in enumerate(similarity):
        best = np.argsort(-row)[:RERANKED]
        found[i, best] = rank(texts[i][0], [texts[j][1] for j in best])
    return found


def report(similarity: Similarities) -> str:
    """Of each query (row) to each document; the document of a query has its place."""
    ranks = (similarity > np.diag(similarity)[:, None]).sum(axis=1)
    reciprocal = np.where(ranks < 10, 1 / (ranks + 1), 0)
    return f"R@1 {np.mean(ranks < 1):.3f}, R@10 {np.mean(ranks < 10):.3f}, MRR@10 {reciprocal.mean():.3f}"


if __name__ == "__main__":
    main()
