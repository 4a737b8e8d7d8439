"""Real objects for bench/side_by_side.py: the packages of a Debian system, with embeddings of their descriptions.

    python bench/_packages.py FOLDER    (Debian's apt; the model is the one in the wheel)

An object is a package: its name, its one-line description, its section, its size. The last thousand of them, in a
random order, are kept aside: their descriptions are the queries, so no query has itself for an answer.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
QUERIES = 1_000
TAGS = 10
"""Values of a property that is unrelated to the texts: each one selects a tenth of the objects."""


@dataclass(frozen=True)
class Package:
    name: str
    description: str
    section: str
    size: int


@dataclass(frozen=True)
class Packages:
    """``vectors`` ``(n, d)`` and ``query_vectors`` ``(q, d)`` are of unit length."""

    objects: list[Package]
    vectors: Vectors
    queries: list[str]
    query_vectors: Vectors

    def tags(self) -> list[str]:
        return [f"tag{number}" for number in random.Random(2).choices(range(TAGS), k=len(self.objects))]

    def ranks(self) -> npt.NDArray[np.float64]:
        """``(n,)``: from 0 to 1, unrelated to the texts."""
        return np.random.default_rng(3).random(len(self.objects))


def load(folder: Path, count: int | None) -> Packages:
    rows = [Package(*row) for row in json.loads((folder / "packages.json").read_text())]
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    kept, queries = rows[:-QUERIES][:count], rows[-QUERIES:]
    return Packages(
        kept, np.ascontiguousarray(vectors[: len(kept)]), [one.description for one in queries], vectors[-QUERIES:]
    )


def made_up(count: int, dims: int) -> Packages:
    """For a look at whether it runs."""
    rng, words = np.random.default_rng(1), random.Random(1)
    vectors = rng.normal(size=(count + QUERIES, dims)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = [" ".join(f"word{int(words.paretovariate(0.5)) % 5_000}" for _ in range(8)) for _ in vectors]
    objects = [Package(f"name{i}", text, f"section{i % 7}", i) for i, text in enumerate(texts[:count])]
    return Packages(objects, vectors[:count], texts[count:], vectors[count:])


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    packages = list({one.description: one for one in _known()}.values())
    random.Random(1).shuffle(packages)
    fields = [(one.name, one.description, one.section, one.size) for one in packages]
    (folder / "packages.json").write_text(json.dumps(fields))
    (folder / "texts.txt").write_text("".join(one.description + "\n" for one in packages))
    subprocess.run(
        [sys.executable, Path(__file__).parent / "_vectors.py", folder / "texts.txt", folder / "vectors.npy"],
        check=True,
    )


def _known() -> list[Package]:
    dump = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True).stdout
    found = []
    for entry in dump.split("\n\n"):
        fields = dict(re.findall(r"^([\w-]+): (.+)$", entry, re.MULTILINE))
        if text := fields.get("Description", "").strip():
            found.append(
                Package(fields["Package"], text, fields.get("Section", "none"), int(fields.get("Installed-Size", 0)))
            )
    return found


if __name__ == "__main__":
    main()
