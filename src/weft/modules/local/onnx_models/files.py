"""The ONNX files of a model: which there are, which this machine runs best, and which is taken.

A repository mostly has several files of one model in ``onnx/``: float32 (``model.onnx``), int8 for one family of
processors (``model_qint8_avx512.onnx``) or any (``model_quantized.onnx``), 4 bits (``model_q4.onnx``), float16 for
GPUs. A model of two kinds of input has one for each: ``text_model.onnx`` and ``vision_model.onnx``.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from weft.domain.errors import Misconfigured

ONNX = "*.onnx"
TEXT_PARTS = ("model", "text_model")
IMAGE_PART = "vision_model"
_FOLDERS = ("onnx", "")
"""Where a model's files are, the usual place first."""

_FOR_GPUS = re.compile(r"fp16|f16|_O4|bnb4")
"""float16 is converted at each run on a CPU, and takes longer than float32."""
_FAMILIES = ("arm64", "avx512_vnni", "avx512", "avx2")
"""Of processors, as names of files have them; one that is contained in another comes after it."""
_NAME = re.compile(rf"({'|'.join(TEXT_PARTS)}|{IMAGE_PART})(_\w+)?\.onnx")


def part_of(file: str) -> str:
    """``text_model`` of ``onnx/text_model_q4.onnx``: which part of a model the file has; empty for another file."""
    match = _NAME.fullmatch(PurePosixPath(file).name)
    return match[1] if match else ""


def smallest(sizes: Mapping[str, int], part: str) -> str | None:
    """The smallest of the files of ``part`` that this machine's processor is made for; None if there is none.

    ``sizes``: of each file in bytes, by its path in the repository.
    """
    usable = [file for file in sizes if part_of(file) == part and _suits(file)]
    return min(usable, key=lambda file: (sizes[file], file), default=None)


def chosen_files(sizes: Mapping[str, int], only: str = "") -> list[str]:
    """The files to take of a repository, one for each part; ``only`` names the one of a model with one part.

    Raises Misconfigured if it is not there. Empty if the repository has no file that this machine is made for.
    """
    if only:
        if only not in sizes or not only.endswith(".onnx"):
            there = ", ".join(sorted(file for file in sizes if file.endswith(".onnx"))) or "none"
            raise Misconfigured(f"{only} is not an ONNX file of this model; it has {there}")
        chosen = [only]
    else:
        text = next(filter(None, (smallest(sizes, part) for part in TEXT_PARTS)), None)
        chosen = [file for file in (text, smallest(sizes, IMAGE_PART)) if file]
    return [*chosen, *(file for one in chosen for file in _beside(one, sizes))]


def text_file(folder: Path) -> Path | None:
    """The ONNX file of ``folder`` that reads text, the smallest for this machine; None if there is none."""
    return _found(folder, *TEXT_PARTS)


def image_file(folder: Path) -> Path | None:
    return _found(folder, IMAGE_PART)


def exported_files(folder: Path) -> list[Path]:
    """The files that onnxruntime is to run: those that ``text_file`` and ``image_file`` choose, and their data.

    Empty if there are none, or where torch is installed and the folder has the original weights as well.
    """
    if has_torch() and _has_torch_weights(folder):
        return []
    graphs = [file for file in (text_file(folder), image_file(folder)) if file is not None]
    return [*graphs, *(data for file in graphs for data in external_data(file))]


def external_data(file: Path) -> list[Path]:
    names = {one.name: 0 for one in file.parent.iterdir()}
    return [file.parent / name for name in _beside(file.name, names)]


def _found(folder: Path, *parts: str) -> Path | None:
    for place in _FOLDERS:
        inside = folder / place
        sizes = {one.name: _bytes(one) for one in inside.glob(ONNX)} if inside.is_dir() else {}
        for part in parts:
            if (name := smallest(sizes, part)) is not None:
                return inside / name
    return None


def _bytes(file: Path) -> int:
    return sum(one.stat().st_size for one in (file, *external_data(file)))


def _beside(file: str, names: Iterable[str]) -> list[str]:
    """``model.onnx_data`` and ``model.onnx_data_1`` of ``model.onnx``."""
    return sorted(one for one in names if one.startswith((f"{file}_data", f"{file}.data")))


def _suits(file: str) -> bool:
    name = PurePosixPath(file).name
    if _FOR_GPUS.search(name):
        return False
    named = next((family for family in _FAMILIES if family in name), None)
    return named is None or named in _families()


@cache
def _families() -> frozenset[str]:
    """The families of processors whose files this machine runs well."""
    if platform.machine().lower() in ("arm64", "aarch64"):
        return frozenset({"arm64"})
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return frozenset()
    return frozenset(family for family in _FAMILIES if family in flags)


@cache
def has_torch() -> bool:
    """Whether models can run by their own weights: the extra ``weft[torch]`` is installed."""
    return find_spec("torch") is not None and find_spec("sentence_transformers") is not None


def _has_torch_weights(folder: Path) -> bool:
    """Of the transformer itself; layers behind it are in folders of their own."""
    places = (folder, folder / "0_Transformer")
    return any(any(place.glob(pattern)) for place in places for pattern in ("*.safetensors", "pytorch_model*.bin"))
