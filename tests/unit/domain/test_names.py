from __future__ import annotations

from weft.domain.names import collection_name, property_name, unknown_property


def test_only_the_first_letter_changes() -> None:
    assert collection_name("articleTitle") == "ArticleTitle"
    assert property_name("TitleText") == "titleText"
    assert collection_name("") == property_name("") == ""


def test_an_unknown_property_is_refused_in_few_words() -> None:
    error = unknown_property("x" * 500, "Article")
    assert "x" * 80 + "'" in error.message
    assert error.facts == {"property": "x" * 500}
