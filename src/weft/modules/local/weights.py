"""The files of weights in a checkpoint's folder: which are loaded, whether they are complete, their size in memory.

A safetensors file begins with the length of its head (8 bytes, little-endian) and the head, in JSON, which says where
the data of each tensor lies behind it. Only heads are read here.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from weft.domain.errors import CorruptData, Misconfigured
from weft.modules.local.checkpoint import Checkpoint
from weft.modules.local.models import SAFETENSORS, weight_files

_MOST_HEADER_BYTES = 100_000_000
"""The format's limit; safetensors refuses more."""
_OF_GIT_LFS = b"version "
_UNREADABLE = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.gguf")
_WORDS = ("tokenizer.json", "vocab.*", "*.model", "*vocab*.txt", "tekken.json")
_BY_BYTES = ("ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer")
"""Tokenizers that need no file of words."""
_READ_NO_TEXT = ("whisper", "perceiver")


def weight_bytes(checkpoint: Checkpoint, width: int) -> int:
    """The size of all weights, with ``width`` bytes per float; 0 without a folder. Raises CorruptData."""
    if checkpoint.folder is None:
        return 0
    return sum(_file_bytes(file, checkpoint.name, width) for file in weight_files(checkpoint.folder))


def _file_bytes(file: Path, name: str, width: int) -> int:
    if file.match(SAFETENSORS):
        return sum(_tensor_bytes(tensor, width) for tensor in _tensors(file, name)[0])
    tensors = _unpickled(file, name)
    return sum(one.numel() * (width if one.is_floating_point() else one.element_size()) for one in tensors)


def _unpickled(file: Path, name: str) -> list[Any]:
    """The tensors of a file of ``PICKLES`` without their data. Raises CorruptData for anything but tensors."""
    import torch

    try:
        found = torch.load(file, map_location="meta", weights_only=True)
        tensors = list(found.values())
        if not all(isinstance(one, torch.Tensor) for one in tensors):
            raise ValueError("it holds more than tensors")
    except Exception as error:  # of many classes, depending on what the bytes look like
        raise CorruptData(
            f"{file.name} of the model {name} cannot be loaded: it is damaged, or holds more than weights, which could "
            f"run code when it is read ({type(error).__name__}); copy it again, or choose a model with safetensors",
            path=str(file),
        ) from error
    return tensors


def check_whole(checkpoint: Checkpoint) -> None:
    """Checks for files that the libraries would report badly or ignore.

    Raises Misconfigured if there are no weights or no vocabulary: transformers would then make an empty tokenizer, and
    meaningless vectors. Raises CorruptData for truncated weights, and for pickles of anything but tensors.
    """
    folder, name = checkpoint.folder, checkpoint.name
    if folder is None:
        return
    files = weight_files(folder)
    if not files:
        raise Misconfigured(_without_weights(folder, name))
    for file in files:
        if file.match(SAFETENSORS):
            _check_length(file, name)
        else:
            _unpickled(file, name)
    reads = "text_config" in checkpoint.config or "vocab_size" in checkpoint.config
    if reads and checkpoint.model_type not in _READ_NO_TEXT and not _has_words(folder):
        raise Misconfigured(
            f"the model {name} has no tokenizer (tokenizer.json) beside its weights; copy or download all of it"
        )


def _without_weights(folder: Path, name: str) -> str:
    other = next((file for pattern in _UNREADABLE for file in folder.rglob(pattern)), None)
    if other is None:
        return (
            f"the model {name} has no weights (model.safetensors) beside its configuration; copy or download all of it"
        )
    return f"the model {name} has its weights in {other.name}, which is not loaded here; save it again as safetensors"


def _has_words(folder: Path) -> bool:
    settings = folder / "tokenizer_config.json"
    by_bytes = settings.exists() and any(
        name in settings.read_text(encoding="utf-8", errors="replace") for name in _BY_BYTES
    )
    return by_bytes or any(any(folder.rglob(pattern)) for pattern in _WORDS)


def _check_length(file: Path, name: str) -> None:
    tensors, begin = _tensors(file, name)
    whole = begin + max((tensor["data_offsets"][1] for tensor in tensors), default=0)
    size = file.stat().st_size
    if size < whole:
        raise CorruptData(
            f"{file.name} of the model {name} is cut off: it has {size:,} of {whole:,} bytes; copy it again",
            path=str(file),
        )


def _tensors(file: Path, name: str) -> tuple[list[dict[str, Any]], int]:
    """``dtype``, ``shape`` and ``data_offsets`` of each tensor, and where their data begins."""
    try:
        with file.open("rb") as opened:
            first = opened.read(8)
            if first == _OF_GIT_LFS:
                raise CorruptData(
                    f"{file.name} of the model {name} is a pointer of Git LFS and not the weights; run git lfs pull in "
                    "its folder",
                    path=str(file),
                )
            length = int.from_bytes(first, "little")
            if length > _MOST_HEADER_BYTES:
                raise ValueError(f"its head is said to have {length} bytes")
            head = json.loads(opened.read(length))
        tensors = [tensor for name, tensor in head.items() if name != "__metadata__"]
        for tensor in tensors:
            _tensor_bytes(tensor, 1)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptData(
            f"{file.name} of the model {name} is not a safetensors file: {error}", path=str(file)
        ) from error
    return tensors, 8 + length


def _tensor_bytes(tensor: dict[str, Any], width: int) -> int:
    begin, end = tensor["data_offsets"]
    return int(math.prod(tensor["shape"]) * width if "F" in tensor["dtype"] else end - begin)
