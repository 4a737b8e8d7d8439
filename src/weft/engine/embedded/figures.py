"""Aggregated figures of a shard's objects, from the columns of its filter index; for texts, from the objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from weft.domain import instants
from weft.domain.aggregate import (
    AGGREGATED_TYPES,
    AggregatedGroup,
    AggregateMetric,
    PropertyAggregation,
    PropertyFigures,
)
from weft.domain.beacon import format_beacon
from weft.domain.deadline import checked
from weft.domain.objects import Value
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.engine.embedded.index.filter import aggregate as figures
from weft.engine.embedded.index.filter.index import FilterIndex
from weft.engine.results import DocIds

Read: TypeAlias = Callable[[DocIds, str], list[Value]]
"""``(doc_ids, property)`` → one value each, None where absent."""


def aggregate(
    config: CollectionConfig,
    filters: FilterIndex,
    read: Read,
    doc_ids: DocIds,
    properties: Sequence[PropertyAggregation],
    group_by: str | None,
    groups: int,
) -> list[AggregatedGroup]:
    """See ``View.aggregate``; ``doc_ids (n,)`` are ascending."""

    def over(some: DocIds) -> tuple[PropertyFigures, ...]:
        return tuple(_figures(filters, read, one, config.by_name[one.property], some) for one in checked(properties))

    if group_by is None:
        return [AggregatedGroup(None, len(doc_ids), over(doc_ids))]
    found = _grouped(filters, read, config.by_name[group_by], doc_ids, groups)
    return [AggregatedGroup(group.value, group.count, over(group.doc_ids)) for group in checked(found)]


def _figures(
    filters: FilterIndex, read: Read, asked: PropertyAggregation, known: Property, doc_ids: DocIds
) -> PropertyFigures:
    values = _all(filters, read, asked, known, doc_ids)
    values[AggregateMetric.TYPE] = known.data_type.value
    chosen = {metric: values[metric] for metric in asked.metrics if values.get(metric) is not None}
    return PropertyFigures(asked.property, AGGREGATED_TYPES[known.data_type.element], chosen)


def _all(
    filters: FilterIndex, read: Read, asked: PropertyAggregation, known: Property, doc_ids: DocIds
) -> dict[AggregateMetric, Value]:
    """Every figure of one property."""
    if known.data_type.element in (DataType.TEXT, DataType.UUID):
        texts = figures.texts(read(doc_ids, asked.property), asked.top_occurrences)
        return {AggregateMetric.COUNT: texts.count, AggregateMetric.TOP_OCCURRENCES: list(texts.top)}
    if known.data_type is DataType.REFERENCE:
        only = known.target_collections[0] if len(known.target_collections) == 1 else ""
        references = figures.references(read(doc_ids, asked.property), only)
        return {AggregateMetric.COUNT: references.count, AggregateMetric.POINTING_TO: list(references.pointing_to)}
    gathered = filters.gather(asked.property, doc_ids)
    assert gathered is not None, "numbers, booleans and dates have columns"
    values = gathered.values
    match known.data_type.element:
        case DataType.BOOLEAN:
            booleans = figures.booleans(values)
            return {
                AggregateMetric.COUNT: booleans.count,
                AggregateMetric.TOTAL_TRUE: booleans.total_true,
                AggregateMetric.TOTAL_FALSE: booleans.total_false,
                AggregateMetric.PERCENTAGE_TRUE: booleans.percentage_true,
                AggregateMetric.PERCENTAGE_FALSE: booleans.percentage_false,
            }
        case DataType.DATE:
            exact = instants.are_exact(values)
            dates = figures.dates(values) if exact else figures.exact_dates(read(doc_ids, asked.property))
            return {
                AggregateMetric.COUNT: dates.count,
                AggregateMetric.MEDIAN: dates.median,
                AggregateMetric.MODE: dates.mode,
                AggregateMetric.MINIMUM: dates.minimum,
                AggregateMetric.MAXIMUM: dates.maximum,
            }
        case _:
            numbers = figures.numbers(values)
            return {
                AggregateMetric.COUNT: numbers.count,
                AggregateMetric.MEAN: numbers.mean,
                AggregateMetric.MEDIAN: numbers.median,
                AggregateMetric.MODE: numbers.mode,
                AggregateMetric.SUM: numbers.sum,
                AggregateMetric.MINIMUM: numbers.minimum,
                AggregateMetric.MAXIMUM: numbers.maximum,
            }


def _grouped(
    filters: FilterIndex, read: Read, known: Property, doc_ids: DocIds, groups: int
) -> list[figures.ValueGroup]:
    if known.data_type.element is not DataType.DATE:  # whose columns lack the stored text
        gathered = filters.gather(known.name, doc_ids)
        if gathered is not None:
            return figures.groups(gathered, doc_ids, groups)
    values = read(doc_ids, known.name)
    if known.data_type is DataType.REFERENCE:
        values = [[format_beacon(one.collection, one.uuid) for one in references or ()] for references in values]
    return figures.groups_of_texts(values, doc_ids, groups)
