"""Permissions: what their patterns match, and what they allow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.access import patterns
from weft.access.grants import Grants
from weft.access.permissions import ACTIONS, DOMAINS, Permission, Right, everything
from weft.domain.errors import Invalid


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("*", ["", "Movies", "*", "a/b"], []),
        ("Movies", ["Movies"], ["movies", "Movies2", "*"]),
        ("Movies*", ["Movies", "Movies2"], ["MyMovies", "*"]),
        ("*Archive", ["Archive", "MoviesArchive"], ["ArchiveOld"]),
        ("Movies|Books", ["Movies", "Books"], ["MoviesBooks", "Book"]),
        ("(Movies|Books)_*", ["Movies_1", "Books_"], ["Movies"]),
        ("[A-C].+", ["Ab", "Cde"], ["D1", "A"]),
        ("^Movies$", ["Movies"], ["Movies2"]),
        ("M{x}s", ["Movies"], ["Ms", "M/s"]),
    ],
)
def test_patterns(pattern: str, names: list[str], others: list[str]) -> None:
    patterns.check_pattern("collection", pattern)
    assert all(patterns.matcher(pattern)(name) for name in names)
    assert not any(patterns.matcher(pattern)(name) for name in others)


@given(st.text(max_size=300))
def test_no_pattern_raises_but_invalid(pattern: str) -> None:
    try:
        patterns.check_pattern("object", pattern)
    except Invalid:
        return
    patterns.matcher(pattern)("name")


@pytest.mark.parametrize(
    ("pattern", "other", "expected"),
    [
        ("*", "Movies", True),
        ("*", "a|b", True),
        (".*", "*", True),
        ("Mov*", "Movies", True),
        ("Mov*", "Mov*", True),
        ("Mov*", "Movie*s", True),
        ("Mov*", "Mo*", False),
        ("Mov*", "*", False),
        ("Mov*", "Movies|Books", False),
        ("Movies|Books", "Movies|Books", True),
        ("Movies|Books", "Books", True),
        ("[^A].*", "*", False),
        ("[^A].*", "B*", False),
        (".*_public", ".*|x_public", False),
        ("*_public", "*|x_public", False),
        ("Movies", "Movies*", False),
    ],
)
def test_patterns_that_cover_others(pattern: str, other: str, expected: bool) -> None:
    assert patterns.covers(pattern, other) is expected


@given(st.text("ab*", max_size=6), st.text("ab*", max_size=6), st.text("ab", max_size=8))
def test_what_covers_matches_as_much(pattern: str, other: str, name: str) -> None:
    if patterns.covers(pattern, other) and patterns.matcher(other)(name):
        assert patterns.matcher(pattern)(name)


def test_all_is_more_than_what_an_expression_excludes() -> None:
    assert not patterns.matcher("[^A].*")("*")
    assert patterns.matcher("[^A].*")("B1")


@pytest.mark.parametrize("pattern", ["Team_*_*_docs", "Team*", "(T|t)eam_*", "[A-Z].*_.*x", "T(_|_|__)*"])
def test_a_name_that_nothing_can_have_matches_only_all(pattern: str) -> None:
    """And what could be a name is looked at once: see ``expressions`` and ``wildcards``."""
    for end in ("", "\n", "docs"):
        assert not patterns.matcher(pattern)("Team_" + "_" * 1_000_000 + end)
        assert patterns.matcher("*")("Team_" + "_" * 1_000_000 + end)


def data(*names: str) -> Right:
    return Right("R", "data", names)


def test_each_name_must_match() -> None:
    grants = Grants([Permission("read_data", ("Shops", "t*", "*")), Permission("read_data", ("Movies", "*", "1"))])
    assert grants.allow(data("Shops", "t1", "1"))
    assert grants.allow(data("Movies", "x", "1"))
    assert not grants.allow(data("Shops", "u1", "1"))
    assert not grants.allow(data("Shops", "*", "*")), "all tenants are more than those with t"
    assert not grants.allow(data("Movies", "*", "*"))
    assert not grants.allow(Right("U", "data", ("Shops", "t1", "1")))
    assert grants.touch("Shops") and not grants.touch("Books")


def test_managing_is_creating_reading_changing_and_deleting() -> None:
    grants = Grants([everything("manage_backups")])
    assert all(grants.allow(Right(verb, "backups", ("Movies",))) for verb in "CRUD")
    assert not grants.allow(Right("A", "backups", ("Movies",)))


def test_scopes_are_apart() -> None:
    grants = Grants([Permission("read_roles", ("*",), "match")])
    assert grants.allow(Right("R", "roles", ("r",), "match"))
    assert not grants.allow(Right("R", "roles", ("r",), "all"))


def test_permissions_that_are_held() -> None:
    grants = Grants([Permission("read_data", ("Mov*", "*", "*")), Permission("read_roles", ("*",), "all")])
    assert grants.hold(Permission("read_data", ("Movies", "t1", "*")))
    assert grants.hold(Permission("read_roles", ("r",), "match"))
    assert not grants.hold(Permission("read_data", ("*", "t1", "*")))
    assert not grants.hold(Permission("create_data", ("Movies", "t1", "*")))
    assert Grants([], "R").hold(Permission("read_data", ("*", "*", "*")))
    assert not Grants([], "R").hold(everything("manage_backups"))


def test_memory_of_answers_is_bounded() -> None:
    grants = Grants([everything("read_data")])
    for i in range(2_500):
        assert grants.allow(data("Shops", f"t{i}", "*"))
    assert len(grants._known) <= 1_000


def test_long_names_are_not_remembered_nor_quoted_whole() -> None:
    grants = Grants([everything("read_data")])
    right = Right("R", "data", ("Movies", "t" * 1_000_000, "line\nbreak"))
    assert grants.allow(right) and grants.touch("c" * 1_000_000)
    assert grants._known == {}
    assert len(str(right)) < 400 and "\n" not in str(right)


def test_every_action_has_a_domain() -> None:
    assert {everything(action).domain for action in ACTIONS} == set(DOMAINS)
