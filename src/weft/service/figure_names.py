"""The figures of an engine by Weaviate's names: in query profiles and in the log of slow searches.

Engines report figures under their own names; one that Weaviate does not have keeps its name.
"""

from __future__ import annotations

from collections.abc import Mapping

WEAVIATE = {
    "vectors_scanned": "hnsw_flat_search",
    "candidates_took": "knn_search_layer_0_took",
    "rescore_took": "knn_search_rescore_took",
    "words_took": "kwd_1_tok_time",
    "terms": "kwd_2_terms",
    "postings_took": "kwd_3_term_time",
    "scores_took": "kwd_4_score_time",
    "scoring": "kwd_method",
    "keyword_search_took": "kwd_time",
    "keyword_matches": "kwd_6_res_count",
}


def by_weaviates_names(figures: Mapping[str, str]) -> dict[str, str]:
    return {WEAVIATE.get(name, name): value for name, value in figures.items()}
