"""The tool that makes the multilingual model: what it writes computes what the 4-bit weights say."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")

import make_multilingual
from make_multilingual import BLOCK, read_weights, tokenizer_of, write
from weft.modules.local.checkpoint import read_configuration
from weft.modules.local.models import ModelSource
from weft.modules.local.onnx_models.text import load_onnx_text
from weft.modules.local.role_text import RoleText

HIDDEN, LAYERS, WIDE, POSITIONS = 96, 2, 192, 20
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁東京", "駅", "a", "b", "▁ab"]


def file_of_weights(seed: int = 0) -> bytes:
    """Random weights in the form of the package that the real ones come from."""
    random = np.random.default_rng(seed)
    blob = "".join(PIECES).encode()
    offsets = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)])
    head = struct.pack(
        "<4sI7ifi", b"E5S1", 1, HIDDEN, LAYERS, 12, WIDE, len(PIECES), POSITIONS, 2, 1e-12, BLOCK
    ) + struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob))
    head += offsets.astype("<u4").tobytes() + np.linspace(0, -9, len(PIECES)).astype("<f4").tobytes() + blob
    head += struct.pack("<iI", 0, 0)
    tensors: list[tuple[str, int, int, bytes]] = []

    def floats(name: str, count: int, around: float = 0) -> None:
        tensors.append((name, 0, count, (around + random.normal(0, 0.1, count)).astype("<f4").tobytes()))

    def blocks(name: str, rows: int, columns: int) -> None:
        count = rows * columns // BLOCK
        scales = random.uniform(0.01, 0.03, (count, 1)).astype("<f2").view(np.uint8)
        nibbles = random.integers(0, 256, (count, 16), np.uint8)
        tensors.append((name, 1, rows * columns, np.concatenate([scales, nibbles], axis=1).tobytes()))

    blocks("emb.word", len(PIECES), HIDDEN)
    floats("emb.pos", POSITIONS * HIDDEN)
    floats("emb.type", 2 * HIDDEN)
    floats("emb.ln.w", HIDDEN, 1)
    floats("emb.ln.b", HIDDEN)
    for layer in range(LAYERS):
        for part, rows, columns in (
            *((one, HIDDEN, HIDDEN) for one in ("q", "k", "v", "ao")),
            ("fi", WIDE, HIDDEN),
            ("fo", HIDDEN, WIDE),
        ):
            blocks(f"l{layer}.{part}.w", rows, columns)
            floats(f"l{layer}.{part}.b", rows)
        for part in ("aln", "oln"):
            floats(f"l{layer}.{part}.w", HIDDEN, 1)
            floats(f"l{layer}.{part}.b", HIDDEN)
    at = len(head) + 4 + sum(2 + len(name) + 21 for name, *_ in tensors)
    directory, data = struct.pack("<i", len(tensors)), b""
    for name, kind, count, content in tensors:
        entry = struct.pack("<BIQQ", kind, count, at + len(data), len(content))
        directory += struct.pack("<H", len(name)) + name.encode() + entry
        data += content
    return head + directory + data


def test_the_graph_computes_what_the_weights_say(tmp_path: Path) -> None:
    """Beside BERT of transformers with the same weights in float32; what flows is 8 bits wide."""
    torch = pytest.importorskip("torch")
    from transformers import BertConfig, BertModel

    weights = read_weights(file_of_weights())
    write(weights, tmp_path)
    encoder = load_onnx_text(read_configuration(ModelSource("made", tmp_path), downloads=False))
    size = {"hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": 12, "intermediate_size": WIDE}
    config = BertConfig(**size, vocab_size=len(PIECES), max_position_embeddings=POSITIONS)
    reference = BertModel(config, add_pooling_layer=False).eval()
    given = {
        name: torch.tensor(weights.numbers(name)).reshape(own.shape) for name, own in reference.state_dict().items()
    }
    reference.load_state_dict(given)
    for text in ("東京駅", "ab a b", "x"):
        (prepared,) = encoder.prepare([RoleText(text, True, "")])
        with torch.inference_mode():
            states = reference(torch.tensor(prepared.ids[None])).last_hidden_state[0].numpy()
        expected = states.mean(axis=0)
        (found,) = encoder.encode([prepared])
        assert float(found @ expected) / np.linalg.norm(expected) > 0.999


def test_texts_are_normalised_before_they_are_cut() -> None:
    tokenizer = tokenizer_of([(piece, -float(i)) for i, piece in enumerate([*PIECES, "▁ガ", "12"])])
    for text, tokens in (
        ("東京駅", ["▁東京", "駅"]),
        (" 東京\u3000駅\n", ["▁東京", "▁", "駅"]),
        ("ｶﾞ１２", ["▁ガ", "12"]),
        ("a\u0007b", ["▁ab"]),
    ):
        assert tokenizer.encode(text).tokens == ["<s>", *tokens, "</s>"]


def test_another_file_is_refused() -> None:
    with pytest.raises(SystemExit, match="not a file of 4-bit weights"):
        read_weights(b"GGUF" + bytes(60))
    assert len(make_multilingual.SHA256) == 64
