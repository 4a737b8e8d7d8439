"""An evaluation for people: a table as wide as a terminal, the verdict, the queries that were won and lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from weft.cli.table import bytes_text, table

_WIDTH: Final = 80
_LONGEST_NAME: Final = 34
_HITS: Final = 5


def lines_of(evaluation: Mapping[str, Any]) -> list[str]:
    """What an ended evaluation has found; of others what they are."""
    lines = [_heading(evaluation)]
    if evaluation.get("error"):
        lines.append(f"  {evaluation['error']}")
    if "variants" not in evaluation:
        return lines
    found = [one for one in evaluation["variants"] if "error" not in one]
    first, *others = evaluation["measures"]
    found.sort(key=lambda one: -one["measures"][first]["mean"])
    columns = [
        ["", *(_name(one, evaluation["best"]) for one in found)],
        [first, *(_with_interval(one["measures"][first]) for one in found)],
        ["p", *(_p_value(one.get("pValue")) for one in found)],
        ["ms", *(f"{one['milliseconds']['p50']:.1f}" for one in found)],
        ["B/object", *(bytes_text(one.get("bytesPerObject", 0)).replace(" ", "") for one in found)],
        *([name, *(f"{one['measures'][name]['mean']:.3f}" for one in found)] for name in others),
    ]
    while len(columns) > 2 and _width(columns) > _WIDTH:
        columns.pop()
    lines += table(list(zip(*columns, strict=True)))
    lines += [f"  {one['name']}: {one['error']}" for one in evaluation["variants"] if "error" in one]
    lines += ["", f"{evaluation['verdict']}."]
    lines += [f"Note: {note}." for note in evaluation["notes"]]
    return lines


def difference_of(found: Mapping[str, Any]) -> list[str]:
    """The won and lost queries, with the first hits of both side by side; those that answer the query are marked."""
    difference, better = found["difference"], found["difference"]["mean"] >= 0
    sure = "" if found["significant"] else "not "
    lines = [
        f"{found['measure']} of {found['queries']:,} queries: {found['variant']} {found['mean']:.3f}, "
        f"{found['other']} {found['otherMean']:.3f}",
        f"{'better' if better else 'worse'} by {abs(difference['mean']):.3f} "
        f"({difference['low']:+.3f} to {difference['high']:+.3f}), {sure}significant (p = {found['pValue']:.2g}); "
        f"{found['won']} won, {found['lost']} lost",
    ]
    for kind in ("won", "lost"):
        for query in found[f"{kind}Queries"]:
            lines += ["", f"{kind}: {_cut(query['query'], _WIDTH - 8)}"]
            heads = [(found["variant"], query["score"]), (found["other"], query["otherScore"])]
            lines.append(
                "    " + "  ".join(f"{_cut(name, 30)} {score:.3f}".ljust(37) for name, score in heads).rstrip()
            )
            for rank in range(min(_HITS, max(len(query["hits"]), len(query["otherHits"])))):
                pair = (_hit(query, hits, rank).ljust(37) for hits in (query["hits"], query["otherHits"]))
                lines.append(f"{rank + 1:>3} " + "  ".join(pair).rstrip())
    return lines


def list_of(evaluations: Sequence[Mapping[str, Any]]) -> list[str]:
    if not evaluations:
        return ["no evaluations yet; begin one with: weft eval COLLECTION --queries FILE"]
    rows = [["ID", "name", "status", "started", "best"]]
    for one in evaluations:
        status = one["status"] if one["status"] != "RUNNING" else _progress(one)
        rows.append([one["id"], _cut(one["name"], 20), status, one["startedAt"][:16], _cut(one.get("best", ""), 24)])
    return table(rows)


def _heading(evaluation: Mapping[str, Any]) -> str:
    text = f"{evaluation['id']}  {evaluation['collection']}: "
    if "queries" in evaluation:
        return text + f"{evaluation['queries']:,} queries, {evaluation['objects']:,} objects"
    return text + _progress(evaluation)


def _progress(evaluation: Mapping[str, Any]) -> str:
    done, total = evaluation["progress"]["done"], evaluation["progress"]["total"]
    return f"{evaluation['status'].lower()}{f', {100 * done // total}%' if total else ''}"


def _name(variant: Mapping[str, Any], best: str) -> str:
    return ("* " if variant["name"] == best else "  ") + _cut(variant["name"], _LONGEST_NAME)


def _with_interval(figures: Mapping[str, float]) -> str:
    return f"{figures['mean']:.3f} ±{(figures['high'] - figures['low']) / 2:.3f}"


def _p_value(p: float | None) -> str:
    if p is None:
        return "-"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _hit(query: Mapping[str, Any], hits: Sequence[str], rank: int) -> str:
    """Marked if it answers the query; empty where there is none."""
    if rank >= len(hits):
        return ""
    return ("*" if query["relevant"].get(hits[rank], 0) > 0 else " ") + hits[rank]


def _width(columns: Sequence[Sequence[str]]) -> int:
    return sum(max(map(len, column)) + 2 for column in columns)


def _cut(text: str, width: int) -> str:
    """One printable line."""
    printable = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return printable if len(printable) <= width else printable[: width - 1] + "…"
