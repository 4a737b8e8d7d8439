"""Why a hit has its distance: what each target vector, and each query token of a multi-vector, contributes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weft.domain.query import Combination
from weft.domain.schema import CHUNK_MODULE
from weft.engine.view import View
from weft.service.search.targets import Target


def explain_distances(
    view: View, targets: Sequence[Target], combination: Combination, doc_ids: Sequence[int]
) -> list[str]:
    """One text for each of ``doc_ids``: the exact distance to each target, and how they are combined."""
    ids = np.asarray(doc_ids, np.uint32)
    tokens = [_token_lines(view, target, doc_ids) for target in targets]
    table = [view.distances(target.vector.name, target.query, ids).tolist() for target in targets]
    return [
        "\n".join(
            _line(target, distances[i], combination, len(targets)) + lines[i]
            for target, distances, lines in zip(targets, table, tokens, strict=True)
        )
        for i in range(len(ids))
    ]


def _line(target: Target, distance: float, combination: Combination, count: int) -> str:
    kind = "MaxSim, negated," if target.vector.index.multivector is not None else "distance"
    text = f"Vector {target.vector.public_name}: {target.vector.index.metric} {kind} {distance:.6g}"
    if count == 1:
        return text
    if combination is Combination.MINIMUM:
        return f"{text}, the least of the targets counts"
    return f"{text}, weight {target.weight:g} ({combination})"


def _token_lines(view: View, target: Target, doc_ids: Sequence[int]) -> list[str]:
    """For a multi-vector, a line for each query token: what it matched, and its share of the MaxSim. For one of chunks,
    a line with the best."""
    if target.vector.index.multivector is None:
        return [""] * len(doc_ids)
    texts = []
    for doc_id in doc_ids:
        found = view.explain_tokens(target.vector.name, target.query, doc_id)
        if target.vector.vectorizer == CHUNK_MODULE and len(found.tokens) == 1:
            texts.append(f"\nBest chunk: {found.tokens[0]}, similarity {found.similarities[0]:.4f}")
            continue
        rows = zip(found.tokens.tolist(), found.similarities.tolist(), found.shares.tolist(), strict=True)
        texts.append(
            "".join(
                f"\nQuery token {i}: document token {token}, similarity {similarity:.4f}, share {share:.1%}"
                for i, (token, similarity, share) in enumerate(rows)
            )
        )
    return texts
