"""Maximal marginal relevance over a ranking whose objects have vectors."""

from __future__ import annotations

import numpy as np

from weft.collection.shard import Shard
from weft.domain.errors import Invalid
from weft.domain.query import Mmr
from weft.service.search.grouping import diversify
from weft.service.search.ranking import EMPTY, Ranking
from weft.service.search.targets import Target


def diversified(shard: Shard, ranking: Ranking, targets: list[Target], mmr: Mmr) -> Ranking:
    """``mmr.limit`` objects of ``ranking``, relevant and unlike each other. Objects without the vector are left out."""
    if len(targets) != 1 or targets[0].vector.index.multivector is not None:
        raise Invalid("diversity selection needs exactly one target vector, and not a multi-vector")
    if not len(ranking):
        return ranking
    target = targets[0]
    name = target.vector.name
    stored = [(i, v) for i, v in enumerate(shard.vectors_of(name, ranking.doc_ids.tolist())) if v is not None]
    if not stored:
        return EMPTY
    ranking = ranking.take(np.asarray([i for i, _ in stored], np.int64))
    relevance = shard.distances(name, target.query, ranking.doc_ids).astype(np.float64)
    between = np.stack([shard.distances(name, v, ranking.doc_ids) for _, v in stored]).astype(np.float64)
    return ranking.take(np.asarray(diversify(relevance, between, mmr.limit, mmr.balance), np.int64))
