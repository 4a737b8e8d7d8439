"""Models: from the name in a collection's settings to a local folder or hub model.

Folders and hub names in a collection's settings come from clients, and a model folder can name code to run. So a
client chooses among what the operator offers: the models in the wheel, the folders below ``models_folder``, the models
of other packages, and those in this machine's hub cache (or, with ``allow_downloads``, on the hub).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from xxhash import xxh64

from weft.domain.errors import Invalid
from weft.modules.base import UNKNOWN
from weft.modules.local.onnx_models.files import ONNX, exported_files
from weft.plugins import MODELS, find_plugins

_HUB_NAME = re.compile(r"\w[\w.-]{0,95}(/\w[\w.-]{0,95})?", re.ASCII)
_LONGEST_NAME = 500
_MOST_FOUND = 1_000
_PIECES, _PIECE_BYTES = 256, 4096
BUNDLED = Path(__file__).parent / "models"
MINILM = "all-MiniLM-L6-v2"
MODEL2VEC = "all-MiniLM-L6-v2-static-256"
SAFETENSORS = "*.safetensors"
PICKLES = "pytorch_model*.bin"
"""PyTorch's own format; what is in it besides tensors is refused, so that no code of it runs."""
TINY_ANY = "tiny-any"
"""Text, images, audio and video of simple things, 64 dimensions; for first trials. Needs torch."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """The source of a model: a folder, or a name on the hub. ``bundled``: in the wheel, and runs without torch."""

    name: str
    folder: Path | None
    bundled: bool = False

    @property
    def place(self) -> str:
        return str(self.folder) if self.folder is not None else self.name

    @property
    def revision(self) -> str:
        """Distinguishes models with the same name: the revision in the wheel, a hash of a folder's weights, or the
        hub's commit in this machine's cache; UNKNOWN before it is fetched. Of a model that onnxruntime runs, also the
        file, because an export in fewer bits makes other vectors."""
        if self.folder is None:
            folder = cached_folder(self.name)
            return UNKNOWN if folder is None else ", ".join((folder.name, *_graphs(folder)))
        if self.bundled:
            return str(read_config(self.folder)["revision"])
        return _weights(self.folder)


def repositories(name: str) -> tuple[str, ...]:
    """Where on the hub a model may be: those of sentence-transformers can be named without their owner."""
    return (name,) if "/" in name else (f"sentence-transformers/{name}", name)


def weight_files(folder: Path) -> list[Path]:
    """The files that are loaded, by name: ONNX files where onnxruntime runs the model; else safetensors, and in folders
    without them ``PICKLES``."""
    graphs = exported_files(folder)
    safe = list(folder.rglob(SAFETENSORS))
    with_safe = {file.parent for file in safe}
    if graphs:  # and the layers behind them
        return sorted([*graphs, *(file for file in safe if file.parent != folder)])
    return sorted([*safe, *(file for file in folder.rglob(PICKLES) if file.parent not in with_safe)])


_folders: dict[str, Path] = {}
"""Snapshots of hub models, once known: a loaded model does not change."""


def cached_folder(name: str) -> Path | None:
    """The snapshot of a hub model in this machine's cache, complete or not; None if there is none."""
    if name not in _folders:
        try:
            from huggingface_hub import try_to_load_from_cache
        except ImportError:
            return None
        for repository, file in product(repositories(name), ("config.json", "modules.json")):
            found = try_to_load_from_cache(repository, file)
            if isinstance(found, str):
                _folders[name] = Path(found).parent
                break
    return _folders.get(name)


@cache
def packaged_models() -> Mapping[str, Path]:
    """The folders of models that other packages add (``weft.models``), by name.

    Raises Misconfigured for a package that cannot be imported, or has the name of a model of the wheel.
    """
    found = find_plugins(MODELS, (MINILM, MODEL2VEC, TINY_ANY))
    return {name: Path(str(plugin.make())) for name, plugin in found.items()}


@cache
def _graphs(folder: Path) -> tuple[str, ...]:
    """The names of the ONNX files that are run."""
    return tuple(file.name for file in exported_files(folder) if file.match(ONNX))


@cache
def _weights(folder: Path) -> str:
    """The size of the weights and a hash of pieces of them: a retrained model has the same size.

    Computed once: a loaded model does not change, whatever happens to its files. The pieces are spread over a large
    file, so that every part of the model has some.
    """
    size_bytes, pieces = 0, xxh64()
    for file in weight_files(folder):
        length = file.stat().st_size
        size_bytes += length
        with file.open("rb") as stream:
            for i in range(_PIECES):
                stream.seek(length * i // _PIECES)
                pieces.update(stream.read(_PIECE_BYTES))
    return f"{size_bytes}-{pieces.hexdigest()}"


class ModelOffer:
    """The models that collections may choose from: those in the wheel, the folders below ``models_folder``, those of
    other packages, and those of the hub, which are fetched if ``allow_downloads``."""

    def __init__(self, models_folder: Path | None = None, *, allow_downloads: bool = False) -> None:
        self.allow_downloads = allow_downloads
        self._folder = models_folder
        self._root = models_folder.resolve() if models_folder else None
        self._found: dict[tuple[str, str], ModelSource] = {}
        """Cached look-ups: every query makes one, and a loaded model does not change."""

    def find(self, name: str, default: str) -> ModelSource:
        """The model of that name; empty: ``default``. Raises Invalid for a name outside the offered folders."""
        found = self._found.get((name, default))
        if found is None:
            found = self._find(name, default)
            if found.folder is not None and len(self._found) < _MOST_FOUND:
                self._found[name, default] = found
        return found

    def _find(self, name: str, default: str) -> ModelSource:
        short = (name or default).removeprefix("sentence-transformers/")
        if short == default:
            return ModelSource(short, BUNDLED / short, bundled=True)
        if short == TINY_ANY:
            return ModelSource(short, BUNDLED / short)
        root = self._root
        if root is not None and "\0" not in name and len(name) <= _LONGEST_NAME:
            folder = (root / name).resolve()
            if folder != root and folder.is_relative_to(root) and folder.is_dir():
                return ModelSource(name, folder)
        if short in (packaged := packaged_models()):
            return ModelSource(short, packaged[short])
        if not _HUB_NAME.fullmatch(name):
            offered = f"a folder below {self._folder}" if self._folder else "a folder that the server offers"
            raise Invalid(f"model {name[:80]!r} is not a model's name; give {default}, {offered}, or a name on the hub")
        if Path(name).exists():  # the libraries would prefer it to the hub's, and run its code
            raise Invalid(f"model {name!r} is also a folder where the server was started; start the server elsewhere")
        return ModelSource(name, None)


@cache
def read_config(folder: Path) -> dict[str, object]:
    """``config.json`` of a model of the wheel."""
    found: dict[str, object] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return found
