"""From the hits of each variant to the summary of an evaluation: measures, times, sizes, the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from weft.evaluation.comparison import Comparison, compare
from weft.evaluation.measures import Gains, Measure, Scores
from weft.evaluation.significance import interval
from weft.evaluation.verdict import Contestant, judge
from weft.service.evaluation.request import EvaluationPlan, JudgedQuery, variant_to_json
from weft.service.evaluation.store import VariantOutcome


def summary_of(
    plan: EvaluationPlan,
    queries: Sequence[JudgedQuery],
    outcomes: Sequence[VariantOutcome],
    sizes: Mapping[str, float],
    searched: int,
    notes: Sequence[str],
) -> dict[str, Any]:
    """As the protocol has it. ``sizes``: bytes an object, by name of the variant; ``searched``: among how many objects
    the queries were answered."""
    measure = plan.measures[0]
    contestants, rows = [], []
    for variant, outcome in zip(plan.variants, outcomes, strict=True):
        row: dict[str, Any] = dict(variant_to_json(variant))
        if outcome.error:
            rows.append({**row, "error": outcome.error})
            continue
        gains = gains_of(queries, outcome)
        times = np.array(outcome.answered.milliseconds)
        row["measures"] = {str(one): _figures(one.of(gains)) for one in plan.measures}
        row["milliseconds"] = {
            "mean": _rounded(times.mean()),
            "p50": _rounded(np.median(times)),
            "p95": _rounded(np.quantile(times, 0.95)),
        }
        if variant.name in sizes:
            row["bytesPerObject"] = round(sizes[variant.name])
        rows.append(row)
        contestants.append(
            Contestant(variant.name, variant.phrase, variant.by, measure.of(gains), float(np.median(times)))
        )
    verdict = judge(str(measure), contestants)
    for row in rows:
        if row["name"] in verdict.p_values:
            row["pValue"] = _rounded(verdict.p_values[row["name"]], 6)
    return {
        "queries": len(queries),
        "objects": searched,
        "variants": rows,
        "best": verdict.best,
        "verdict": verdict.sentence,
        "notes": list(notes),
    }


def gains_of(queries: Sequence[JudgedQuery], outcome: VariantOutcome) -> Gains:
    return Gains(outcome.answered.rankings, [one.relevant for one in queries])


def compared(
    measure: Measure,
    first: tuple[Sequence[JudgedQuery], VariantOutcome],
    second: tuple[Sequence[JudgedQuery], VariantOutcome],
) -> tuple[list[JudgedQuery], Comparison, Scores, Scores, list[tuple[list[str], list[str]]]]:
    """The queries that both have, by id; the comparison; the scores of each; and both rankings of each query."""
    places = {query.id: place for place, query in enumerate(second[0])}
    pairs = [(place, places[query.id]) for place, query in enumerate(first[0]) if query.id in places]
    own, other = measure.of(gains_of(*first)), measure.of(gains_of(*second))
    ours, theirs = own[[place for place, _ in pairs]], other[[place for _, place in pairs]]
    rankings = [(first[1].answered.rankings[i], second[1].answered.rankings[j]) for i, j in pairs]
    return [first[0][place] for place, _ in pairs], compare(ours, theirs), ours, theirs, rankings


def _figures(scores: Scores) -> dict[str, float]:
    found = interval(scores)
    return {"mean": _rounded(found.mean, 6), "low": _rounded(found.low, 6), "high": _rounded(found.high, 6)}


def _rounded(value: Any, digits: int = 3) -> float:
    return round(float(value), digits)
