"""Loading of all torch models: complete, offline, into available memory, and without running foreign code.

Refused are pickles of anything but weights, code in a checkpoint, a checkpoint that leaves weights at random values
(which transformers only logs), and one that is larger than the free memory. By default transformers runs a float16
checkpoint in float16, which is four times slower than float32 on a CPU, so the dtype is always stated.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from weft.domain.errors import CorruptData, Misconfigured
from weft.modules.local.checkpoint import Checkpoint
from weft.modules.local.memory import free_memory_bytes, require_memory
from weft.modules.local.weights import check_whole, weight_bytes

_MAY_BE_MISSING = re.compile(r"pooler\.|position_ids$|logit_scale")
"""Weights that embeddings do not use, or that are computed when the model is made."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_MISSING = re.compile(r"^\s*([^|\s]+)\s*\|\s*(MISSING|MISMATCH)")

_LACKS = re.compile(r"containing a (\w+\.json) file")
_LONGEST_REASON = 300

_ONE_AT_A_TIME = threading.Lock()
"""Held while a model is loaded, also because transformers' log does not name the model."""

_BESIDE_THE_WEIGHTS = 1.2
"""Buffers, and the largest tensor twice while it is converted."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The device of a model (``cpu``, ``cuda``, ``mps``) and its dtype (``float32``, ``bfloat16``)."""

    device: str
    dtype: str

    @property
    def torch_dtype(self) -> Any:
        import torch

        return getattr(torch, self.dtype)


EXACT = Placement("cpu", "float32")


def best_placement() -> Placement:
    """A GPU if there is one; bfloat16 if the machine supports it, otherwise float32."""
    import torch

    if torch.cuda.is_available():
        return Placement("cuda", "bfloat16" if torch.cuda.is_bf16_supported() else "float32")
    if torch.backends.mps.is_available():
        return Placement("mps", "bfloat16")
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return Placement("cpu", "bfloat16" if native else "float32")


def options(placement: Placement, **model: Any) -> dict[str, Any]:
    """The arguments for classes of sentence-transformers besides the model; ``model``: more for its weights."""
    return {
        "device": placement.device,
        "local_files_only": True,
        "trust_remote_code": False,
        "model_kwargs": {"dtype": placement.torch_dtype, **model},
    }


def weight_options(placement: Placement) -> dict[str, Any]:
    """The same for ``from_pretrained`` of transformers; the model has to be moved to the device."""
    return {
        "local_files_only": True,
        "trust_remote_code": False,
        "dtype": placement.torch_dtype,
    }


@contextmanager
def loading(checkpoint: Checkpoint, placement: Placement) -> Iterator[None]:
    """Models are loaded one at a time, so that each is compared with the memory that the others have left.

    Raises Overloaded when the memory is too small, CorruptData when weights are missing, cut off or do not fit,
    Misconfigured when the libraries refuse to load.
    """
    from safetensors import SafetensorError

    name = checkpoint.name
    check_whole(checkpoint)
    try:
        with _ONE_AT_A_TIME:
            check_memory(checkpoint, placement)
            with strict_load(name):
                yield
    except (OSError, ValueError, ImportError) as error:
        raise Misconfigured(f"the model {name} cannot be loaded: {_reason(checkpoint, error)}") from error
    except (RuntimeError, KeyError, SafetensorError) as error:
        raise CorruptData(f"the checkpoint of the model {name} is incomplete: {error}", path=name) from error


@contextmanager
def strict_load(name: str) -> Iterator[None]:
    """Raises CorruptData when transformers reports, inside, that weights of the model were not in its checkpoint."""
    import transformers

    missing: list[str] = []

    class Report(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines = _COLOUR.sub("", record.getMessage()).splitlines()
            found = (match.group(1) for line in lines if (match := _MISSING.match(line)))
            missing.extend(weight for weight in found if not _MAY_BE_MISSING.search(weight))

    logger = logging.getLogger("transformers")
    level, report = logger.level, Report()
    logger.setLevel(logging.WARNING)
    logger.addHandler(report)
    transformers.logging.set_verbosity_warning()
    transformers.logging.disable_progress_bar()
    try:
        yield
    finally:
        logger.removeHandler(report)
        logger.setLevel(level)
    if missing:
        raise CorruptData(
            f"{len(missing)} weights of the model {name} are not in its checkpoint, for example {missing[0]}; its "
            "vectors would be random. Save the model again with its own library",
            path=name,
        )


def _reason(checkpoint: Checkpoint, error: Exception) -> str:
    """The libraries' message, shortened: it is long, and mostly about how to call them."""
    text = str(error)
    if "does not recognize this architecture" in text or "trust_remote_code" in text:
        own = " It needs its own code, which is never run here." if checkpoint.config.get("auto_map") else ""
        return f"its family {checkpoint.model_type or 'unknown'} is not supported by the installed transformers.{own}"
    if match := _LACKS.search(text):
        return f"{match[1]} is missing beside its weights; copy or download all of it"
    first = text.strip().split("\n")[0]
    return f"{first[:_LONGEST_REASON].rstrip('.')}. Check that none of its files is missing"


def check_memory(checkpoint: Checkpoint, placement: Placement, *, free_bytes: int | None = None) -> int:
    """The approximate number of bytes of the model in memory. Raises Overloaded when fewer are free on the device.

    ``free_bytes`` overrides the machine's value. Weights that are not on this machine yet are not counted.
    """
    needed = int(weight_bytes(checkpoint, 2 if placement.dtype == "bfloat16" else 4) * _BESIDE_THE_WEIGHTS)
    free = _free_bytes(placement.device) if free_bytes is None else free_bytes
    require_memory(checkpoint.name, needed, free, dtype=placement.dtype, device=placement.device)
    return needed


def _free_bytes(device: str) -> int | None:
    """None where it is unknown."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    return free_memory_bytes()
