"""``python -m soak.eager``: the command ``weft``, for which little is enough for graphs, centroids, merges and
compactions, so that a small store has them all."""

from __future__ import annotations

import sys
from pkgutil import resolve_name
from typing import Final

EAGER: Final = {
    "garbage._DEAD_ROWS": 100,
    "index.inverted.index._FREEZE_POSTINGS": 500,
    "index.inverted.index._SEGMENTS_ON_DISK": 2,
    "index.inverted.index._TAIL_LIMIT": 32,
    "index.vector.index.BUILD_ROWS": 100,
    "index.multivector.index.EXACT_TOKENS": 200,
    "index.multivector.search.EXACT_ALLOWED_TOKENS": 10,
}
"""Below ``weft.engine.embedded``."""


def main() -> int:
    from weft.cli import main as weft

    for name, value in EAGER.items():
        module, _, attribute = name.rpartition(".")
        vars(resolve_name(f"weft.engine.embedded.{module}"))[attribute] = value
    return weft(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
