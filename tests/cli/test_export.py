"""``weft export``, and back by ``weft import``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from weaviate import WeaviateClient
from weaviate.classes.config import Configure, DataType, Property, ReferenceProperty
from weaviate.classes.data import DataObject, GeoCoordinate, PhoneNumber
from weaviate.classes.query import QueryReference

from command import Weft
from server import Server


@pytest.fixture
def whole(server: Server) -> Any:
    """Every type of property, references in both directions, a vector, a multi-vector, and an object without any."""
    kinds = {
        "text": DataType.TEXT,
        "ints": DataType.INT_ARRAY,
        "number": DataType.NUMBER,
        "bools": DataType.BOOL_ARRAY,
        "date": DataType.DATE,
        "uuid": DataType.UUID,
        "place": DataType.GEO_COORDINATES,
        "phone": DataType.PHONE_NUMBER,
        "blob": DataType.BLOB,
    }
    nested = [Property(name="a", data_type=DataType.TEXT), Property(name="dates", data_type=DataType.DATE_ARRAY)]
    with server.client() as client:
        made = client.collections.create(
            "Whole",
            vector_config=[Configure.Vectors.self_provided(name="a"), Configure.MultiVectors.self_provided(name="b")],
            references=[ReferenceProperty(name="other", target_collection="Whole")],
            properties=[
                *(Property(name=name, data_type=kind) for name, kind in kinds.items()),
                Property(name="object", data_type=DataType.OBJECT, nested_properties=nested),
                Property(name="objects", data_type=DataType.OBJECT_ARRAY, nested_properties=nested),
            ],
        )
        values: Mapping[str, Any] = {
            "text": 'größer\n"so"',
            "ints": [1, -(2**53)],
            "number": 0.1,
            "bools": [True, False],
            "date": "2026-01-02T03:04:05.000006Z",
            "uuid": "00000000-0000-0000-0000-000000000007",
            "place": GeoCoordinate(latitude=1.5, longitude=2.5),
            "phone": PhoneNumber(number="+49 30 1234567"),
            "blob": "aGVsbG8=",
            "object": {"a": "x", "dates": ["2026-01-02T00:00:00Z"]},
            "objects": [{"a": "y"}, {"a": "z"}],
        }
        first, second = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"
        vector = {"a": [0.5, 0.25], "b": [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]}
        made.data.insert_many(
            [DataObject(values, uuid=first, vector=vector), DataObject({"text": "bare"}, uuid=second)]
        )
        made.data.reference_add(first, "other", second)
        made.data.reference_add(second, "other", first)
        yield client
        client.collections.delete("Whole")


def stored(client: WeaviateClient, name: str) -> Any:
    found = client.collections.use(name)
    blobs = [one.name for one in found.config.get().properties if one.name != "blobs"]
    linked = QueryReference(link_on="other", return_properties=[])
    return found.config.get().to_dict(), [
        (str(one.uuid), one.properties, one.vector, [str(to.uuid) for to in one.references["other"].objects])
        for one in found.iterator(include_vector=True, return_properties=blobs, return_references=linked)
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_what_is_exported_comes_back_whole(whole: WeaviateClient, weft: Weft, suffix: str) -> None:
    before = stored(whole, "Whole")
    done = weft("export", "whole", f"whole{suffix}")
    assert (done.returncode, done.stdout) == (0, f"2 objects of Whole in whole{suffix}\n")
    whole.collections.delete("Whole")
    done = weft("import", f"whole{suffix}", "--collection", "Whole")
    assert (done.returncode, done.stdout.startswith("2 objects stored in Whole")) == (0, True), done.stderr
    assert stored(whole, "Whole") == before


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_tenants_and_models_come_back(server: Server, weft: Weft, suffix: str) -> None:
    with server.client() as client:
        made = client.collections.create(
            "Flat",
            vector_config=Configure.Vectors.text2vec_model2vec(),
            multi_tenancy_config=Configure.multi_tenancy(enabled=True, auto_tenant_creation=True),
        )
        for tenant in ("ann", "bob"):
            made.with_tenant(tenant).data.insert({"text": f"of {tenant}"})
        url = f"http://127.0.0.1:{server.rest_port}/v1/weft/collections/Flat/models?tenant=bob"
        model = httpx.get(url).json()
        assert weft("export", "Flat", f"bob{suffix}", "--tenant", "bob").stdout.startswith("1 object of Flat")
        assert weft("export", "Flat", f"flat{suffix}").stdout.startswith("2 objects of Flat")
        assert "no tenant 'eve'" in weft("export", "Flat", "eve.jsonl", "--tenant", "eve").stderr
        client.collections.delete("Flat")
        assert weft("import", f"flat{suffix}", "--collection", "Flat").returncode == 0
        texts = {
            tenant: [one.properties["text"] for one in made.with_tenant(tenant).iterator()] for tenant in ("ann", "bob")
        }
        assert texts == {"ann": ["of ann"], "bob": ["of bob"]}
        assert httpx.get(url).json() == model
        client.collections.delete("Flat")


def test_standard_output_and_refusals(whole: WeaviateClient, weft: Weft, tmp_path: Path) -> None:
    header, first, second = map(json.loads, weft("export", "Whole", "-", "--no-vectors").stdout.splitlines())
    assert header["_weft_collection"]["class"] == "Whole"
    assert [one["_weft_id"][-1] for one in (first, second)] == ["a", "b"]
    assert "_weft_vectors" not in first
    (tmp_path / "there.jsonl").write_text("mine")
    for arguments, words in (
        (["Whole", "there.jsonl"], "is there already; name another file, or add --overwrite"),
        (["Whole", "x.csv"], "x.csv must end with .jsonl or .parquet"),
        (["Whole", "x.jsonl", "--tenant", "a"], "Whole has no tenants; leave out --tenant"),
        (["Whole", "none/x.jsonl"], "none/x.jsonl cannot be written: No such file"),
        (["Hole", "x.jsonl"], "no collection 'Hole'; did you mean Whole?"),
    ):
        done = weft("export", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert words in done.stderr
    assert (tmp_path / "there.jsonl").read_text() == "mine"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["there.jsonl"]
    report = json.loads(weft("export", "Whole", "there.jsonl", "--overwrite", "--json").stdout)
    assert report == {"collection": "Whole", "file": "there.jsonl", "objects": 2}
