"""The meaning of the collection's vector index settings for token vectors.

| quantizer of the collection | residual codes       | bytes a token (d = 128), of float32 |
|-----------------------------|----------------------|-------------------------------------|
| none (the default), pq      | 4 bits a dimension   | 67, 1/7                             |
| sq, rq with 8 bits          | 8 bits a dimension   | 131, 1/4                            |
| bq, rq with 1 bit           | 2 bits a dimension   | 35, 1/13                            |

The answer is always rescored with the float32 originals, so the quantizer changes speed and memory, never a distance.
``rescore_limit`` (of the quantizer) sets how many documents that is; without it the search decides. The
other settings of a quantizer (segments, centroids, training limit, cache) describe codes that are not used here.
"""

from __future__ import annotations

from weft.domain.schema import Quantizer, QuantizerKind

EXACT_TOKENS = 131_072
"""A collection with fewer tokens is searched exactly and trains no centroids (about 1,700 documents of 75)."""

EXACT_ALLOWED_TOKENS = 24_576
"""A filter that leaves fewer tokens than this is answered exactly (about 320 documents of 75; 0.6 ms)."""

SCANNED_ROWS = 16_384
"""A filter that leaves fewer documents, and at most a third, is answered without the lists: all are candidates."""

ENCODED_AT_ONCE = 1_500_000
"""The most tokens that ``extend`` encodes before it returns; ``maintain`` encodes the rest, searched exactly until
then."""


def code_bits(quantizer: Quantizer) -> int:
    """Bits of a residual code: 2, 4 or 8."""
    if quantizer.kind is QuantizerKind.BQ or (quantizer.kind is QuantizerKind.RQ and quantizer.bits < 8):
        return 2
    return 8 if quantizer.kind in (QuantizerKind.SQ, QuantizerKind.RQ) else 4


def centroid_count(tokens: int) -> int:
    """Grows with the square root of the tokens: 64 to 65,536, a multiple of 16."""
    return min(65_536, max(64, int(8 * tokens**0.5) // 16 * 16))
