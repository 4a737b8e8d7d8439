"""``weft``, whose indexes build, merge, compact and write their snapshots after a few objects.

``python eager.py serve …`` runs it. The amounts are the modules' own, changed before anything reads them.
"""

from __future__ import annotations

import importlib
import sys

AMOUNTS = {
    "garbage._DEAD_ROWS": 100,
    "maintenance._CHECKPOINT_AFTER": 300,
    "maintenance._FOLLOWED_AFTER": 50,
    "index.inverted.index._FREEZE_POSTINGS": 500,
    "index.inverted.index._SEGMENTS_ON_DISK": 2,
    "index.inverted.index._TAIL_LIMIT": 32,
    "index.vector.index.BUILD_ROWS": 100,
    "index.multivector.index.EXACT_TOKENS": 200,
    "index.multivector.search.EXACT_ALLOWED_TOKENS": 10,
}

if __name__ == "__main__":
    for path, amount in AMOUNTS.items():
        module, _, name = path.rpartition(".")
        found = importlib.import_module(f"weft.engine.embedded.{module}")
        assert hasattr(found, name), path
        setattr(found, name, amount)
    from weft.cli import main

    sys.exit(main())
