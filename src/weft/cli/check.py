"""``weft check``: a data folder checked while no server has it, and repaired where that loses nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

import orjson

from weft.checks import check_folder

_LOST = 3


def check(arguments: argparse.Namespace) -> int:
    """0: whole, or repaired; 1: something is to be done, and nothing is lost; 3: some of what was stored is lost."""
    found = check_folder(Path(arguments.folder), repair=arguments.repair)
    if arguments.json:
        findings = [
            {"where": one.where, "what": one.what, "lost": one.lost, "wayOut": one.way_out, "repaired": one.mended}
            for one in found.findings
        ]
        counts = {"collections": found.collections, "shards": found.shards, "objects": found.objects}
        report = {"whole": found.is_whole, "lost": found.has_losses, **counts, "findings": findings}
        print(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode())
    else:
        for line in found.lines():
            print(line)
    return _LOST if found.has_losses else 0 if found.is_whole else 1
