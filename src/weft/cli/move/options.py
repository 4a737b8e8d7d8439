"""The flags of ``weft move``."""

from __future__ import annotations

import argparse
import os


def add_move(parser: argparse.ArgumentParser) -> None:
    places = "http://host:8080?grpc=50051 (Weft or Weaviate), {}or a data folder that no server has open"
    engines = "qdrant://host:6333/collection, milvus://host:19530/collection, "
    parser.add_argument("source", metavar="SOURCE", help=f"where the objects are: {places.format(engines)}")
    parser.add_argument("target", metavar="TARGET", help=f"where they go: {places.format('')}")
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--plan", action="store_true", help="say what would be moved, and write nothing (the default)")
    doing.add_argument("--copy", action="store_true", help="copy everything; run it again to continue")
    doing.add_argument("--sync", action="store_true", help="repair at the target what differs, deletions included")
    doing.add_argument(
        "--cutover",
        action="store_true",
        help="make the source read-only, the target equal, compare both, and lead the aliases there",
    )
    doing.add_argument("--verify", action="store_true", help="compare both; the exit status is 0 if they are equal")
    parser.add_argument(
        "--queries",
        type=int,
        default=20,
        metavar="N",
        help="--verify: compare the answers to queries made from N objects of each collection (default: %(default)s)",
    )
    until = parser.add_mutually_exclusive_group()
    until.add_argument("--until-equal", action="store_true", help="--sync: repeat until nothing differs")
    until.add_argument("--follow", action="store_true", help="--sync: repeat until Ctrl-C")
    parser.add_argument(
        "--interval",
        type=float,
        default=10.0,
        metavar="S",
        help="--follow: seconds between passes (default: %(default)s)",
    )
    parser.add_argument(
        "--alias",
        action="append",
        metavar="ALIAS=NAME",
        help="--cutover: lead this alias to the collection NAME of the target, too; may be repeated",
    )
    parser.add_argument("--force", action="store_true", help="--sync: delete even most of what the target has")
    parser.add_argument(
        "--collection",
        action="append",
        metavar="NAME[=OTHER]",
        help="only this collection, under another name in the target if one is given; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--state", metavar="FILE", help="keeps how far a copy is (default: weft-move-….json, by the two places)"
    )
    parser.add_argument(
        "--rejected",
        metavar="FILE",
        help="where to write rejected objects, one JSON line each (default: weft-move-….rejected.jsonl)",
    )
    for flag, variable, place in (
        ("--source-key", "WEFT_SOURCE_KEY", "source"),
        ("--target-key", "WEFT_TARGET_KEY", "target"),
    ):
        parser.add_argument(
            flag, default=os.environ.get(variable), metavar="KEY", help=f"API key of the {place} [{variable}]"
        )
    parser.add_argument(
        "--ca-certificate",
        default=os.environ.get("WEFT_CA_CERTIFICATE"),
        metavar="FILE",
        help="PEM file of the authority to trust, for servers that speak TLS [WEFT_CA_CERTIFICATE]",
    )
