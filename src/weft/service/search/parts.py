"""What scores are made of: by words, by vector, and how a hybrid search joins both.

Computed for a single hit, when a caller asks why it has its score; a search computes none of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weft.domain.explanation import ScorePart
from weft.domain.query import Combination, Fusion, Keyword
from weft.engine.view import View
from weft.service.search.ranking import Floats, Ranking
from weft.service.search.targets import Target


def keyword_part(view: View, query: Keyword, ranking: Ranking, doc_id: int) -> ScorePart:
    """A part for each word in each property that has it."""
    assert ranking.scores is not None
    parts = tuple(
        ScorePart(
            f"{one.property}: {one.word}",
            one.score,
            f"the word is {one.frequency} of {one.length} words of {one.property}, which has {one.average_length:.4g} "
            "on average: idf · repeats · boost · tf / (tf + k1 (1 − b + b · length / average length))",
            {
                "property": one.property,
                "word": one.word,
                "frequency": one.frequency,
                "length": one.length,
                "averageLength": one.average_length,
                "idf": one.idf,
                "repeats": one.repeats,
                "boost": one.boost,
            },
        )
        for one in view.word_shares(query, doc_id)
    )
    return ScorePart("keyword", _at(ranking, ranking.scores, doc_id), "BM25F, the sum over the words", parts=parts)


def vector_part(
    view: View, targets: Sequence[Target], combination: Combination, ranking: Ranking, doc_id: int
) -> ScorePart:
    """Its score is the distance. The distances to several targets are facts, as not all combinations are sums."""
    assert ranking.distances is not None
    ids = np.asarray([doc_id], np.uint32)
    facts: dict[str, float | str] = {}
    for number, target in enumerate(targets):
        name = f"distance {target.vector.name or 'default'}"
        key = name if name not in facts else f"{name} ({number + 1})"
        facts[key] = float(view.distances(target.vector.name, target.query, ids)[0])
        if len(targets) > 1:
            facts[f"weight{key.removeprefix('distance')}"] = target.weight
    words = f"{targets[0].vector.index.metric} distance; the smaller, the nearer"
    if len(targets) > 1:
        words = f"the distances to {len(targets)} targets, combined by {combination}"
    return ScorePart("vector", _at(ranking, ranking.distances, doc_id), words, facts)


def similarity_part(ranking: Ranking, doc_id: int) -> ScorePart:
    """Of a leg by vector, whose scores are 1 − distance."""
    assert ranking.part is not None and ranking.scores is not None
    found = ranking.part(doc_id)
    score = _at(ranking, ranking.scores, doc_id)
    return ScorePart(
        "vector", score, f"1 − the {found.words.partition(';')[0]}", {**found.facts, "distance": found.score}
    )


def leg_part(
    name: str,
    weight: float,
    place: int,
    share: float,
    scores: Floats,
    own: ScorePart | None,
    fusion: Fusion,
    offset: int,
) -> ScorePart:
    """What a leg adds, whose ``scores`` are those of all that it found; ``own``: that of the hit at ``place``."""
    score = float(scores[place])
    facts: dict[str, float | str] = {"weight": weight, "place": place + 1, "ownScore": score}
    if fusion is Fusion.RANKED:
        words = f"weight / ({offset} + place − 1)"
    else:
        facts |= {"least": float(scores.min()), "greatest": float(scores.max())}
        words = "weight · (own score − least) / (greatest − least); the weight where all are equal"
    if own is not None:
        facts |= own.facts
        words = f"{words}; own score: {own.words}"
    return ScorePart(name, share, words, facts, in_proportion(own, share))


def in_proportion(own: ScorePart | None, share: float) -> tuple[ScorePart, ...]:
    """The parts of a search's own score, in proportion to the share that it has of the final one."""
    if own is None or not own.parts or not own.score:
        return ()
    factor = share / own.score
    return tuple(ScorePart(one.name, one.score * factor, one.words, one.facts) for one in own.parts)


def fused_part(legs: Sequence[ScorePart | None], fusion: Fusion) -> ScorePart:
    """``legs``: those of the search; None for one that did not find the hit."""
    found = tuple(leg for leg in legs if leg is not None)
    return ScorePart("hybrid", sum(leg.score for leg in found), f"the sum of the legs, by {fusion}", parts=found)


def layer_part(ranking: Ranking, layer: int, step: float, doc_id: int) -> ScorePart:
    """Of the layer of a deep ranking, whose scores are beneath those of the layers before it."""
    assert ranking.part is not None
    return lowered(ranking.part(doc_id), layer, step, "beneath all hits that the legs found before")


def lowered(part: ScorePart, layer: int, step: float, words: str) -> ScorePart:
    """``part`` of the first layer, as it is; of a later one, with what that subtracts."""
    if layer == 0:
        return part
    lower = ScorePart("depth", -layer * step, words, {"layer": layer, "step": step})
    parts = part.parts or (ScorePart(part.name, part.score, part.words, part.facts),)
    return ScorePart(part.name, part.score + lower.score, part.words, part.facts, (*parts, lower))


def _at(ranking: Ranking, values: Floats, doc_id: int) -> float:
    return float(values[np.flatnonzero(ranking.doc_ids == doc_id)[0]])
