"""What goes wrong while a checkpoint is loaded, in Weft's own errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from weft.domain.errors import CorruptData, Misconfigured
from weft.modules.local.torch_text import strict_load


@contextmanager
def loading(name: str) -> Iterator[None]:
    """Raises CorruptData when weights are missing or do not fit, Misconfigured when the libraries refuse to load."""
    try:
        with strict_load(name):
            yield
    except (OSError, ValueError) as error:
        raise Misconfigured(f"the model {name} cannot be loaded: {error}") from error
    except (RuntimeError, KeyError) as error:
        raise CorruptData(f"the checkpoint of the model {name} is not whole: {error}", path=name) from error
