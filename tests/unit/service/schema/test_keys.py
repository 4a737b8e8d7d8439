from __future__ import annotations

from typing import Any

from weft.service.schema.keys import CLASS, PROPERTY


def test_a_document_in_capitals_is_the_document() -> None:
    given: dict[str, Any] = {
        "Class": "Chunk",
        "Properties": [
            {"Name": "Title", "DataType": ["text"], "TextAnalyzer": {"ASCIIFold": True}},
            {"name": "in", "dataType": ["object"], "NestedProperties": [{"NAME": "Deep", "datatype": ["int"]}]},
        ],
        "VectorConfig": {"Title": {"Vectorizer": {"none": {}}, "VectorIndexConfig": {"EF": 3}}},
        "InvertedIndexConfig": {"BM25": {"B": 0.1}, "StopwordPresets": {"Mine": ["A"]}},
        "MultiTenancyConfig": {"Enabled": True},
        "ReplicationConfig": {"Factor": 1},
        "ObjectTTLConfig": {"DefaultTTL": 60},
        "ShardingConfig": {"DesiredCount": 1},
    }
    assert CLASS.fold(given) == {
        "class": "Chunk",
        "properties": [
            {"name": "Title", "dataType": ["text"], "textAnalyzer": {"asciiFold": True}},
            {"name": "in", "dataType": ["object"], "nestedProperties": [{"name": "Deep", "dataType": ["int"]}]},
        ],
        "vectorConfig": {"Title": {"vectorizer": {"none": {}}, "vectorIndexConfig": {"EF": 3}}},
        "invertedIndexConfig": {"bm25": {"b": 0.1}, "stopwordPresets": {"Mine": ["A"]}},
        "multiTenancyConfig": {"enabled": True},
        "replicationConfig": {"factor": 1},
        "objectTtlConfig": {"defaultTtl": 60},
        "shardingConfig": {"DesiredCount": 1},
    }


def test_a_change_of_expiry_in_another_case_counts_beside_what_was_read() -> None:
    """As a client sends it that adds its own spelling to the document it has read."""
    given = {"objectTtlConfig": {"enabled": True, "defaultTtl": 60}, "objectTTLConfig": {"defaultTtl": 90}}
    assert CLASS.fold(given) == {"objectTtlConfig": {"enabled": True, "defaultTtl": 90}}


def test_settings_of_modules_are_the_modules_own() -> None:
    given = {"name": "title", "ModuleConfig": {"text2vec-x": {"Skip": True}}}
    assert PROPERTY.fold(given) == {"name": "title", "moduleConfig": {"text2vec-x": {"Skip": True}}}
