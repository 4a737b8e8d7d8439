"""What a vectorizer is given of an object."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from weft.domain.blob_hash import hash_of
from weft.domain.errors import Invalid
from weft.domain.objects import GeoPoint
from weft.domain.query import MediaKind
from weft.domain.schema import CollectionConfig, DataType, Property, VectorConfig
from weft.modules import build_registry
from weft.modules.base import Media, ModuleInput
from weft.modules.inputs import object_input, object_text, separate_camel_case, vectorised_alike

MODULE = "text2vec-transformers"
TYPES = {
    "title": DataType.TEXT,
    "bodyText": DataType.TEXT,
    "tags": DataType.TEXT_ARRAY,
    "pages": DataType.INT,
    "price": DataType.NUMBER,
    "ratings": DataType.NUMBER_ARRAY,
    "sold": DataType.BOOLEAN,
    "at": DataType.DATE,
    "code": DataType.UUID,
    "cover": DataType.BLOB,
    "maker": DataType.OBJECT,
    "parts": DataType.OBJECT_ARRAY,
}


def collection(name: str = "BookStore", **module_config: dict[str, Any]) -> CollectionConfig:
    """A collection with every property of TYPES; ``module_config``: what a property says of the module."""
    properties = tuple(
        Property(key, kind, module_config={MODULE: module_config[key]} if key in module_config else {})
        for key, kind in TYPES.items()
    )
    return CollectionConfig(name, properties)


def vector(sources: tuple[str, ...] | None = None, module: str = MODULE, **settings: Any) -> VectorConfig:
    return VectorConfig("default", module, settings, sources)


WHOLE = {
    "title": "Dune",
    "bodyText": "Sand",
    "tags": ["a", "b"],
    "pages": 412,
    "price": 7.0,
    "ratings": [4.5, 3.0],
    "sold": True,
    "at": "1965-08-01T00:00:00Z",
    "code": "00000000-0000-0000-0000-000000000001",
    "cover": "aGk=",
    "maker": {"name": "Herbert", "born": 1920},
    "parts": [{"n": 1}, {"n": 2}],
}


@pytest.mark.parametrize(
    ("config", "target", "properties", "expected"),
    [
        pytest.param(collection(), vector(), WHOLE, "Book Store Sand a b Dune", id="name first, then alphabetical"),
        pytest.param(
            collection(), vector(vectorizeClassName=False), WHOLE, "Sand a b Dune", id="only text without sources"
        ),
        pytest.param(
            collection(bodyText={"skip": True}), vector(vectorizeClassName=False), WHOLE, "a b Dune", id="skip"
        ),
        pytest.param(
            collection(bodyText={"vectorizePropertyName": True}, tags={"vectorizePropertyName": True}),
            vector(vectorizeClassName=False),
            WHOLE,
            "body Text Sand tags a tags b Dune",
            id="property names, before each element",
        ),
        pytest.param(
            collection(title={"skip": True}),
            vector(("title",), vectorizeClassName=False),
            WHOLE,
            "Dune",
            id="sources win over skip",
        ),
        pytest.param(
            collection(),
            vector(tuple(TYPES), vectorizeClassName=False),
            WHOLE,
            '1965-08-01T00:00:00Z Sand {"born":1920,"name":"Herbert"} 412 [{"n":1},{"n":2}] 7 4.5 3 true a b Dune',
            id="sources may be numbers, dates, booleans and objects, but no uuid and no blob",
        ),
        pytest.param(collection(), vector(vectorizeClassName=False), {}, "Book Store", id="nothing: the name"),
        pytest.param(collection(), vector(("title",), vectorizeClassName=False), {}, "", id="nothing of the sources"),
        pytest.param(collection(), vector(vectorizeClassName=False), {"title": ""}, "", id="an empty text is a text"),
        pytest.param(collection(), vector(vectorizeClassName="yes"), {"title": None}, "Book Store", id="not a boolean"),
    ],
)
def test_the_text_of_an_object(
    config: CollectionConfig, target: VectorConfig, properties: dict[str, Any], expected: str
) -> None:
    assert object_text(config, target, properties) == expected


def test_the_name_of_a_property_goes_before_its_value() -> None:
    config = collection(title={"vectorizePropertyName": True})
    assert object_text(config, vector(), {"title": "DUNE"}) == "Book Store title DUNE"


def test_a_place_inside_an_object_is_written_as_json() -> None:
    properties = {"maker": {"home": GeoPoint(1.5, 2.0)}}
    text = object_text(collection(), vector(("maker",), vectorizeClassName=False), properties)
    assert text == '{"home":{"latitude":1.5,"longitude":2}}'


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Article", "Article"),
        ("bodyText", "body Text"),
        ("PDFLoader", "PDF Loader"),
        ("GL11Version", "GL 11 Version"),
        ("snake_case", "snake _ case"),
        ("two words", "two words"),
        ("ÄpfelBaum", "Äpfel Baum"),
        ("", ""),
        ("A", "A"),
    ],
)
def test_camel_case_is_taken_apart(name: str, words: str) -> None:
    assert separate_camel_case(name) == words


def test_only_a_change_of_what_is_embedded_asks_for_a_new_vector() -> None:
    config, target = collection(), vector()
    assert vectorised_alike(config, target, WHOLE, {**WHOLE, "pages": 1, "cover": "b3RoZXI=", "sold": False})
    assert not vectorised_alike(config, target, WHOLE, {**WHOLE, "title": "Dune Messiah"})
    assert not vectorised_alike(config, vector(("pages",)), WHOLE, {**WHOLE, "pages": 1})


def test_multimodal_input_names_its_fields() -> None:
    target = vector(module="multi2vec-clip", textFields=["title", "tags"], imageFields=["cover"])
    found = object_input(collection(), target, WHOLE)
    assert found == ModuleInput(("a", "b", "Dune"), (Media(MediaKind.IMAGE, "aGk="),))
    assert object_input(collection(), target, WHOLE, kinds={"text"}).media == ()
    assert object_input(collection(), target, {"pages": 1}).is_empty
    assert not vectorised_alike(collection(), target, WHOLE, {**WHOLE, "cover": "b3RoZXI="})


HASHED = CollectionConfig("Book", (Property("cover", DataType.BLOB_HASH), Property("title", DataType.TEXT)))
SENT, STORED = {"cover": "aGk=", "title": "Dune"}, {"cover": hash_of("aGk="), "title": "Dune"}


def test_a_stored_hash_is_no_medium() -> None:
    target = vector(module="multi2vec-clip", imageFields=["cover"])
    assert object_input(HASHED, target, SENT).media == (Media(MediaKind.IMAGE, "aGk="),)
    assert object_input(HASHED, target, STORED).is_empty
    assert vectorised_alike(HASHED, target, STORED, SENT), "the same medium sent again"
    assert vectorised_alike(HASHED, target, STORED, {**STORED, "title": "Sand"})
    assert not vectorised_alike(HASHED, target, STORED, {"cover": "b3RoZXI="})
    assert not vectorised_alike(HASHED, target, STORED, {"title": "Dune"})


def test_a_medium_that_is_gone_once_it_is_stored_is_embedded_alone() -> None:
    with closing(build_registry(("multi2vec-jinaai",))) as registry:
        module = registry.vectorizer("multi2vec-jinaai")
        alone = vector(module=module.name, imageFields=["cover"])
        for auto_schema in (True, False):
            module.validate(HASHED, alone, auto_schema)
            module.validate(HASHED, vector(module=module.name, textFields=["title"]), auto_schema)
            with pytest.raises(Invalid, match="'cover' is of type blobHash"):
                module.validate(
                    HASHED, vector(module=module.name, imageFields=["cover"], textFields=["title"]), auto_schema
                )
