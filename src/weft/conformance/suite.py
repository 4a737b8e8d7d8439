"""All checks, in the order in which they are run."""

from __future__ import annotations

from typing import Final

from weft.conformance.at_random import at_random
from weft.conformance.check import Check
from weft.conformance.reading import reading
from weft.conformance.schemas import schemas
from weft.conformance.servers import servers
from weft.conformance.vectors import vectors
from weft.conformance.writing import writing

CHECKS: Final[tuple[Check, ...]] = (*writing, *reading, *at_random, *vectors, *schemas, *servers)
