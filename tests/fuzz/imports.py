"""Files that ``weft import`` reads, mutated: each row is read or rejected, or the file is refused."""

from __future__ import annotations

import random
from pathlib import Path

import orjson

from fuzz.mutating import mutated
from weft.cli.sources.files import RowReading, files_of, read_rows
from weft.domain.errors import WeftError

_ROWS = [
    {"id": f"00000000-0000-0000-0000-{n:012d}", "t": f"hello {n}, \"you\"", "n": n, "vector": [0.5, n], "x": {"y": [n]}}
    for n in range(8)
]  # fmt: skip
CORPUS = {
    ".jsonl": b"\n".join(orjson.dumps(row) for row in _ROWS),
    ".json": orjson.dumps(_ROWS),
    ".csv": b"t,n,vector\n" + b"\n".join(b'"hello, %d",%d,"[0.5, %d]"' % (n, n, n) for n in range(8)),
}


class Imports:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def once(self, rng: random.Random) -> str:
        kind = rng.choice(sorted(CORPUS))
        file = self._folder / f"rows{kind}"
        data = mutated(CORPUS[kind], list(CORPUS.values()), rng)
        file.write_bytes(data)
        try:
            (place,) = files_of([str(file)])
            rejected = [row for row in read_rows(place, RowReading(vector_fields=["vector"])) if row.error]
        except WeftError:
            return "refused"
        except Exception as error:
            raise AssertionError(f"{kind} {data!r}") from error
        return "rows rejected" if rejected else "read"

    def end(self) -> None:
        """Nothing is left to be looked at."""

    def close(self) -> None:
        """Its folder is the caller's."""
