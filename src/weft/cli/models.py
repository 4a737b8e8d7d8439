"""``weft models``: list the models on this machine, fetch one, check that one works, or export one to ONNX."""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from weft.cli.connection import Connection
from weft.cli.model_places import FoundModel, find_model, models_here
from weft.cli.probes import audio, image, video
from weft.cli.table import bytes_text
from weft.domain.caller import Caller
from weft.domain.errors import CorruptData, Invalid, Misconfigured, WeftError
from weft.domain.query import MediaKind
from weft.modules import build_registry
from weft.modules.local.hub import fetch
from weft.modules.local.models import ModelSource, weight_files
from weft.modules.local.onnx_models.files import exported_files
from weft.modules.registry import Registry
from weft.settings.modules import ModelSettings

_TRUE = ("1", "on", "yes", "true")
_PROBE = "a red circle"
_MEDIA = {MediaKind.IMAGE: image, MediaKind.AUDIO: audio, MediaKind.VIDEO: video}


def models(arguments: argparse.Namespace) -> int:
    folder = Path(arguments.models_path).expanduser() if arguments.models_path else None
    if arguments.action == "list":
        if arguments.name:
            raise Invalid(f"weft models list takes no name; did you mean: weft models verify {arguments.name}")
        return _list(models_here(folder), _loaded(arguments), as_json=arguments.json)
    if not arguments.name:
        raise Invalid(f"name the model: weft models {arguments.action} NAME")
    match arguments.action:
        case "pull":
            return _pull(arguments.name, onnx=arguments.onnx, file=arguments.file)
        case "export":
            return _export(arguments.name, folder, arguments.out, arguments.precision)
    return _verify(arguments.name, folder)


def _loaded(arguments: argparse.Namespace) -> tuple[str, frozenset[str] | None]:
    """A line about the server, and the models that it has loaded; None if there is no server, which is not an error."""
    try:
        with Connection(arguments) as server:
            found = frozenset(one["name"] for one in server.get("/v1/weft/models")["models"])
    except WeftError as error:
        return f"Which of them are loaded is unknown: {error.message}.", None
    return f"Loaded: in the server at {server.url}.", found


def _list(found: list[FoundModel], loaded: tuple[str, frozenset[str] | None], *, as_json: bool) -> int:
    """A server's models are matched by name, because a remote server has its own folders."""
    line, names = loaded
    if as_json:
        rows_ = [
            {**asdict(one), "folder": str(one.folder), "loaded": None if names is None else one.name in names}
            for one in found
        ]
        print(json.dumps(rows_, indent=2))
        return 0
    rows = [("model", "where", "embeds", "served by", "on disk", "in memory", "" if names is None else "loaded")]
    rows += [
        (
            one.name,
            one.place,
            ", ".join(one.kinds),
            one.modules[0] if one.modules else "none",
            bytes_text(one.size_bytes),
            bytes_text(one.memory_bytes) if one.memory_bytes is not None else "unknown",
            "" if names is None else "yes" if one.name in names else "no",
        )
        for one in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(line)
    return 0


def _pull(name: str, *, onnx: bool, file: str) -> int:
    if any(os.environ.get(variable, "").lower() in _TRUE for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")):
        raise Misconfigured(f"{name} was not fetched, because HF_HUB_OFFLINE forbids it; unset it, or copy the model")
    try:
        import huggingface_hub  # noqa: F401
    except ImportError as error:
        raise Misconfigured(f"fetching models needs huggingface_hub ({error}); pip install huggingface_hub") from error
    folder = fetch(name, onnx=onnx or None, file=file)
    if not weight_files(folder):
        raise CorruptData(
            f"{name} has no weights that are loaded here (safetensors, pytorch_model.bin, ONNX)", path=name
        )
    graphs = exported_files(folder)
    how = f" and runs without torch, by {', '.join(one.name for one in graphs)}" if graphs else ""
    print(f"{name} is in {folder}{how}; check it with: weft models verify {name}")
    return 0


def _export(name: str, models_folder: Path | None, out: str | None, precision: str) -> int:
    """Of a model on this machine: its folder is looked for as a server looks for it."""
    if not out:
        raise Invalid(f"name the folder to make: weft models export {name} --out FOLDER")
    from weft.modules.local.onnx_models.export import export_model

    model = find_model(name, models_folder)
    files = export_model(ModelSource(name, model.folder), Path(out).expanduser(), precision=precision, downloads=False)
    sizes = ", ".join(f"{one.name} ({bytes_text(one.stat().st_size)})" for one in files)
    print(f"{name} is exported to {out}: {sizes}. It runs without torch; a server finds it below its --models-path")
    return 0


def _verify(name: str, folder: Path | None) -> int:
    """Loads it as a server does, and embeds a probe. Raises the error that a server would get."""
    model = find_model(name, folder)
    if not model.modules:
        raise Misconfigured(f"no module serves {name}: it is a sparse encoder; choose another model")
    started = time.perf_counter()
    registry = build_registry(models=ModelSettings(threads=1, path=str(folder or "")))
    try:
        outcome = _probe(registry, model)
    finally:
        registry.close()
    print(f"{name} works: {outcome} by {model.modules[0]}, loaded and run in {time.perf_counter() - started:.1f} s")
    return 0


def _probe(registry: Registry, model: FoundModel) -> str:
    module, settings, caller = model.modules[0], {"model": model.name}, Caller()
    if module.startswith("reranker-"):
        scores = registry.reranker(module).rank(_PROBE, [_PROBE, "bread"], settings, caller)
        _check(np.asarray(scores), model.name, may_be_zero=True)
        return f"{len(scores)} scores"
    vectorizer = registry.vectorizer(module)
    outcomes = []
    if "text" in model.kinds:
        vector = vectorizer.embed_query([_PROBE], settings, caller)
        _check(vector, model.name)
        outcomes.append(f"text in {vector.shape[-1]} dimensions")
    for kind, probe in _MEDIA.items():
        if kind in model.kinds:
            vector = vectorizer.embed_media(kind, probe(), settings, caller)
            _check(vector, model.name)
            outcomes.append(f"{kind} in {vector.shape[-1]} dimensions")
    return ", ".join(outcomes)


def _check(numbers: NDArray[np.float32 | np.float64], name: str, *, may_be_zero: bool = False) -> None:
    if not np.isfinite(numbers).all() or not (may_be_zero or np.any(numbers)):
        raise CorruptData(f"the model {name} loads, but its output for a probe is all zeros or NaN; use another copy")
