"""Planning: what a request for an index means for a property as it is, and which requests are refused.

A request states what an index should be like; the plan says what is missing for that. Rules, their order and the
refusals are Weaviate's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from weft.domain.errors import CallerError, Conflict
from weft.domain.schema import Tokenization
from weft.service.indexes.migration import IndexName, Migration, MigrationType
from weft.service.schema.documents import Stated

_TEXTS = ("text", "text[]")
_RANGES = ("int", "number", "date")
_UNFILTERABLE = ("blob", "geoCoordinates", "phoneNumber")
_OBJECTS = ("object", "object[]")
_BLOCKMAX = ("blockmax", "blockmaxwand", "bmw")


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A migration of the property that has begun and not ended."""

    id: str
    migration: Migration


@dataclass(frozen=True, slots=True)
class Joined:
    """What is asked for is under way."""

    id: str


Plan: TypeAlias = Migration | Joined | None
"""None: the index is as it should be."""


def plan(property: Stated, index: IndexName, tokenization: str, algorithm: str, under_way: UnderWay | None) -> Plan:
    """``tokenization`` and ``algorithm`` are empty where they are not stated. Raises CallerError, Conflict."""
    tokenization, algorithm = tokenization.strip(), algorithm.strip()
    running = under_way if under_way is not None and index in under_way.migration.type.indexes else None
    match index:
        case IndexName.SEARCHABLE:
            return _searchable(property, tokenization, algorithm, running)
        case IndexName.FILTERABLE:
            return _filterable(property, tokenization, algorithm, running)
        case IndexName.RANGE_FILTERS:
            return _ranges(property, tokenization, algorithm, running)


def plan_rebuild(property: Stated, index: IndexName) -> Migration:
    """Raises CallerError when there is nothing to rebuild."""
    name = property["name"]
    match index:
        case IndexName.SEARCHABLE:
            if not is_on(property, index):
                raise _no_searchable(name)
            return Migration(MigrationType.REBUILD_SEARCHABLE, name)
        case IndexName.FILTERABLE:
            if not is_on(property, index):
                raise CallerError(f'property "{name}" does not have a filterable index')
            return Migration(MigrationType.REBUILD_FILTERABLE, name)
        case IndexName.RANGE_FILTERS:
            _check_range(property)
            if not property["indexRangeFilters"]:
                raise CallerError(
                    f'property "{name}" does not have a rangeable index to rebuild; use enable to create one'
                )
            return Migration(MigrationType.REBUILD_RANGES, name)


def is_on(property: Stated, index: IndexName) -> bool:
    """Whether the property has an index that can be changed or rebuilt."""
    kind = _kind(property)
    if index is IndexName.FILTERABLE and (kind in (*_UNFILTERABLE, *_OBJECTS) or _is_reference(property)):
        return False
    return bool(property[index.flag])


def is_range(property: Stated) -> bool:
    """Whether the property may have an index of ranges."""
    return _kind(property) in _RANGES


def _searchable(property: Stated, tokenization: str, algorithm: str, running: UnderWay | None) -> Plan:
    if tokenization and algorithm:
        raise CallerError(
            "at most one configuration change per request: set either tokenization or algorithm, not both — "
            "issue two requests"
        )
    if algorithm:
        _check_algorithm(algorithm)
    exists = is_on(property, IndexName.SEARCHABLE)
    if running is not None and (algorithm or tokenization):
        type = running.migration.type
        if algorithm:
            converges = type is MigrationType.REBUILD_SEARCHABLE
        else:
            brings = (MigrationType.CHANGE_TOKENIZATION, MigrationType.ENABLE_SEARCHABLE)
            converges = type in brings and running.migration.tokenization == tokenization
        if not converges:
            raise _other_target(running, "searchable")
        return None if algorithm and exists else Joined(running.id)
    name = property["name"]
    if algorithm:
        if not exists:
            raise _no_searchable(name)
        return None
    if exists:
        if tokenization in ("", property["tokenization"]):
            return None
        _check_tokenization(tokenization)
        return _retokenizing(MigrationType.CHANGE_TOKENIZATION, property, tokenization)
    _check_text(property)
    if not tokenization:
        raise CallerError("enable-searchable requires a tokenization to be set on the request body")
    _check_tokenization(tokenization)
    current = property["tokenization"]
    if property["indexFilterable"] and current != tokenization:
        raise CallerError(
            f'property "{name}" has an existing filterable index built with tokenization "{current}"; enabling '
            f'searchable with tokenization "{tokenization}" would silently desynchronize the filterable index. '
            "Retokenize the filterable index first or use the matching tokenization"
        )
    return _retokenizing(MigrationType.ENABLE_SEARCHABLE, property, tokenization)


def _filterable(property: Stated, tokenization: str, algorithm: str, running: UnderWay | None) -> Plan:
    if algorithm:
        raise CallerError("the algorithm field is only valid for a searchable index")
    name, kind, current = property["name"], _kind(property), property.get("tokenization", "")
    if running is not None:
        if running.migration.type is MigrationType.ENABLE_FILTERABLE:
            converges = tokenization in ("", current)
        else:
            retokenizes = running.migration.type.retokenizes
            converges = retokenizes and bool(tokenization) and running.migration.tokenization == tokenization
        if converges:
            return Joined(running.id)
        if tokenization:
            raise _other_target(running, "filterable")
    if not is_on(property, IndexName.FILTERABLE):
        if property["indexFilterable"]:
            raise CallerError(f'property "{name}" already has a filterable index')
        if _is_reference(property) or kind in _OBJECTS:
            types = " ".join(property["dataType"])
            raise CallerError(f'property "{name}" type [{types}] does not support a filterable index')
        if kind in _UNFILTERABLE:
            raise CallerError(f'property "{name}" type "{kind}" does not support a filterable index')
        if tokenization not in ("", current):
            raise CallerError(
                f'cannot create a filterable index for property "{name}" with tokenization "{tokenization}": it must '
                f'match the property\'s current tokenization "{current}" — retokenize after creation to change it'
            )
        return Migration(MigrationType.ENABLE_FILTERABLE, name)
    if tokenization in ("", current):
        return None
    if kind not in _TEXTS:
        raise CallerError(
            f'property "{name}" is not a text type; filterable.tokenization only applies to text / text[]'
        )
    _check_tokenization(tokenization)
    return _retokenizing(MigrationType.CHANGE_TOKENIZATION_FILTERABLE, property, tokenization)


def _ranges(property: Stated, tokenization: str, algorithm: str, running: UnderWay | None) -> Plan:
    if tokenization or algorithm:
        raise CallerError("the rangeFilters index takes no configuration fields; send an empty body {}")
    if property["indexRangeFilters"]:
        return None
    if running is not None:
        return Joined(running.id)
    _check_range(property)
    return Migration(MigrationType.ENABLE_RANGES, property["name"])


def _retokenizing(type: MigrationType, property: Stated, tokenization: str) -> Migration:
    return Migration(type, property["name"], tokenization, property["tokenization"])


def _check_algorithm(given: str) -> None:
    """Every searchable index of Weft is of the one kind that can be asked for."""
    known = given.lower().replace("-", "").replace("_", "")
    if known == "wand":
        raise CallerError('algorithm "wand" is deprecated; only "blockmax" is accepted as a target')
    if known not in _BLOCKMAX:
        raise CallerError(f'unsupported algorithm "{given[:40]}"; only "blockmax" is accepted (WAND is deprecated)')


def _check_tokenization(given: str) -> None:
    if given not in Tokenization._value2member_map_:
        raise CallerError(f'invalid tokenization "{given[:40]}"')


def _check_text(property: Stated) -> None:
    if _kind(property) not in _TEXTS:
        raise CallerError(f'property "{property["name"]}" is not a text type')


def _check_range(property: Stated) -> None:
    if not is_range(property):
        raise CallerError(f'property "{property["name"]}" is not a numeric type (int, number, date)')


def _no_searchable(name: str) -> CallerError:
    return CallerError(
        f'property "{name}" has no searchable index; PUT /v1/schema/{{className}}/properties/{name}/index/searchable '
        "with a tokenization to add one first"
    )


def _other_target(running: UnderWay, index: str) -> Conflict:
    return Conflict(
        f'reindex task "{running.id}" is already migrating {index} property "{running.migration.property}" to a '
        "different target; wait for it to finish or cancel it before requesting a different change",
        id=running.id,
    )


def _kind(property: Stated) -> str:
    return str(property["dataType"][0])


def _is_reference(property: Stated) -> bool:
    return _kind(property)[:1].isupper()
