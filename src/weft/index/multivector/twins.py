"""The kernels in plain numpy: the same answers, slowly. Tests compare the two."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from weft.domain.objects import Vector


def exact_scores(
    query: Vector, tokens: Vector, offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], cosine: bool
) -> npt.NDArray[np.float32]:
    """MaxSim of ``query (Tq, d)`` against each row; ``(n,) f32``, larger is better. Source: arXiv 2004.12832."""
    scores = np.empty(len(rows), np.float32)
    for i, row in enumerate(rows.tolist()):
        document = tokens[offsets[row] : offsets[row + 1]]
        similarity = query @ document.T
        if cosine:
            norms = np.sqrt(np.einsum("td,td->t", document, document))
            similarity *= np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        scores[i] = similarity.max(axis=1).sum()
    return scores
