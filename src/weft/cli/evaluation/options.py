"""The flags of ``weft eval``."""

from __future__ import annotations

import argparse

from weft.cli.arguments import HelpFormatter, add_connection

DESCRIPTION = """\
Try ways to search a collection on queries whose answers are known, and report
which is best.

  weft eval COLLECTION --queries FILE       try them
  weft eval list                            evaluations on the server
  weft eval show ID                         one of them again
  weft eval diff ID VARIANT OTHER           the queries that one way wins and loses
  weft eval diff ID OTHER_ID                the same for the best ways of two evaluations
  weft eval cancel ID, weft eval delete ID
"""


class _Formatter(HelpFormatter, argparse.RawDescriptionHelpFormatter):
    """The lines of the description stay as they are."""


def add_eval(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = _Formatter
    parser.description = DESCRIPTION
    parser.add_argument("what", metavar="COLLECTION", help="the collection; or list, show, diff, cancel, delete")
    parser.add_argument("rest", nargs="*", metavar="ID", help="of an evaluation, and for diff what to compare")
    queries = parser.add_argument_group("queries")
    source = queries.add_mutually_exclusive_group()
    source.add_argument(
        "--queries",
        metavar="FILE",
        help='JSON Lines: {"text": …} or {"image": FILE}, "audio", "video", "vector", and "relevant": [ID, …] or '
        "{ID: GRADE}; - reads standard input",
    )
    source.add_argument(
        "--trec", nargs=2, metavar=("QRELS", "QUERIES"), help="judgments of TREC, and lines of query id, tab, text"
    )
    source.add_argument("--beir", metavar="FOLDER", help="a data set of BEIR: queries.jsonl and qrels/test.tsv")
    source.add_argument("--known-item", metavar="PROPERTY", help="made of the data: this text finds its own object")
    source.add_argument(
        "--from-captions",
        nargs="?",
        const="",
        metavar="PROPERTY",
        help="made of the data: this text (default: caption, alt, title or description) finds its own image, audio "
        "clip or video",
    )
    queries.add_argument("--count", type=int, metavar="N", help="how many queries are made of the data (default: 200)")
    queries.add_argument("--split", default="test", metavar="NAME", help="of BEIR's qrels (default: %(default)s)")
    queries.add_argument("--tenant", metavar="NAME", help="the tenant to search in")
    grid = parser.add_argument_group("what to try, all combined (default: all vectors, keywords, and hybrids of both)")
    grid.add_argument("--vectors", metavar="A,B", help="only these vectors of the collection")
    grid.add_argument(
        "--models",
        metavar="A,B",
        help="models that the collection does not have, as MODULE or MODULE:MODEL; a MODEL alone is one of "
        "text2vec-transformers. They embed a sample, and the collection stays as it is",
    )
    grid.add_argument("--no-keyword", action="store_true", help="neither keywords nor hybrids")
    grid.add_argument("--alpha", metavar="A,B", help="of hybrids (default: 0.25,0.5,0.75); none: no hybrids")
    grid.add_argument("--fusion", default="relative", metavar="A,B", help="relative, ranked (default: %(default)s)")
    grid.add_argument("--rerank", metavar="A,B", help="reranker modules; each way is tried with and without")
    grid.add_argument("--rerank-property", metavar="NAME", help="the text that they read (default: the first one)")
    grid.add_argument("--quantizers", metavar="A,B", help="none, bq, sq, rq, pq; on a sample, as the next two")
    grid.add_argument("--ef", metavar="A,B", help="of the graph")
    grid.add_argument("--pooling", metavar="A,B", help="of the tokens of multi-vectors")
    grid.add_argument("--sample", type=int, metavar="N", help="objects that other models embed (default: 2000)")
    result = parser.add_argument_group("results")
    result.add_argument(
        "--measures", metavar="A,B", help="nDCG, RR, R, P, AP, Success with @K (default: nDCG@10,RR@10,R@10,Success@1)"
    )
    result.add_argument("--name", metavar="TEXT", help="what to call the evaluation in lists")
    result.add_argument("--limit", type=int, default=5, metavar="N", help="diff: of won and lost queries (default: 5)")
    result.add_argument("--suggest", action="store_true", help="also print the code that searches in the best way")
    result.add_argument("--no-wait", action="store_true", help="print the id and return; the server works on")
    result.add_argument("--json", action="store_true", help="print JSON")
    add_connection(parser)
