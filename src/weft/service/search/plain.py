"""Plain searches: by keyword, or by one vector that the caller gives, for the first hits as they are ranked.

Most searches are plain, and short: what `ranker` looks at for the others, boosts, cuts, layers and several targets,
would be a good part of their cost. Their pages are those that it makes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weft.domain.answer import Page
from weft.domain.query import Keyword, NearVector, Query
from weft.engine.results import DocIds
from weft.engine.view import View
from weft.service.search.nearest import fits
from weft.service.search.ranking import Floats
from weft.service.search.targets import Target, distance_limit

_NO_IDS: DocIds = np.zeros(0, np.uint32)


def is_plain(query: Query) -> bool:
    search, returns = query.search, query.returns
    if query.filter is not None or query.boost is not None or query.sort or query.autocut > 0:
        return False
    if returns.certainty or returns.explain_score or returns.vector or returns.vectors:
        return False
    if isinstance(search, Keyword):
        return True
    return (
        isinstance(search, NearVector)
        and search.mmr is None
        and len(search.vectors) == 1
        and query.offset == 0
        and query.limit >= 0
    )


def plain_page(view: View, query: Query, targets: Sequence[Target], limit: int) -> Page:
    """The ``limit`` hits from the query's offset on; ``targets``: of a search by vector the only one."""
    search, distances, scores = query.search, None, None
    if isinstance(search, Keyword):
        first = query.offset
        found = view.keyword(search, first + limit, None)
        doc_ids, scores = found.doc_ids[first:], found.scores[first:].astype(np.float64)
    else:
        assert isinstance(search, NearVector)
        doc_ids, distances = _nearest(view, search, targets[0], limit)
    return Page(view.records(doc_ids.tolist()), doc_ids, distances, scores)


def _nearest(view: View, search: NearVector, target: Target, k: int) -> tuple[DocIds, Floats]:
    if not fits(view, target):
        return _NO_IDS, np.zeros(0)
    limit = distance_limit(search, [target.vector])
    found = view.nearest(target.vector.name, target.query, k, None, limit, depth=k)
    return found.doc_ids, found.distances.astype(np.float64)
