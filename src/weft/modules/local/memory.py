"""The memory that is free for another model, and the refusal of a model that needs more."""

from __future__ import annotations

from pathlib import Path

from weft.domain.errors import Overloaded


def require_memory(name: str, needed_bytes: int, free_bytes: int | None, *, dtype: str, device: str = "cpu") -> None:
    """Raises Overloaded if the model needs more than is free; None: unknown, so nothing is refused."""
    if free_bytes is not None and needed_bytes > free_bytes:
        raise Overloaded(
            f"the model {name} takes about {_megabytes(needed_bytes)} MB in {dtype}, and "
            f"{_megabytes(free_bytes)} MB are free on {device}; choose a smaller model, or unload others",
            needed_bytes=needed_bytes,
            free_bytes=free_bytes,
        )


def free_memory_bytes() -> int | None:
    """Of this machine, or of the container if it has less; None where it is unknown."""
    found = [_available(), _left_in_group()]
    return min((one for one in found if one is not None), default=None)


def _available() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return kilobytes[0] * 1024 if kilobytes else None


def _left_in_group() -> int | None:
    group = Path("/sys/fs/cgroup")
    try:
        most, used = ((group / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return None
    return int(most) - int(used) if most.isdigit() else None


def _megabytes(count: int) -> int:
    return round(count / 1e6)
