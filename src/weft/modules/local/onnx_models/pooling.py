"""From the states of a text's tokens to one vector, as the modules of sentence-transformers pool them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from weft.domain.errors import Misconfigured
from weft.domain.objects import Vector

_LEAST = 1e-9


def pooled(states: npt.NDArray[np.float32], modes: Sequence[str], begin: int = 0) -> Vector:
    """``states (T, d)`` as ``(modes * d,)``: the vectors of all modes, one after the other.

    Tokens before ``begin``, those of a prompt, are left out; the weights of ``weightedmean`` count them.
    """
    kept = states[begin:] if begin < len(states) else states[:0]
    return np.concatenate([_by(mode, states, kept, begin) for mode in modes])


def check_modes(modes: Sequence[str], name: str) -> None:
    """Raises Misconfigured for a mode that the model ``name`` states and that is not known here."""
    for mode in modes:
        if mode not in _MODES:
            raise Misconfigured(f"the model {name} pools by {mode}; known are {', '.join(_MODES)}")


_MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")


def _by(mode: str, states: npt.NDArray[np.float32], kept: npt.NDArray[np.float32], begin: int) -> Vector:
    match mode:
        case "cls":
            found = kept[0] if len(kept) else states[0]
        case "max":
            found = kept.max(axis=0, initial=-np.inf)
        case "lasttoken":
            found = states[-1]
        case "weightedmean":
            weights = np.arange(begin + 1, begin + 1 + len(kept), dtype=np.float32)
            found = (weights @ kept) / max(float(weights.sum()), _LEAST)
        case _:
            count = max(float(len(kept)), _LEAST)
            found = kept.sum(axis=0) / (count if mode == "mean" else np.sqrt(count))
    return np.asarray(found, np.float32)
