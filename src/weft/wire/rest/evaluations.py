"""Evaluations, Weft's own: ``/v1/weft/evaluations``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_values import JsonObject, JsonValue
from weft.domain.objects import format_uuid, parse_uuid
from weft.domain.query import Fusion, MediaKind
from weft.evaluation.measures import Measure
from weft.service.evaluation.evaluations import AnsweredComparison, ComparisonQuestion, EvaluationState
from weft.service.evaluation.request import (
    MADE_QUERIES,
    MEASURES,
    SAMPLE,
    Grid,
    JudgedQuery,
    MadeQueries,
    Making,
    NewEvaluation,
    OtherModel,
)
from weft.wire.json.documents import as_object
from weft.wire.json.vectors import vector_of
from weft.wire.rest.endpoint import Call, Endpoint, Reply
from weft.wire.rest.openapi.parameters import Parameter
from weft.wire.rest.openapi.shapes import COUNT, ref

_ALL: Final = "/v1/weft/evaluations"
_ONE: Final = f"{_ALL}/{{id}}"
_BEGUN: Final = 201
_MADE: Final = {making.value: making for making in Making}


def begin(call: Call) -> Reply:
    return Reply(_encoded(call.service.evaluations.begin(_asked(as_object(call.body)), call.caller)), _BEGUN)


def list_all(call: Call) -> Reply:
    """Without the variants, which ``get`` has."""
    found = [_encoded(one) for one in call.service.evaluations.all()]
    return Reply({"evaluations": [{key: one[key] for key in one if key != "variants"} for one in found]})


def get(call: Call) -> Reply:
    return Reply(_encoded(call.service.evaluations.get(call.path["id"])))


def delete(call: Call) -> Reply:
    call.service.evaluations.delete(call.path["id"])
    return Reply(status=204)


def compare(call: Call) -> Reply:
    measure = call.query.get("measure")
    asked = ComparisonQuestion(
        call.path["id"],
        call.query.get("variant", ""),
        call.query.get("other", ""),
        call.query.get("otherEvaluation", ""),
        Measure.parse(measure) if measure else None,
    )
    most = call.integer("limit", 20, high=5_000)
    return Reply(_comparison(call.service.evaluations.compare(asked), asked, most))


# -- requests


def _asked(body: JsonObject) -> NewEvaluation:
    where = "evaluation"
    measures = json_fields.strings(body, "measures", where) or MEASURES
    sample = json_fields.integer(body, "sample", where)
    queries = json_fields.objects(body, "queries", where) or []
    return NewEvaluation(
        json_fields.string(body, "collection", where) or "",
        [_query(one, str(place)) for place, one in enumerate(queries, 1)],
        _made(body),
        json_fields.string(body, "tenant", where) or None,
        json_fields.string(body, "name", where) or "",
        tuple(Measure.parse(one) for one in measures),
        _grid(body),
        SAMPLE if sample is None else sample,
    )


def _query(given: JsonObject, place: str) -> JudgedQuery:
    where = f"query {place}"
    kinds = [kind for kind in MediaKind if given.get(kind.value)]
    if len(kinds) > 1:
        raise Invalid(f"{where}: {' and '.join(kinds)} are given; a query has one of them")
    vector = given.get("vector")
    return JudgedQuery(
        json_fields.string(given, "id", where) or place,
        _relevant(given.get("relevant"), where),
        json_fields.string(given, "text", where) or "",
        kinds[0] if kinds else None,
        (json_fields.string(given, kinds[0].value, where) or "") if kinds else "",
        None if vector is None else vector_of(vector, f"{where}: vector"),
    )


def _relevant(given: JsonValue, where: str) -> dict[str, float]:
    """Grades by uuid; a list of uuids: all of grade 1."""
    if isinstance(given, list):
        given = dict.fromkeys((str(one) for one in given), 1)
    if not isinstance(given, Mapping):
        raise Invalid(f"{where}: relevant must be the uuids of the objects to find, or an object of uuid and grade")
    found = {}
    for uuid in given:
        grade = json_fields.number(given, uuid, f"{where}: relevant")
        found[format_uuid(parse_uuid(uuid))] = float(grade or 0)
    return found


def _made(body: JsonObject) -> MadeQueries | None:
    stated = [
        (making, found) for key, making in _MADE.items() if (found := json_fields.object_(body, key, "evaluation"))
    ]
    if not stated:
        return None
    if len(stated) > 1:
        raise Invalid(f"{' and '.join(_MADE)} are given; queries are made in one way")
    ((making, given),) = stated
    count = json_fields.integer(given, "queries", making.value)
    property = json_fields.string(given, "property", making.value) or ""
    return MadeQueries(making, property, MADE_QUERIES if count is None else count)


def _grid(body: JsonObject) -> Grid:
    where = "evaluation"
    vectors = json_fields.strings(body, "vectors", where)
    alphas = _numbers(body, "alphas")
    return Grid(
        None if vectors is None else tuple(vectors),
        tuple(_model(one) for one in json_fields.objects(body, "models", where) or ()),
        json_fields.boolean(body, "keyword", where),
        None if alphas is None else tuple(alphas),
        tuple(_fusion(one) for one in json_fields.strings(body, "fusions", where) or (Fusion.RELATIVE_SCORE,)),
        tuple(dict.fromkeys(json_fields.strings(body, "rerankers", where) or ())),
        json_fields.string(body, "rerankProperty", where) or "",
        tuple(dict.fromkeys(json_fields.strings(body, "quantizers", where) or ())),
        tuple(dict.fromkeys(int(one) for one in _numbers(body, "ef") or ())),
        tuple(dict.fromkeys(int(one) for one in _numbers(body, "pooling") or ())),
    )


def _model(given: JsonObject) -> OtherModel:
    return OtherModel(
        json_fields.string(given, "module", "model") or "", dict(json_fields.object_(given, "settings", "model") or {})
    )


def _numbers(body: JsonObject, key: str) -> list[float] | None:
    given = json_fields.array(body, key, "evaluation")
    if given is None:
        return None
    return [json_fields.number({key: one}, key, "evaluation") or 0.0 for one in given]


def _fusion(text: str) -> Fusion:
    try:
        return Fusion(text)
    except ValueError:
        raise Invalid(f"there is no fusion {text[:40]!r}; choose of {', '.join(Fusion)}") from None


# -- answers


def _encoded(state: EvaluationState) -> dict[str, Any]:
    record, plan = state.record, state.plan
    made = plan.made
    return {
        "id": record.key,
        "job": record.id,
        "name": record.name,
        "collection": plan.collection,
        **({"tenant": plan.tenant} if plan.tenant else {}),
        **({} if made is None else {made.making.value: {"property": made.property, "queries": made.count}}),
        "status": record.status.value,
        "startedAt": record.started_at,
        **({"endedAt": record.ended_at} if record.ended_at else {}),
        **({"error": record.error} if record.error else {}),
        "progress": {"done": record.done, "total": record.total},
        "measures": [str(one) for one in plan.measures],
        **state.summary,
    }


def _comparison(found: AnsweredComparison, asked: ComparisonQuestion, most: int) -> dict[str, Any]:
    """``most``: how many of the won and of the lost queries."""
    comparison = found.comparison
    difference = comparison.difference

    def described(place: int) -> dict[str, Any]:
        query, (hits, other_hits) = found.queries[place], found.rankings[place]
        return {
            "id": query.id,
            "query": query.label,
            "relevant": dict(query.relevant),
            "score": float(found.scores[place]),
            "otherScore": float(found.other_scores[place]),
            "hits": list(hits),
            "otherHits": list(other_hits),
        }

    return {
        "variant": asked.variant,
        "other": asked.other,
        "measure": str(found.measure),
        "queries": len(found.queries),
        "mean": float(found.scores.mean()),
        "otherMean": float(found.other_scores.mean()),
        "difference": {"mean": difference.mean, "low": difference.low, "high": difference.high},
        "pValue": comparison.p_value,
        "significant": comparison.is_significant,
        "won": len(comparison.won),
        "lost": len(comparison.lost),
        "wonQueries": [described(place) for place in comparison.won[:most]],
        "lostQueries": [described(place) for place in comparison.lost[:most]],
    }


_EVALUATION = {200: ref("Evaluation")}
ENDPOINTS = [
    Endpoint(
        "POST",
        _ALL,
        begin,
        "Begin to evaluate ways to search a collection.",
        ref("NewEvaluation"),
        {_BEGUN: ref("Evaluation")},
    ),
    Endpoint("GET", _ALL, list_all, "All evaluations, the latest first.", answers={200: ref("Evaluations")}),
    Endpoint("GET", _ONE, get, "One evaluation, with what it has found.", answers=_EVALUATION),
    Endpoint(
        "DELETE", _ONE, delete, "Cancel an evaluation that runs, or delete one that has ended.", answers={204: None}
    ),
    Endpoint(
        "GET",
        f"{_ONE}/comparison",
        compare,
        "The queries that one way to search wins and loses against another.",
        answers={200: ref("EvaluationComparison")},
        query=(
            Parameter("variant", "The name of a way to search.", required=True),
            Parameter("other", "The name of the other.", required=True),
            Parameter("otherEvaluation", "The evaluation of the other, if it is another one."),
            Parameter("measure", "By which to compare; the first of the evaluation, if it is left out."),
            Parameter("limit", "How many queries of each kind; 20, if it is left out.", COUNT),
        ),
    ),
]
