"""``Page`` → the ``results`` of a reply, in one compiled pass over the stored records.

For hits with all their properties and with metadata that is stored or comes from the ranking, which most searches ask
for. `encode_search` encodes the others one by one, and any hit in the same bytes.
"""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from weft.domain.answer import Page
from weft.domain.query import Returns
from weft.engine.record import Records
from weft.protocol import search_get
from weft.wire.grpc.encode_metadata import CONSISTENT, ID, ID_BYTES, present
from weft.wire.grpc.encode_properties import VALUES, collection_field
from weft.wire.grpc.wire_format import tag_of

_RESULTS = tag_of(search_get.SearchReply, "results")
_PROPERTIES, _METADATA = tag_of(search_get.SearchResult, "properties"), tag_of(search_get.SearchResult, "metadata")
_DISTANCE, _SCORE = present("distance"), present("score")
_CREATED, _UPDATED = present("creation_time_unix"), present("last_update_time_unix")
_NONE: Final = np.zeros(0)


def encode_page(page: Page, returns: Returns, collection: str, most_bytes: int = sys.maxsize) -> bytes | None:
    """All hits of the page, objects of ``collection``; None where they have to be encoded one by one, as where their
    records have more than ``most_bytes``: blobs are not returned."""
    records = page.records
    if not isinstance(records, Records) or not _is_plain(returns):
        return None
    raws = records.raws
    if not raws:
        return b""
    pieces, ends = _pieces(
        collection,
        returns.uuid,
        returns.distance,
        returns.score,
        returns.created,
        returns.updated,
        returns.is_consistent,
    )
    kernels = _kernels()
    data = b"".join(raws)
    if len(data) > most_bytes:
        return None
    sizes = np.fromiter(map(len, raws), np.int64, len(raws))
    out = np.empty(len(data) + len(raws) * (kernels.MOST_BESIDE + len(pieces)), np.uint8)
    distances = _NONE if page.distances is None else page.distances
    scores = _NONE if page.scores is None else page.scores
    used = kernels.join(np.frombuffer(data, np.uint8), sizes, records.tag, pieces, ends, distances, scores, out)
    return None if used < 0 else out[:used].tobytes()


@cache
def _kernels() -> Any:
    """Imported on first use only; a search that imports costs a microsecond each time."""
    from weft.wire.grpc import kernels

    return kernels


def _is_plain(returns: Returns) -> bool:
    return returns.properties is None and not (
        returns.nested
        or returns.references
        or returns.certainty
        or returns.explain_score
        or returns.vector
        or returns.vectors
    )


@lru_cache(maxsize=256)
def _pieces(
    collection: str, uuid: bool, distance: bool, score: bool, created: bool, updated: bool, consistent: bool
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """See ``kernels.join``."""
    fields = (
        (True, _RESULTS),
        (True, _PROPERTIES),
        (True, _METADATA),
        (True, collection_field(collection) + VALUES),
        (uuid, ID),
        (uuid, ID_BYTES),
        (distance, _DISTANCE),
        (score, _SCORE),
        (created, _CREATED),
        (updated, _UPDATED),
        (consistent, CONSISTENT),
    )
    pieces = [piece if wanted else b"" for wanted, piece in fields]
    ends = np.cumsum([len(piece) for piece in pieces])
    ends.setflags(write=False)
    return np.frombuffer(b"".join(pieces), np.uint8), ends
