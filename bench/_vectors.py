"""Real embeddings for benchmarks: lines of text through the model in the wheel.

    python bench/_vectors.py texts.txt vectors.npy

``texts.txt`` holds one text a line (on Debian: ``apt-cache dumpavail | sed -n 's/^Description[^:]*: //p'``).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from weft.domain.caller import Caller
from weft.domain.errors import WeftError
from weft.modules import build_registry
from weft.modules.base import ModuleInput

CHUNK = 2_000


def main() -> None:
    texts = [line.strip() for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines() if line.strip()]
    registry = build_registry(["text2vec-transformers"])
    module = registry.vectorizer("text2vec-transformers")
    vectors = []
    for start in tqdm(range(0, len(texts), CHUNK), unit_scale=CHUNK, unit=" texts"):
        inputs = [ModuleInput(texts=(text,)) for text in texts[start : start + CHUNK]]
        for vector in module.embed_objects(inputs, {}, Caller()):
            if isinstance(vector, WeftError):
                raise vector
            vectors.append(vector)
    registry.close()
    np.save(sys.argv[2], np.stack(vectors))


if __name__ == "__main__":
    main()
