"""kNN classification over the service: which label wins and how clearly, whatever runs beside it."""

from __future__ import annotations

from typing import Any

import pytest

from unit.service.classification.conftest import CALLER, Kitchen, key, uuid
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.jobs import JobStatus
from weft.domain.objects import Reference
from weft.engine.view import find_objects
from weft.service.classification import task
from weft.service.classification.knn import KnnLabels, half_cosine, winner

SWEET, SAVOURY = 1, 2


def only(*numbers: int) -> Any:
    return Condition(Operator.CONTAINS_ANY, PropertyTarget("n"), numbers)


@pytest.fixture
def labelled(kitchen: Kitchen) -> Kitchen:
    """East is sweet; north and south are savoury; the recipe to be labelled is in the east."""
    kitchen.recipe(10, [2, 0], SWEET)
    kitchen.recipe(11, [0, 1], SAVOURY)
    kitchen.recipe(12, [0, -1], SAVOURY)
    kitchen.recipe(20, [1, 0])
    return kitchen


def test_the_majority_of_the_nearest_decides(labelled: Kitchen) -> None:
    state = labelled.classify(settings={"k": 3})
    assert (state.record.status, state.succeeded, state.failed) == (JobStatus.SUCCESS, 1, 0)
    assert labelled.kind(20) == SAVOURY
    assert labelled.figures(20) == {
        "overallCount": 3,
        "winningCount": 2,
        "losingCount": 1,
        "closestOverallDistance": 0,
        "closestWinningDistance": 0.5,
        "meanWinningDistance": 0.5,
        "winningDistance": 0.5,
        "closestLosingDistance": 0,
        "meanLosingDistance": 0,
        "losingDistance": 0,
    }


def test_one_neighbour_decides_alone(labelled: Kitchen) -> None:
    labelled.classify(settings={"k": 1})
    assert labelled.kind(20) == SWEET
    assert "losingDistance" not in labelled.figures(20)
    assert labelled.figures(20)["overallCount"] == 1


def test_the_nearer_label_wins_a_tie(labelled: Kitchen) -> None:
    labelled.classify(settings={"k": 2})
    assert labelled.kind(20) == SWEET
    assert labelled.figures(20)["closestLosingDistance"] == 0.5


def test_three_neighbours_vote_where_the_settings_do_not_say(labelled: Kitchen) -> None:
    assert labelled.classify().asked.settings == {"k": 3}


def test_more_neighbours_than_there_are(labelled: Kitchen) -> None:
    labelled.classify(settings={"k": 1_000_000})
    assert labelled.figures(20)["overallCount"] == 3


def test_nothing_else_of_the_object_changes(labelled: Kitchen) -> None:
    before = labelled.get(20)
    state = labelled.classify(settings={"k": 1})
    after = labelled.get(20)
    assert after.properties == {**before.properties, "ofKind": [Reference("Kind", key(SWEET))]}
    assert after.vectors["default"].tolist() == [1, 0]
    assert after.created_ms == before.created_ms
    assert after.classified is not None
    assert (after.classified.id, after.classified.based_on) == (state.record.key, ("text",))
    assert after.classified.scope == after.classified.fields == ("ofKind",)
    assert labelled.get(10).classified is None


def test_filters_limit_what_is_labelled_and_what_votes(labelled: Kitchen) -> None:
    labelled.recipe(21, [1, 0])
    labelled.classify(settings={"k": 3}, source=only(21, 10), training=only(10))
    assert (labelled.kind(20), labelled.kind(21), labelled.kind(10)) == (None, SWEET, SWEET)


def test_a_label_of_each_property_and_none_for_half_labelled_objects(kitchen: Kitchen) -> None:
    other = [Reference("Other", key(3))]
    kitchen.recipe(10, [1, 0], SWEET, ofAny=other)
    kitchen.recipe(11, [1, 0], SAVOURY)
    kitchen.recipe(20, [1, 0])
    kitchen.classify(properties=("ofKind", "ofAny"))
    assert (kitchen.kind(20), kitchen.kind(20, "ofAny")) == (SWEET, 3)
    assert kitchen.get(20).properties["ofAny"][0].collection == "Other"
    assert kitchen.kind(11, "ofAny") is None


def test_without_a_training_set_nothing_is_set(kitchen: Kitchen) -> None:
    kitchen.recipe(20, [1, 0])
    state = kitchen.classify()
    assert (state.record.status, state.succeeded) == (JobStatus.SUCCESS, 1)
    classified = kitchen.get(20).classified
    assert classified is not None
    assert (classified.scope, classified.fields) == (("ofKind",), ())


def test_objects_that_cannot_be_classified_fail_and_the_others_do_not(labelled: Kitchen) -> None:
    labelled.recipe(21, None)
    state = labelled.classify(settings={"k": 1})
    assert (state.record.status, state.succeeded, state.failed) == (JobStatus.FAILED, 1, 1)
    assert state.record.error == f"classify Recipe/{uuid(21)}: it has no vector"
    assert labelled.kind(20) == SWEET


def test_a_training_object_with_two_labels_is_named(labelled: Kitchen) -> None:
    labelled.recipe(13, [1, 0], SWEET, SAVOURY)
    error = labelled.classify().record.error
    assert "a knn training data object needs to have exactly one label" in error
    assert uuid(13) in error


def test_nothing_to_classify_is_a_failure(kitchen: Kitchen) -> None:
    kitchen.recipe(10, [1, 0], SWEET)
    state = kitchen.classify()
    assert state.record.status is JobStatus.FAILED
    assert state.record.error.startswith("no classes to be classified")


def test_what_is_labelled_does_not_vote(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 is nearer to 10, and 21 to 11, but 20 is nearest to 21."""
    monkeypatch.setattr(task, "_OBJECTS_PER_WRITE", 1)
    kitchen.recipe(10, [1, 0], SWEET)
    kitchen.recipe(11, [-0.2, 1], SAVOURY)
    kitchen.recipe(20, [1, 0.9])
    kitchen.recipe(21, [0.7, 1])
    kitchen.classify(settings={"k": 1})
    assert (kitchen.kind(20), kitchen.kind(21)) == (SWEET, SAVOURY)


def test_other_writers_keep_what_they_wrote(labelled: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    """One recipe is labelled by hand, and one deleted, after the classification has chosen their labels."""
    labelled.recipe(21, [1, 0])
    labelled.recipe(22, [1, 0])
    choose = KnnLabels.of

    def intrude(labels: KnnLabels, vector: Any, text: str | None) -> Any:
        found = choose(labels, vector, text)
        if text == "recipe 22":
            labelled.service.references.relink("Recipe", uuid(20), "ofKind", [Reference("Kind", key(SAVOURY))], None)
            labelled.service.objects.delete("Recipe", uuid(21), None)
        return found

    monkeypatch.setattr(KnnLabels, "of", intrude)
    state = labelled.classify(settings={"k": 1})
    assert (state.record.status, state.succeeded, state.failed) == (JobStatus.SUCCESS, 2, 0)
    assert (labelled.kind(20), labelled.kind(22)) == (SAVOURY, SWEET)
    assert labelled.get(20).classified is None
    assert not labelled.service.objects.exists("Recipe", uuid(21), None)


def test_what_expires_meanwhile_is_not_labelled(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    kitchen.service.collections.create(
        {
            "class": "Meal",
            "vectorizer": "none",
            "properties": [
                {"name": "text", "dataType": ["text"]},
                {"name": "until", "dataType": ["date"]},
                {"name": "ofKind", "dataType": ["Kind"]},
            ],
            "objectTtlConfig": {"enabled": True, "deleteOn": "until", "filterExpiredObjects": True},
        }
    )
    kitchen.put("Meal", 30, [1, 0], text="dinner", ofKind=[Reference("Kind", key(SWEET))])
    kitchen.put("Meal", 31, [1, 0], text="lunch", until="2999-01-01T00:00:00Z")
    choose = KnnLabels.of

    def expire(labels: KnnLabels, vector: Any, text: str | None) -> Any:
        kitchen.put("Meal", 31, [1, 0], text="lunch", until="2000-01-01T00:00:00Z")
        return choose(labels, vector, text)

    monkeypatch.setattr(KnnLabels, "of", expire)
    state = kitchen.classify(collection="Meal")
    assert (state.record.status, state.succeeded, state.failed) == (JobStatus.SUCCESS, 0, 0)
    collections = kitchen.service.collections
    with collections.use(collections.open("Meal"), None) as part:
        (stored,) = find_objects(part.view(expired=True), [key(31)], vectors=False)
    assert stored is not None and not stored[1].properties.get("ofKind")


def test_a_collection_that_is_dropped_ends_the_run(labelled: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    choose = KnnLabels.of

    def drop(labels: KnnLabels, vector: Any, text: str | None) -> Any:
        labelled.service.collections.delete("Recipe")
        return choose(labels, vector, text)

    monkeypatch.setattr(KnnLabels, "of", drop)
    assert labelled.classify().record.status is JobStatus.FAILED


def test_a_merge_keeps_the_classification_and_a_replacement_ends_it(labelled: Kitchen) -> None:
    from weft.domain.objects import IncomingObject

    labelled.classify(settings={"k": 1})
    labelled.service.objects.merge(IncomingObject("Recipe", uuid(20), {"text": "other"}), CALLER)
    assert labelled.get(20).classified is not None
    assert labelled.figures(20)["winningCount"] == 1
    labelled.recipe(20, [1, 0], SWEET)
    assert labelled.get(20).classified is None
    assert labelled.get(20).properties["ofKind"][0].figures is None


def test_the_distance_is_half_of_the_cosine_distance() -> None:
    import numpy as np

    def far(one: list[float], other: list[float]) -> float:
        return half_cosine(np.array(one, np.float32), np.array(other, np.float32))

    assert [far([1, 0], [3, 0]), far([1, 0], [0, 2]), far([1, 0], [-1, 0]), far([1, 0], [0, 0])] == [0, 0.5, 1, 0.5]


def test_the_first_of_two_equally_good_labels_wins() -> None:
    one, other = Reference("Kind", key(1)), Reference("Kind", key(2))
    label, figures = winner([(other, 0.25), (one, 0.25), (one, 0.75), (other, 0.75)])
    assert label == other
    assert (figures["meanWinningDistance"], figures["meanLosingDistance"]) == (0.5, 0.5)
