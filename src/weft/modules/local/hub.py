"""Models of the hub: found in this machine's cache, or fetched into it, whole, before anything is loaded.

Loaders then read a folder and make no requests of their own. Where the hub cannot be reached, that is known after one
request of at most ``_TIMEOUT_S`` seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from weft.domain.errors import Misconfigured
from weft.modules.local.models import PICKLES, SAFETENSORS, cached_folder, repositories, weight_files
from weft.modules.local.onnx_models.files import chosen_files, has_torch, part_of

_TIMEOUT_S: Final = 10.0
_BESIDE_WEIGHTS: Final = ("*.json", "*.txt", "*.model", "*.jinja")
_OF_LAYER = re.compile(r"[1-9]\d*_\w+/")
"""The folder of a module behind the transformer, such as ``2_Dense``."""
_HEADS: Final = ("config.json", "modules.json")


def cached(name: str) -> Path | None:
    """The folder of the model in this machine's cache; None if it is not there with its weights."""
    folder = cached_folder(name)
    return folder if folder is not None and is_whole(folder) else None


def fetch(name: str, *, onnx: bool | None = None, file: str = "") -> Path:
    """The folder of the model after a download of what the cache lacks. Raises Misconfigured.

    ``onnx``: whether its ONNX files are taken and not its own weights; None: where torch is not installed, or there is
    nothing else. Of several, the smallest that this machine's processor is made for; ``file`` names another.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HFValidationError, HTTPError, RepositoryNotFoundError  # type: ignore[attr-defined]

    for repository in repositories(name):
        try:
            found = HfApi().model_info(repository, timeout=_TIMEOUT_S, files_metadata=True)
            sizes = {one.rfilename: one.size or 0 for one in found.siblings or ()}
            wanted = (
                wanted_exports(sizes, file) if takes_onnx(sizes, onnx or bool(file) or None) else wanted_files(sizes)
            )
            if not any(file in _HEADS for file in wanted):
                raise Misconfigured(f"{name} on the hub is not a model: it has neither config.json nor modules.json")
            return Path(snapshot_download(repository, allow_patterns=wanted))
        except RepositoryNotFoundError as error:
            missing = error
        except (HTTPError, OSError, HFValidationError) as error:
            raise Misconfigured(refusal_of_hub(name, error)) from error
    raise Misconfigured(refusal_of_hub(name, missing)) from missing


def wanted_files(files: Iterable[str]) -> list[str]:
    """Of a repository's files those that loading needs: safetensors, or in a folder without them PyTorch's own
    weights; no code and no copies of the weights for other libraries."""
    paths = [PurePosixPath(file) for file in files]
    safe = {path.parent for path in paths if path.match(SAFETENSORS)}
    return [
        str(path)
        for path in paths
        if any(path.match(pattern) for pattern in (*_BESIDE_WEIGHTS, SAFETENSORS))
        or (path.match(PICKLES) and path.parent not in safe)
    ]


def takes_onnx(files: Iterable[str], asked: bool | None) -> bool:
    """Whether the ONNX files of a repository are taken. Raises Misconfigured if they are asked for and missing."""
    graphs = [file for file in files if part_of(file)]
    if asked and not graphs:
        raise Misconfigured("the repository has no ONNX files; export the model with: weft models export")
    own = any(PurePosixPath(file).match(pattern) for file in files for pattern in (SAFETENSORS, PICKLES))
    return bool(graphs) and (asked or (asked is None and not (has_torch() and own)))


def wanted_exports(sizes: Mapping[str, int], only: str = "") -> list[str]:
    """Of a repository's files those that onnxruntime needs: the configuration, the chosen ONNX files, and the weights
    of the layers behind the transformer. ``only``: see ``chosen_files``."""
    beside = [
        file
        for file, path in ((file, PurePosixPath(file)) for file in sizes)
        if (path.match(SAFETENSORS) and _OF_LAYER.match(file))
        or (any(path.match(pattern) for pattern in _BESIDE_WEIGHTS) and not path.match("*.index.json"))
    ]
    return [*beside, *chosen_files(sizes, only)]


def refusal_of_hub(name: str, error: Exception) -> str:
    """A message for ``error`` of huggingface_hub."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return (
            f"the model {name} is gated: accept its terms at https://huggingface.co/{name}, and start the server with "
            "HF_TOKEN of that account"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"there is no model {name} on the hub, or it is private; check its name, or give the server HF_TOKEN"
    if isinstance(error, errors.HFValidationError):
        return f"{name!r} is not a model's name on the hub: {error}"
    return (
        f"the model {name} is not on this machine, and the hub cannot be reached ({type(error).__name__}). Connect the "
        "machine, or put the model's folder where the server offers models"
    )


def is_whole(folder: Path) -> bool:
    """Whether the weights, all files of weights in several files, and the folders of all modules are there."""
    if not any((folder / head).is_file() for head in _HEADS) or not weight_files(folder):
        return False
    try:
        return all(needed.exists() for needed in (*_shards(folder), *_module_folders(folder)))
    except (ValueError, KeyError, TypeError, AttributeError):  # not the JSON of a model
        return False


def _shards(folder: Path) -> Iterator[Path]:
    for index in folder.rglob("*.index.json"):
        content = json.loads(index.read_text(encoding="utf-8"))
        yield from (index.parent / str(file) for file in set(content["weight_map"].values()))


def _module_folders(folder: Path) -> Iterator[Path]:
    """Normalisation has no settings, and git keeps no empty folder for it."""
    if not (folder / "modules.json").is_file():
        return
    for module in json.loads((folder / "modules.json").read_text(encoding="utf-8")):
        if not str(module["type"]).endswith("Normalize"):
            yield folder / str(module["path"])
