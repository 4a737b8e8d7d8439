"""The decorator of kernels, and all kernels that were declared so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from weft.compiled.cache import KernelCache

_declared: dict[str, Any] = {}


def njit(*, cache: bool, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """As ``numba.njit``; with ``cache`` compiled code is kept by `cache`, for all kernels in one folder."""

    def declare(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(**options)(function)
        if cache:
            dispatcher._cache = KernelCache(function)
        _declared[f"{function.__module__}.{function.__qualname__}"] = dispatcher
        return dispatcher

    return declare


def declared() -> dict[str, Any]:
    """By their full names: numba's dispatchers of the kernels in the modules that were imported."""
    return dict(_declared)
