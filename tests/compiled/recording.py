"""Which signatures kernels are called with from Python, in this process from now on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from numba.core.dispatcher import Dispatcher

from weft.compiled.kernel import declared
from weft.compiled.signatures import written


@contextmanager
def recorded() -> Iterator[set[str]]:
    """Lines as those of ``signatures.txt``, of kernels that nothing was compiled or loaded for yet."""
    lines: set[str] = set()
    numba: Any = Dispatcher
    compile_for = numba._compile_for_args

    def record(one: Any, *arguments: Any, **named: Any) -> Any:
        name = f"{one.py_func.__module__}.{one.py_func.__qualname__}"
        if name in declared():
            types = tuple(one.typeof_pyval(argument) for argument in arguments)
            lines.add(f"{name}({written(types)})")
        return compile_for(one, *arguments, **named)

    with patch.object(numba, "_compile_for_args", record):
        yield lines
