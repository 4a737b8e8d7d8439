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
from weft.modules.local.hub import cached, fetch
from weft.modules.local.models import ModelSource
from weft.modules.local.onnx_models.files import exported_files

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

    ``folder``: their folder, with the model's other files.
    """

    name: str
    config: dict[str, Any] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    modules: list[dict[str, Any]] = field(default_factory=list)
    folder: Path | None = None

    @property
    def place(self) -> str:
        """``folder``, as the libraries take it."""
        assert self.folder is not None, "only a checkpoint that was read is loaded"
        return str(self.folder)

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


def read_checkpoint(source: ModelSource, *, downloads: bool) -> Checkpoint:
    """The configuration of a model that torch is to run; see ``read_configuration``.

    Raises Misconfigured when the libraries are missing as well.
    """
    require_torch(source.name)
    return read_configuration(source, downloads=downloads)


def require_torch(name: str) -> None:
    """Raises Misconfigured without the libraries that run a model's own weights."""
    try:
        import sentence_transformers  # noqa: F401
    except ImportError as error:
        raise Misconfigured(
            f"the model {name} needs torch and sentence-transformers ({error}); install them with: pip install "
            "'weft[torch]'. A model with ONNX files needs neither: see weft models pull"
        ) from error


def exported_checkpoint(source: ModelSource, *, downloads: bool) -> Checkpoint | None:
    """The configuration of a model that onnxruntime is to run; None for one that torch is to run.

    Raises what ``read_configuration`` raises.
    """
    checkpoint = read_configuration(source, downloads=downloads)
    return checkpoint if checkpoint.folder is not None and exported_files(checkpoint.folder) else None


def read_configuration(source: ModelSource, *, downloads: bool) -> Checkpoint:
    """The configuration of a model, which is fetched first if ``downloads`` and the machine has no copy.

    Raises Misconfigured when there is none; CorruptData when it cannot be read.
    """
    folder = _folder(source, downloads=downloads)
    found: dict[str, Any] = {}
    for file in ("config.json", "config_sentence_transformers.json", "modules.json"):
        try:
            found[file] = json.loads((folder / file).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise CorruptData(f"{file} of the model {source.name} cannot be read: {error}", path=source.name) from error
    if "config.json" not in found and "modules.json" not in found:
        raise Misconfigured(
            f"the folder of the model {source.name} holds no model: neither config.json nor modules.json is there"
        )
    return Checkpoint(
        source.name,
        _mapping(found, "config.json", source.name),
        _mapping(found, "config_sentence_transformers.json", source.name),
        [one for one in found.get("modules.json", []) if isinstance(one, dict)],
        folder,
    )


def _folder(source: ModelSource, *, downloads: bool) -> Path:
    if source.folder is not None:
        return source.folder
    folder = cached(source.name)
    if folder is not None:
        return folder
    if downloads:
        return fetch(source.name)
    raise Misconfigured(
        f"there is no model {source.name}: no folder that the server offers has this name, and it is not in this "
        "machine's hub cache. Put its folder where the server offers models, download it beforehand (weft models "
        "pull), or allow downloads (WEFT_MODEL_DOWNLOADS)"
    )


def _mapping(found: dict[str, Any], file: str, name: str) -> dict[str, Any]:
    value = found.get(file, {})
    if not isinstance(value, dict):
        raise CorruptData(f"{file} of the model {name} is not a JSON object", path=name)
    return value
