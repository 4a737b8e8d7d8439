"""Loading by torch: what a model will take, known before it is loaded, and refused when there is less."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from weft.domain.errors import CorruptData, Misconfigured, Overloaded, WeftError
from weft.modules.local.checkpoint import Checkpoint
from weft.modules.local.torch_loading import Placement, check_memory
from weft.modules.local.weights import check_whole, weight_bytes

ROUGH, WHOLE = Placement("cpu", "bfloat16"), Placement("cpu", "float32")


def write(file: Path, tensors: dict[str, tuple[str, list[int], int]]) -> None:
    """A safetensors file whose data is left out: only its head is read."""
    head: dict[str, object] = {"__metadata__": {"format": "pt"}}
    begin = 0
    for name, (dtype, shape, size) in tensors.items():
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, begin + size]}
        begin += size
    text = json.dumps(head).encode()
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(len(text).to_bytes(8, "little") + text)


def checkpoint(folder: Path | None) -> Checkpoint:
    return Checkpoint("mine", folder=folder)


def test_weights_count_in_the_dtype_that_they_get(tmp_path: Path) -> None:
    write(
        tmp_path / "model.safetensors", {"a": ("F32", [10, 20], 800), "b": ("BF16", [50], 100), "c": ("I64", [4], 32)}
    )
    write(tmp_path / "1_Dense/model.safetensors", {"d": ("F16", [5, 5], 50)})
    assert weight_bytes(checkpoint(tmp_path), 4) == (200 + 50 + 25) * 4 + 32
    assert weight_bytes(checkpoint(tmp_path), 2) == (200 + 50 + 25) * 2 + 32
    assert weight_bytes(checkpoint(None), 4) == 0


def test_a_model_that_is_too_large_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "model.safetensors", {"a": ("F32", [10**6, 10**3], 4 * 10**9)})
    assert check_memory(checkpoint(tmp_path), ROUGH, free_bytes=3 * 10**9) == 24 * 10**8
    message = "the model mine takes about 4800 MB in float32, and 3000 MB are free on cpu; choose a smaller model"
    with pytest.raises(Overloaded, match=message):
        check_memory(checkpoint(tmp_path), WHOLE, free_bytes=3 * 10**9)


def test_the_machine_is_asked_what_is_free(tmp_path: Path) -> None:
    write(tmp_path / "model.safetensors", {"a": ("F32", [100], 400)})
    assert check_memory(checkpoint(tmp_path), WHOLE) == 480
    write(tmp_path / "model.safetensors", {"a": ("F32", [10**9, 10**6], 4 * 10**15)})
    if Path("/proc/meminfo").exists():
        with pytest.raises(Overloaded):
            check_memory(checkpoint(tmp_path), WHOLE)


@pytest.mark.parametrize("data", [b"", b"\xff" * 100, (5).to_bytes(8, "little") + b"[1,2]", b"\x02" + bytes(7) + b"{"])
def test_files_that_are_no_safetensors_are_reported(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(CorruptData, match=r"model\.safetensors of the model mine is not a safetensors file"):
        weight_bytes(checkpoint(tmp_path), 4)


READS: dict[str, object] = {"model_type": "bert", "vocab_size": 9}


@pytest.mark.parametrize(
    ("files", "config", "kind", "said"),
    [
        ({}, READS, Misconfigured, "the model mine has no weights"),
        ({"tf_model.h5": b""}, READS, Misconfigured, r"its weights in tf_model\.h5, which is not loaded here"),
        ({"pytorch_model.bin": b""}, READS, CorruptData, r"pytorch_model\.bin of the model mine cannot be loaded"),
        ({"model.safetensors": b"version https://git-lfs"}, READS, CorruptData, "a pointer of Git LFS .* git lfs pull"),
        ({"model.safetensors": None}, READS, Misconfigured, "has no tokenizer"),
        ({"model.safetensors": None}, {"model_type": "resnet"}, None, ""),
        ({"model.safetensors": None}, {**READS, "model_type": "whisper"}, None, ""),
        ({"model.safetensors": None, "sub/tokenizer.json": b"{}"}, READS, None, ""),
        ({"model.safetensors": None, "tokenizer_config.json": b'"ByT5Tokenizer"'}, READS, None, ""),
    ],
)
def test_a_checkpoint_that_is_not_whole_is_refused_with_the_reason(
    tmp_path: Path, files: dict[str, bytes | None], config: dict[str, object], kind: type[WeftError] | None, said: str
) -> None:
    for name, data in files.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        if data is None:
            write(file, {"a": ("F32", [4], 16)})
            file.write_bytes(file.read_bytes() + bytes(16))
        else:
            file.write_bytes(data)
    given = Checkpoint("mine", config, folder=tmp_path)
    if kind is None:
        check_whole(given)
    else:
        with pytest.raises(kind, match=said):
            check_whole(given)


def test_weights_that_are_cut_off_are_reported(tmp_path: Path) -> None:
    write(tmp_path / "model.safetensors", {"a": ("F32", [10**6], 4 * 10**6)})
    with pytest.raises(CorruptData, match=r"is cut off: it has \d+ of 4,000,\d+ bytes; copy it again"):
        check_whole(checkpoint(tmp_path))
