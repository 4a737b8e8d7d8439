"""What each provider answers: a file for each, with its paths and shapes.

A file has ``answer(path, body)``, which is None for a path that is not the provider's, and, where paths are open to
callers without a key, their beginnings in ``KEYLESS``. A doubled slash in a path is one before it comes here.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any


@cache
def _families() -> list[ModuleType]:
    return [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]


def answer(path: str, body: dict[str, Any]) -> Any:
    """What the provider at ``path`` says to ``body``; None: no such path."""
    return next((found for one in _families() if (found := one.answer(path, body)) is not None), None)


def needs_key(path: str) -> bool:
    return not any(path.startswith(getattr(one, "KEYLESS", ())) for one in _families())
