"""What was compiled, kept in files: one for each kernel, signature, processor and state of the sources.

A file is ``sha256 (32 bytes) | content``; the content is numba's own pickled form. A file that is not whole or cannot
be loaded is compiled again and replaced. A file appears whole or not at all, so any number of processes may write: they
write the same. Other users can read it, and not change it. Where no folder can be written nothing is kept, which is
logged once.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from numba.core.compiler import CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.serialize import dumps
from numba.core.sigutils import normalize_signature

from weft.compiled import places, sources

_log = logging.getLogger(__name__)
_DIGEST_BYTES: Final = 32
_SUFFIX: Final = ".kernel"
_MODE: Final = 0o644
"""Whatever a server's umask is: users that share a folder share what was compiled."""
_MOST_FILES: Final = 1_000
"""In a folder; a version of Weft has about 130, 9 MB together."""


class KernelCache:
    """The cache of one kernel, as numba's dispatcher uses it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._module = function.__module__
        self._name = f"{function.__module__}.{function.__qualname__}"

    @property
    def cache_path(self) -> str:
        return str(places.folders()[0])

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """The compiled code; None if it is not there. numba holds its lock."""
        target_context.refresh()
        name = self._file_name(signature, target_context.codegen())
        for folder in places.trusted():
            content = _read(folder / name)
            if content is None:
                continue
            try:
                return CompileResult._rebuild(target_context, *pickle.loads(content))
            except Exception:
                _log.warning("%s in %s cannot be loaded; it is compiled again", self._name, folder, exc_info=True)
        return None

    def holds(self, types: tuple[Any, ...], target_context: Any) -> bool:
        """Whether there is a file of it."""
        with global_compiler_lock:  # another thread may be at its first call of a kernel
            target_context.refresh()
            name = self._file_name(types, target_context.codegen())
        return any(os.access(folder / name, os.R_OK) for folder in places.trusted())

    def save_overload(self, signature: Any, compiled: Any) -> None:
        if compiled.lifted or compiled.library.has_dynamic_globals:
            return  # such code is valid in this process alone
        name = self._file_name(signature, compiled.codegen)
        content = dumps(compiled._reduce())
        write(name, hashlib.sha256(content).digest() + content)

    def _file_name(self, signature: Any, codegen: Any) -> str:
        arguments, _ = normalize_signature(signature)
        stamp = sources.stamp(self._module)
        key = hashlib.sha256(repr((stamp, self._name, arguments, codegen.magic_tuple())).encode()).hexdigest()[:20]
        return f"{self._name.rpartition('.')[2]}-{key}{_SUFFIX}"


def _read(file: Path) -> bytes | None:
    """The content of a whole file; otherwise None."""
    try:
        whole = file.read_bytes()
    except OSError:
        return None
    digest, content = whole[:_DIGEST_BYTES], whole[_DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        _log.warning("%s is damaged; the kernel is compiled again", file)
        return None
    return content


def write(name: str, whole: bytes) -> bool:
    """Whether a folder took it."""
    for folder in places.folders():
        draft = folder / f"{name}.{os.getpid()}"
        try:
            places.make(folder)
            draft.write_bytes(whole)
            draft.chmod(_MODE)
            draft.replace(folder / name)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            continue
        return True
    _log_once()
    return False


def _log_once() -> None:
    global _logged
    if not _logged:
        _logged = True
        _log.warning("compiled kernels cannot be kept, so every start compiles them again: %s", places.advice())


_logged = False


def remove_oldest() -> None:
    """Removes all but the files that were written last, where they can be removed: what was compiled from older sources
    is there, too."""
    for folder in places.folders():
        with suppress(OSError):
            written = sorted((file.stat().st_mtime, file) for file in folder.glob(f"*{_SUFFIX}"))
            for _, file in written[:-_MOST_FILES]:
                file.unlink(missing_ok=True)
