"""Zero-shot classification over the service: the nearest object that a property may point to."""

from __future__ import annotations

from typing import Any

from unit.service.classification.conftest import Kitchen
from weft.domain.filters import Condition, Operator, PropertyTarget
from weft.domain.jobs import JobStatus

SWEET, SAVOURY, BITTER = 1, 2, 3


def classify(kitchen: Kitchen, **given: Any) -> None:
    state = kitchen.classify(kind="zeroshot", **given)
    assert (state.record.status, state.failed) == (JobStatus.SUCCESS, 0)


def test_the_nearest_target_is_the_label(kitchen: Kitchen) -> None:
    kitchen.recipe(20, [3, 1])
    kitchen.recipe(21, [1, 3])
    classify(kitchen)
    assert (kitchen.kind(20), kitchen.kind(21)) == (SWEET, SAVOURY)
    assert kitchen.figures(20) == {}


def test_each_property_has_its_own_targets(kitchen: Kitchen) -> None:
    """ofAny points to the nearest object of two collections, ofKind to one of its only one."""
    kitchen.recipe(20, [-1, 0.5])
    kitchen.recipe(21, [1, 0.5])
    classify(kitchen, properties=("ofKind", "ofAny"))
    assert (kitchen.kind(20), kitchen.kind(20, "ofAny")) == (SAVOURY, BITTER)
    assert (kitchen.kind(21), kitchen.kind(21, "ofAny")) == (SWEET, SWEET)
    classified = kitchen.get(20).classified
    assert classified is not None
    assert classified.fields == ("ofKind", "ofAny")


def test_filters_limit_the_targets(kitchen: Kitchen) -> None:
    kitchen.recipe(20, [1, 0])
    classify(kitchen, target=Condition(Operator.EQUAL, PropertyTarget("text"), "savoury"))
    assert kitchen.kind(20) == SAVOURY


def test_without_targets_nothing_is_set(kitchen: Kitchen) -> None:
    kitchen.recipe(20, [1, 0])
    classify(kitchen, target=Condition(Operator.EQUAL, PropertyTarget("text"), "unheard of"))
    assert kitchen.kind(20) is None


def test_targets_of_other_dimensions_fail(kitchen: Kitchen) -> None:
    kitchen.recipe(20, [1, 0, 0])
    state = kitchen.classify(kind="zeroshot")
    assert (state.record.status, state.failed) == (JobStatus.FAILED, 1)
    assert "its vector has 3 dimensions, those of class Kind have 2" in state.record.error
