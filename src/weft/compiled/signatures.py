"""What kernels are called with from Python, one line of ``signatures.txt`` each, written by
``python -m tests.compiled --write``.

    weft.engine.embedded.index.vector.kernels.best(float32[1], int64, float64, float64)

``float32[2]`` is a C-contiguous array of two dimensions, ``const`` one that is read-only; ``Ties(…)`` is the named
tuple that the kernel's module knows by this name. Other signatures work, too: they are compiled when they are first
met.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from weft.compiled.sources import SIGNATURES

_TOKEN = re.compile(r"\s*(const |\w+|\[\d\]|[(),])")


@cache
def expected() -> tuple[tuple[str, str], ...]:
    """Pairs of a kernel's full name and the types of its arguments, as text."""
    return tuple(parsed(line) for line in SIGNATURES.read_text(encoding="utf-8").splitlines() if line)


def parsed(line: str) -> tuple[str, str]:
    name, _, types = line.partition("(")
    return name, types.removesuffix(")")


def parse(text: str, names: dict[str, Any]) -> tuple[Any, ...]:
    """numba's types; named tuples are looked up in ``names``."""
    tokens = [match[1] for match in _TOKEN.finditer(text)]
    return tuple(_types(iter([*tokens, ")"]), names))


def _types(tokens: Iterator[str], names: dict[str, Any]) -> Iterator[Any]:
    """Up to the closing bracket."""
    from numba import types

    constant, waiting = False, None
    for token in tokens:
        if token == "const ":
            constant = True
        elif token.startswith("["):
            waiting = types.Array(waiting, int(token[1]), "C", readonly=constant)
            constant = False
        elif token == "(":
            waiting = types.NamedTuple(tuple(_types(tokens, names)), waiting)
        elif token in ",)":
            if waiting is not None:
                yield waiting
            waiting = None
            if token == ")":
                return
        else:
            waiting = names[token] if token in names else getattr(types, token)


def written(types: tuple[Any, ...]) -> str:
    """The text of numba's types; the inverse of ``parse``."""
    return ", ".join(map(_written, types))


def _written(one: Any) -> str:
    from numba import types

    if isinstance(one, types.Array):
        return f"{'' if one.mutable else 'const '}{one.dtype}[{one.ndim}]"
    if isinstance(one, types.NamedTuple):
        return f"{one.instance_class.__name__}({written(one.types)})"
    return str(one)
