"""Checkpoint: the purpose of a model, from its configuration files, before any weights are read.

sentence-transformers turns any checkpoint into any kind of model, with random layers where the checkpoint has none. So
the purpose of a checkpoint is determined first, and one with another purpose is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from weft.domain.errors import CorruptData, Misconfigured

_OF_PYLATE = frozenset(
    {"query_prefix", "document_prefix", "do_query_expansion", "attend_to_expansion_tokens", "skiplist_words"}
)
"""Settings that PyLate writes for a model whose type it does not state."""


class Purpose(Enum):
    """The value is its name in errors."""

    EMBEDDING = "a model of single vectors"
    LATE_INTERACTION = "a late-interaction model"
    CROSS_ENCODER = "a cross-encoder"
    SPARSE = "a sparse encoder"


_SERVED_BY = {
    Purpose.EMBEDDING: "it is served by text2vec-transformers, or by multi2vec-clip and multi2vec-bind for media",
    Purpose.LATE_INTERACTION: "it is served by text2colbert-transformers, or by multi2multivec-transformers for pages",
    Purpose.CROSS_ENCODER: "it is served by reranker-transformers",
    Purpose.SPARSE: "no module serves it",
}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``config.json``, ``config_sentence_transformers.json`` and ``modules.json``; empty if missing.

    ``folder``: their folder, with the model's other local files.
    """

    name: str
    config: dict[str, Any] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    modules: list[dict[str, Any]] = field(default_factory=list)
    folder: Path | None = None

    @property
    def architecture(self) -> str:
        """The class that saved it, such as ``BertModel``; empty if unknown."""
        return str((self.config.get("architectures") or [""])[0])

    @property
    def model_type(self) -> str:
        """The family, such as ``bert`` or ``whisper``; empty if unknown."""
        return str(self.config.get("model_type") or "")

    @property
    def purpose(self) -> Purpose:
        stated = {
            "MultiVectorEncoder": Purpose.LATE_INTERACTION,
            "ColBERT": Purpose.LATE_INTERACTION,
            "CrossEncoder": Purpose.CROSS_ENCODER,
            "SparseEncoder": Purpose.SPARSE,
        }.get(str(self.own.get("model_type")))
        if stated is not None:
            return stated
        classes = [str(module.get("type")) for module in self.modules]
        if (
            self.architecture == "HF_ColBERT"
            or self.architecture.endswith("ForRetrieval")
            or not _OF_PYLATE.isdisjoint(self.own)
            or any(name.startswith("pylate.") for name in classes)
        ):
            return Purpose.LATE_INTERACTION
        if not self.modules and self.architecture.endswith("ForSequenceClassification"):
            return Purpose.CROSS_ENCODER
        return Purpose.EMBEDDING

    def require(self, purpose: Purpose) -> None:
        """Raises Misconfigured, naming the module that serves it, if it has another purpose."""
        if self.purpose is not purpose:
            raise Misconfigured(
                f"the model {self.name} is {self.purpose.value}"
                f"{f' ({self.architecture})' if self.architecture else ''}, not {purpose.value}; "
                f"{_SERVED_BY[self.purpose]}"
            )


def read_checkpoint(place: str, name: str, *, local_files_only: bool) -> Checkpoint:
    """The configuration of the model at ``place``: a folder, or a name on the hub.

    Raises Misconfigured when it or the libraries are missing; CorruptData when it cannot be read.
    """
    try:
        from sentence_transformers.util import load_file_path
    except ImportError as error:
        raise Misconfigured(
            f"the model {name} needs torch and sentence-transformers ({error}); "
            "install them with: pip install 'weft[torch]'"
        ) from error
    found: dict[str, Any] = {}
    folder: Path | None = None
    for file in ("config.json", "config_sentence_transformers.json", "modules.json"):
        try:
            path = load_file_path(place, file, local_files_only=local_files_only)
            if path is not None:
                folder = Path(path).parent
                found[file] = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise CorruptData(f"{file} of the model {name} cannot be read: {error}", path=name) from error
        except OSError as error:
            raise Misconfigured(f"the model {name} cannot be fetched: {error}") from error
    if not found:
        raise Misconfigured(_absence(place, name, local_files_only=local_files_only))
    return Checkpoint(
        name,
        _mapping(found, "config.json", name),
        _mapping(found, "config_sentence_transformers.json", name),
        [one for one in found.get("modules.json", []) if isinstance(one, dict)],
        folder,
    )


def _absence(place: str, name: str, *, local_files_only: bool) -> str:
    """Why a model was not found."""
    if Path(place).is_dir():
        return f"the folder of the model {name} holds no model: neither config.json nor modules.json is there"
    if local_files_only:
        return (
            f"there is no model {name}: no folder that the server offers has this name, and it is not in this "
            "machine's hub cache. Put its folder (with safetensors) where the server offers models, download it "
            "beforehand (weft models pull), or allow downloads (WEFT_MODEL_DOWNLOADS)"
        )
    from huggingface_hub import hf_hub_download

    try:
        hf_hub_download(place, "config.json")
    except Exception as error:  # of many classes, network errors among them
        return refusal_of_hub(name, error)
    return f"the model {name} could not be fetched at first; send the request again"


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
    if isinstance(error, errors.EntryNotFoundError) and not isinstance(error, errors.LocalEntryNotFoundError):
        return f"{name} on the hub is not a model: it has neither config.json nor modules.json"
    return (
        f"the model {name} is not on this machine, and the hub cannot be reached ({type(error).__name__}). Connect the "
        "machine, or put the model's folder (with safetensors) where the server offers models"
    )


def _mapping(found: dict[str, Any], file: str, name: str) -> dict[str, Any]:
    value = found.get(file, {})
    if not isinstance(value, dict):
        raise CorruptData(f"{file} of the model {name} is not a JSON object", path=name)
    return value
