"""A long text in chunks, through a server: the hit says which chunk it was."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from in_process import InProcess

ID = "00000000-0000-0000-0000-000000000001"
FILLER = "The committee met again and discussed the budget of the coming year. " * 20
SETTINGS = {"chunkTokens": 40, "chunkBy": "sentence", "properties": ["text"]}
ASKED = """{Get{Report(nearText:{concepts:["a small cat naps"],targetVectors:["chunks"]})
{_additional{id explainScore}}}}"""


class WithChunks(InProcess):
    modules: ClassVar[tuple[str, ...]] = ("text2multivec-transformers",)


def test_a_hit_says_which_chunk_it_was(tmp_path: Path) -> None:
    process = WithChunks(tmp_path)
    try:
        document = {
            "class": "Report",
            "properties": [{"name": "text", "dataType": ["text"]}],
            "vectorConfig": {"chunks": {"vectorizer": {"text2multivec-transformers": SETTINGS}}},
        }
        created = process.rest.post("/v1/schema", json=document)
        assert created.status_code == 200, created.text
        index = created.json()["vectorConfig"]["chunks"]["vectorIndexConfig"]
        assert index["multivector"]["enabled"] is True
        report = {"class": "Report", "id": ID, "properties": {"text": FILLER + "A kitten sleeps on the windowsill."}}
        assert process.rest.post("/v1/objects", json=report).status_code == 200
        asked = {"query": "a small cat naps", "vector": "chunks", "matrix": True}
        explained = process.rest.post(f"/v1/objects/Report/{ID}/explain", json=asked).json()
        (match,) = explained["matches"]
        assert "kitten" in match["chunk"]
        assert match["documentToken"] == len(explained["matrix"][0]) - 1
        found = process.rest.post("/v1/graphql", json={"query": ASKED}).json()
        (hit,) = found["data"]["Get"]["Report"]
        assert f"Best chunk: {match['documentToken']}, similarity" in str(hit["_additional"])
    finally:
        process.close()
