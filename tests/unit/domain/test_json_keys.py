from __future__ import annotations

from weft.domain.json_keys import ByName, Keys

_FILTER = Keys("operator", "path", recursive=("operands",))
_TENANCY = Keys("enabled", "autoTenantCreation")
_CLASS = Keys("class", "moduleConfig", multiTenancyConfig=_TENANCY, vectorConfig=ByName(Keys("vectorizer")))


def test_declared_keys_match_in_any_case() -> None:
    given = {"CLASS": "A", "MultiTenancyConfig": {"Enabled": True}}
    assert _CLASS.fold(given) == {"class": "A", "multiTenancyConfig": {"enabled": True}}


def test_the_caller_s_own_names_and_undeclared_keys_stay_as_they_are() -> None:
    given = {
        "vectorConfig": {"Title": {"VECTORIZER": {"None": {}}}},
        "moduleConfig": {"X": {"Y": 1}},
        "Other": {"Class": 1},
    }
    folded = {
        "vectorConfig": {"Title": {"vectorizer": {"None": {}}}},
        "moduleConfig": {"X": {"Y": 1}},
        "Other": {"Class": 1},
    }
    assert _CLASS.fold(given) == folded


def test_an_array_stands_for_its_objects_and_recursive_keys_for_the_same_ones() -> None:
    given = {"Operator": "And", "Operands": [{"PATH": ["a"]}, {"operands": [{"Path": ["b"]}]}]}
    assert _FILTER.fold(given) == {
        "operator": "And",
        "operands": [{"path": ["a"]}, {"operands": [{"path": ["b"]}]}],
    }


def test_of_a_key_given_twice_the_later_counts() -> None:
    assert _CLASS.fold({"class": "A", "Class": "B"}) == {"class": "B"}
    assert _CLASS.fold({"Class": "B", "class": "A"}) == {"class": "A"}
    assert _CLASS.fold({"multiTenancyConfig": {"enabled": True}, "MULTITENANCYCONFIG": None}) == {
        "multiTenancyConfig": None
    }


def test_declared_objects_given_twice_are_merged() -> None:
    given = {
        "multiTenancyConfig": {"enabled": True, "autoTenantCreation": True},
        "MultiTenancyConfig": {"ENABLED": False},
    }
    assert _CLASS.fold(given) == {"multiTenancyConfig": {"enabled": False, "autoTenantCreation": True}}


def test_objects_within_objects_given_twice_are_merged_and_named_ones_replaced() -> None:
    keys = Keys(inverted=Keys(bm25=Keys("b", "k1")), vectors=ByName(Keys("vectorizer", "index")), filter=_FILTER)
    given = {
        "inverted": {"bm25": {"b": 1, "k1": 2}},
        "vectors": {"a": {"vectorizer": 1, "index": 2}, "b": {"index": 3}},
        "filter": {"operator": "And", "operands": [{"path": ["a"]}]},
        "Inverted": {"BM25": {"B": 3}},
        "Vectors": {"a": {"INDEX": 4}},
        "Filter": {"operands": [{"path": ["b"]}]},
    }
    assert keys.fold(given) == {
        "inverted": {"bm25": {"b": 3, "k1": 2}},
        "vectors": {"a": {"index": 4}, "b": {"index": 3}},
        "filter": {"operator": "And", "operands": [{"path": ["b"]}]},
    }


def test_what_is_no_object_comes_back_as_it_is() -> None:
    plain = {"path": ["a"], "operator": "Equal"}
    assert _FILTER.fold(plain) is plain
    for value in (None, 7, "text", {1: 2}):
        assert _FILTER.fold(value) == value
    assert _CLASS.fold({"vectorConfig": 7, "multiTenancyConfig": "x"}) == {"vectorConfig": 7, "multiTenancyConfig": "x"}


def test_what_is_nested_beyond_reason_costs_no_recursion() -> None:
    nested: dict[str, object] = {"Operator": "Equal"}
    for _ in range(5_000):
        nested = {"Operands": [nested]}
    assert "operands" in _FILTER.fold(nested)


def test_arrays_in_arrays_beyond_reason_cost_no_recursion() -> None:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    assert _TENANCY.fold(deep) is not None
    assert _CLASS.fold({"MultiTenancyConfig": deep}).keys() == {"multiTenancyConfig"}
