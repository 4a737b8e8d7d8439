"""Which collections a request means."""

from __future__ import annotations

import pytest

from weft.domain.errors import Invalid
from weft.service.archives.collection_choice import CollectionChoice

PRESENT = ["Article", "Author", "Book"]


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (CollectionChoice(), PRESENT),
        (CollectionChoice(include=("Book",)), ["Book"]),
        (CollectionChoice(include=("book",)), ["Book"]),
        (
            CollectionChoice(
                include=(
                    "Book",
                    "A*",
                )
            ),
            PRESENT,
        ),
        (CollectionChoice(include=("?ook",)), ["Book"]),
        (CollectionChoice(exclude=("A*",)), ["Book"]),
        (CollectionChoice(exclude=("Missing",)), PRESENT),
    ],
)
def test_choices(choice: CollectionChoice, chosen: list[str]) -> None:
    assert choice.among(PRESENT, "here") == chosen


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (CollectionChoice(include=("Book",), exclude=("Book",)), "not in both"),
        (CollectionChoice(include=("Other",)), "class Other does not exist here; it has Article, Author, Book"),
        (
            CollectionChoice(
                include=(
                    "Author",
                    "no-body",
                )
            ),
            "class no-body does not exist here; it has Article, Author",
        ),
        (CollectionChoice(include=("Z*",)), "no class is left"),
        (CollectionChoice(include=("[AB]*",)), "no class is left"),
        (CollectionChoice(exclude=("*",)), "no class is left"),
        (
            CollectionChoice(
                include=(
                    "Book",
                    "book",
                )
            ),
            "twice",
        ),
        (CollectionChoice(include=("Book", *(f"{n}*" for n in range(200)))), "200 names contain * or ?"),
        (CollectionChoice(exclude=("x" * 400 + "*",)), "at most 300 characters"),
    ],
)
def test_choices_that_cannot_be(choice: CollectionChoice, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        choice.among(PRESENT, "here")
    assert said in caught.value.message


def test_many_names_are_chosen_among_at_once() -> None:
    present = [f"C{n}" for n in range(20_000)]
    assert CollectionChoice(include=tuple(present[::-1])).among(present, "here") == present
