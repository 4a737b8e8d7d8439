"""What making the vectors of a collection will take, judged by making those of a few objects."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from weft.domain.errors import StorageFull, WeftError
from weft.domain.objects import Object, Vector
from weft.domain.schema import VectorConfig
from weft.engine.driver import OpenCollection
from weft.service.headroom import Headroom

SAMPLE: Final = 16
_LINK_BYTES: Final = 4
_CHARS_PER_TOKEN: Final = 4
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of ``objects`` that get a vector of ``dims``. ``seconds`` and ``tokens`` are those of a few objects, scaled up;
    tokens are about four characters each, 0 where nothing is embedded. ``disk_bytes``: what the vectors take in the
    end; ``peak_disk_bytes``: meanwhile; ``memory_bytes``: of their index, with what it maps."""

    objects: int
    dims: int
    seconds: float
    tokens: int
    disk_bytes: int
    peak_disk_bytes: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Trial:
    """How long the vectors of ``objects`` took, and what was made."""

    objects: Sequence[Object]
    made: Sequence[Vector | WeftError | None]
    took_s: float
    chars: int


def tried(
    objects: Sequence[Object], make: Callable[[Sequence[Object]], tuple[Sequence[Vector | WeftError | None], int]]
) -> Trial:
    """``make`` returns what it has made, and of how many characters. Raises its error where no object got a vector and
    one had an error."""
    if objects:
        make(objects[:1])  # which may load a model
    began_s = time.monotonic()
    made, chars = make(objects)
    errors = [one for one in made if isinstance(one, WeftError)]
    if errors and not any(one is not None and not isinstance(one, WeftError) for one in made):
        raise errors[0]
    return Trial(objects, made, time.monotonic() - began_s, chars)


def estimated(vector: VectorConfig, trial: Trial, objects: int) -> Estimate:
    """For ``objects`` like those of the trial."""
    found = [one for one in trial.made if one is not None and not isinstance(one, WeftError)]
    scale = objects / max(1, len(trial.objects))
    floats = sum(one.size for one in found)
    disk = int(4 * floats * scale)
    dims = int(found[0].shape[-1]) if found else 0
    links = 2 * vector.index.max_connections * _LINK_BYTES * objects if vector.index.multivector is None else 0
    return Estimate(
        objects,
        dims,
        trial.took_s * scale,
        int(trial.chars * scale / _CHARS_PER_TOKEN),
        disk,
        2 * disk,
        links + disk,
    )


def sample_of(collection: OpenCollection) -> tuple[str, list[Object]]:
    """Some objects, and the shard that they are of: the first that has any."""
    for name in collection.active():
        with collection.use(name if collection.config.tenancy.enabled else None) as part:
            view = part.view()
            records = view.records(view.page(None, SAMPLE).tolist())
        if len(records):
            return name, [record.to_object() for record in records]
    return "", []


def check_disk(headroom: Headroom, estimate: Estimate) -> None:
    """Raises StorageFull where the vectors will not fit."""
    disk = headroom.disk()
    if disk is not None and estimate.peak_disk_bytes > disk.total - disk.used:
        raise StorageFull(
            f"the new vectors take about {estimate.peak_disk_bytes // _MIB} MiB until they are complete, and "
            f"{(disk.total - disk.used) // _MIB} MiB are free; make room, or choose a model with fewer dimensions"
        )
