"""The package itself: what ``import weft`` offers before anything else is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

import weft


def test_its_names_can_be_completed() -> None:
    assert {"connect", "connect_async", "__version__"} <= set(dir(weft))


def test_a_misspelt_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'conect'"):
        vars(weft)["__getattr__"]("conect")


def test_the_server_and_the_client_are_loaded_on_first_use() -> None:
    code = "import sys, weft; print(*{'weaviate', 'weft.app'} & sys.modules.keys()); print(weft.connect.__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["", "weft.embedded"]
