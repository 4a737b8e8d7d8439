"""Compiled loops of the gRPC wire; the message classes are their reference. Imported on first use only, as numba is."""

from weft.wire.grpc.kernels.counting import MALFORMED, count_fields
from weft.wire.grpc.kernels.objects import (
    COLLECTION,
    NAMES,
    SENT_VECTOR,
    TENANT,
    VECTOR,
    count,
    gather,
    scan,
)
from weft.wire.grpc.kernels.replies import MOST_BESIDE, join

__all__ = [
    "COLLECTION",
    "MALFORMED",
    "MOST_BESIDE",
    "NAMES",
    "SENT_VECTOR",
    "TENANT",
    "VECTOR",
    "count",
    "count_fields",
    "gather",
    "join",
    "scan",
]
