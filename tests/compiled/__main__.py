"""``python -m tests.compiled [--write]``, in the root of the repository: what kernels are called with while requests of
every kind are made, compared with what is compiled ahead. Prints the differences, a line each, and exits with 1 if
something is missing. ``--write`` adds that to ``src/weft/compiled/signatures.txt``, and removes what no kernel takes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

from compiled.recording import recorded
from compiled.walk import walk
from weft.compiled.kernel import declared
from weft.compiled.signatures import parse, parsed
from weft.compiled.sources import SIGNATURES, modules


def _fits(line: str) -> bool:
    """Whether there is such a kernel with so many parameters. What no request of the walk needs may be listed, too."""
    name, text = parsed(line)
    kernel = declared().get(name)
    if kernel is None:
        return False
    names = vars(sys.modules[kernel.py_func.__module__])
    return bool(len(parse(text, names)) == kernel.py_func.__code__.co_argcount)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compiled", description=__doc__)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    for name in modules():
        import_module(name)
    ahead = set(SIGNATURES.read_text(encoding="utf-8").splitlines())
    with tempfile.TemporaryDirectory() as folder, recorded() as called, patch("weft.app.warm", lambda stopped: 0):
        walk(Path(folder))
    for line in sorted(called - ahead):
        print(f"missing: {line}")
    for line in sorted(ahead - called):
        print(f"not called: {line}")
    if given.write:
        SIGNATURES.write_text(
            "\n".join(sorted(called | {line for line in ahead if _fits(line)})) + "\n", encoding="utf-8"
        )
    return int(not given.write and bool(called - ahead))


if __name__ == "__main__":
    sys.exit(main())
