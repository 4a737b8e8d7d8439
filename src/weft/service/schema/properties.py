"""Properties of a document, nested ones included: their defaults and their validation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from weft.domain import json_fields
from weft.domain.errors import Invalid
from weft.domain.json_fields import shorten
from weft.domain.names import collection_name, property_name
from weft.domain.schema import DataType, Tokenization
from weft.engine.text import segmenters
from weft.service.schema.documents import Document, Stated
from weft.service.schema.keys import ANALYZER, property_keys

Exists = Callable[[str], bool]

MAX_PROPERTIES = 10_000
"""Of one collection, nested ones included."""
MAX_NESTING = 32
BUILT_IN_STOPWORDS = ("en", "none")

_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,230}")
_NESTED_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,1000}")
CLASS_NAME = re.compile(r"[A-Z][_0-9A-Za-z]{0,254}")
_RESERVED = ("_additional", "_id", "id")
_RESERVED_SUFFIXES = ("_searchable", "_rangeable", "_temp", "__meta_count", "_propertyLength", "_nullState")
_DEPRECATED = {"string": "text", "string[]": "text[]"}
_OBJECTS = (DataType.OBJECT, DataType.OBJECT_ARRAY)
_TEXTS = (DataType.TEXT, DataType.TEXT_ARRAY)
_RANGES = (DataType.INT, DataType.NUMBER, DataType.DATE)
_NOT_NESTED = (DataType.GEO, DataType.PHONE, DataType.REFERENCE)


class PropertyDefaults(Protocol):
    """``moduleConfig`` entries of a property of a data type, by module."""

    def __call__(self, data_type: str) -> Mapping[str, Stated]: ...


def data_type_of(property: Stated, where: str) -> DataType:
    """The data type of a property's document; any list of capitalised names is a reference."""
    names = json_fields.strings(property, "dataType", where)
    if not names:
        raise Invalid(f"{where}: dataType must have at least one element")
    if len(names) == 1 and names[0] != DataType.REFERENCE and names[0] in DataType._value2member_map_:
        return DataType(names[0])
    if len(names) == 1 and names[0] != collection_name(names[0]):
        raise Invalid(f"{where}: unknown primitive data type '{shorten(names[0])}'")
    if "" in names:
        raise Invalid(f"{where}: invalid dataType: [{shorten(' '.join(names))}]: dataType cannot be an empty string")
    for name in names:
        if not CLASS_NAME.fullmatch(name):
            raise Invalid(f"{where}: invalid dataType: '{shorten(name)}' is not a valid class name")
    return DataType.REFERENCE


# -- defaults


def complete(given: Stated, modules: PropertyDefaults, tokenization: str) -> Document:
    """A property's document with every default filled in; ``tokenization`` is that of texts which name none."""
    name = json_fields.string(given, "name", "property")
    if not name:
        raise Invalid("property must contain name")
    where = f"property '{shorten(name)}'"
    done = _completed(given, where, tokenization, nested=False)
    done["name"] = property_name(name)
    own = json_fields.object_(given, "moduleConfig", where) or {}
    config: Document = dict(own)
    for module, defaults in modules(done["dataType"][0]).items():
        mine = own.get(module) or {}
        if not isinstance(mine, Mapping):
            raise Invalid(f"{where}: vectorizer config for vectorizer {module!r} must be an object")
        config[module] = {**defaults, **mine}
    done.pop("moduleConfig", None)
    if config:
        done["moduleConfig"] = config
    return done


def _completed(given: Stated, where: str, tokenization: str, *, nested: bool, depth: int = 0) -> Document:
    if depth > MAX_NESTING:
        raise Invalid(f"{where}: properties are nested deeper than {MAX_NESTING} levels; flatten them")
    done = property_keys(given, nested=nested)
    tokenized = json_fields.string(given, "tokenization", where) or None
    inverted = json_fields.boolean(given, "indexInverted", where)
    searchable = json_fields.boolean(given, "indexSearchable", where)
    filterable = json_fields.boolean(given, "indexFilterable", where)
    ranges = json_fields.boolean(given, "indexRangeFilters", where)
    if inverted is not None and not (searchable is None and filterable is None and ranges is None):
        raise Invalid(
            f"{where}: `indexInverted` is deprecated and can not be set together with `indexFilterable`, "
            "`indexSearchable` or `indexRangeFilters`"
        )
    done.pop("indexInverted", None)
    names = json_fields.strings(given, "dataType", where)
    if names and len(names) == 1 and names[0] in _DEPRECATED and not nested:
        done["dataType"] = [_DEPRECATED[names[0]]]
        if tokenized not in (None, "word", "field"):
            raise Invalid(f"{where}: tokenization '{shorten(tokenized)}' is not allowed for data type '{names[0]}'")
        tokenized = "field" if tokenized == "field" else "whitespace"
    data_type = data_type_of(done, where)
    is_text = data_type in _TEXTS
    is_blob = nested and data_type is DataType.BLOB
    done["indexFilterable"] = _first(filterable, inverted, not is_blob)
    done["indexSearchable"] = _first(searchable, inverted if is_text else None, is_text)
    done["indexRangeFilters"] = _first(ranges, False)
    done.pop("tokenization", None)
    if tokenized is not None or is_text:
        done["tokenization"] = tokenized or tokenization
    if not json_fields.string(given, "description", where):
        done.pop("description", None)
    _complete_analyzer(done, where)
    children = json_fields.objects(given, "nestedProperties", where)
    done.pop("nestedProperties", None)
    if children:
        done["nestedProperties"] = [
            _completed(
                child,
                _inside(where, json_fields.string(child, "name", where)),
                tokenization,
                nested=True,
                depth=depth + 1,
            )
            for child in children
        ]
    return done


def _complete_analyzer(done: Document, where: str) -> None:
    """An analyzer without any option is removed."""
    analyzer = json_fields.object_(done, "textAnalyzer", where) or {}
    json_fields.boolean(analyzer, "asciiFold", where)
    json_fields.strings(analyzer, "asciiFoldIgnore", where)
    json_fields.string(analyzer, "stopwordPreset", where)
    done.pop("textAnalyzer", None)
    kept = {key: value for key, value in ANALYZER.declared(analyzer).items() if value}
    if kept:
        done["textAnalyzer"] = kept


def _first(*values: bool | None) -> bool:
    return next(value for value in values if value is not None)


def _inside(where: str, name: object) -> str:
    """``property 'a'`` and b: ``property 'a.b'``."""
    return f"{where[:-1]}.{shorten(name or '')}'"


# -- refusals


def validate(property: Stated, presets: Collection[str], *, exists: Exists | None = None, own: str = "") -> None:
    """Raises Invalid for a completed property that the collection ``own`` may not have.

    ``presets``: the collection's own stop-word presets. ``exists``: whether a collection exists; None lets references
    point to collections that do not exist yet.
    """
    name = property["name"]
    if len(name) > 231:
        raise Invalid(f"'{shorten(name)}' is not a valid property name. Name should not be longer than 231 characters")
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"'{shorten(name)}' is not a valid property name; it starts with a letter or underscore and continues "
            "with letters, digits and underscores"
        )
    if name in _RESERVED:
        raise Invalid(f"'{name}' is a reserved property name")
    for suffix in _RESERVED_SUFFIXES:
        if name.endswith(suffix):
            raise Invalid(f"'{name}' is not a valid property name: suffix '{suffix}' is reserved for internal indices")
    where = f"property '{name}'"
    data_type = data_type_of(property, where)
    if data_type is DataType.REFERENCE and exists is not None:
        for target in property["dataType"]:
            if target != own and not exists(target):
                raise Invalid(f"{where}: reference property to nonexistent class '{target}'; create that class first")
    _validate_one(property, data_type, where, presets, nested=False)


def count(properties: Collection[Stated]) -> int:
    """How many properties there are, nested ones included."""
    return sum(1 + count(property.get("nestedProperties", ())) for property in properties)


def _validate_one(property: Stated, data_type: DataType, where: str, presets: Collection[str], *, nested: bool) -> None:
    children = property.get("nestedProperties", [])
    if data_type in _OBJECTS and not children:
        raise Invalid(f"{where}: At least one nested property is required for data type object/object[]")
    if data_type not in _OBJECTS and children:
        raise Invalid(f"{where}: nestedProperties not allowed for data types other than object/object[]")
    _validate_tokenization(property, data_type, where, nested=nested)
    _validate_analyzer(property, data_type, where, presets)
    if property["indexSearchable"] and data_type not in _TEXTS:
        raise Invalid(
            f"{where}: `indexSearchable` is allowed only for text/text[] data types. "
            "For other data types set false or leave empty"
        )
    if property["indexRangeFilters"] and data_type not in _RANGES:
        raise Invalid(
            f"{where}: `indexRangeFilters` is allowed only for number/int/date data types. "
            "For other data types set false or leave empty"
        )
    seen: set[str] = set()
    for child in children:
        _validate_nested(child, where, presets, seen)


def _validate_nested(child: Stated, parent: str, presets: Collection[str], seen: set[str]) -> None:
    name = json_fields.string(child, "name", parent) or ""
    if not _NESTED_NAME.fullmatch(name):
        raise Invalid(f"'{shorten(name)}' is not a valid nested property name of {parent}")
    where = _inside(parent, name)
    if name.lower() in seen:
        raise Invalid(f"{where}: conflict: already in use or provided multiple times")
    seen.add(name.lower())
    data_type = data_type_of(child, where)
    if data_type in _NOT_NESTED:
        stated = "reference" if data_type is DataType.REFERENCE else data_type.value
        raise Invalid(f"{where}: data type '{stated}' not allowed as nested property")
    if data_type is DataType.BLOB and child["indexFilterable"]:
        raise Invalid(f"{where}: indexFilterable is not allowed for blob data type")
    _validate_one(child, data_type, where, presets, nested=True)


def _validate_tokenization(property: Stated, data_type: DataType, where: str, *, nested: bool) -> None:
    tokenization = property.get("tokenization")
    if data_type not in _TEXTS:
        if tokenization is not None:
            stated = "reference" if data_type is DataType.REFERENCE else data_type.value
            owner = f"{where}: " if nested else ""  # Weaviate's message, which its clients compare
            raise Invalid(f"{owner}tokenization is not allowed for data type '{stated}'")
        return
    refused = nested and tokenization == Tokenization.TRIGRAM
    if refused or tokenization not in Tokenization._value2member_map_:
        raise Invalid(
            f"{where}: tokenization '{shorten(tokenization)}' is not allowed for data type '{data_type.value}'"
        )
    advice = segmenters.missing(Tokenization(str(tokenization)))
    if advice is not None:
        raise Invalid(f"{where}: {advice}")


def _validate_analyzer(property: Stated, data_type: DataType, where: str, presets: Collection[str]) -> None:
    analyzer = property.get("textAnalyzer")
    if analyzer is None:
        return
    if data_type not in _TEXTS:
        raise Invalid(f"{where}: processing options are only allowed for text and text[] data types")
    if not property["indexSearchable"] and not property["indexFilterable"]:
        raise Invalid(f"{where}: processing options are only allowed for properties with an inverted index")
    ignored = analyzer.get("asciiFoldIgnore", [])
    if ignored and not analyzer.get("asciiFold"):
        raise Invalid(f"{where}: asciiFoldIgnore requires asciiFold to be enabled")
    for entry in ignored:
        if len(unicodedata.normalize("NFC", entry)) != 1:
            raise Invalid(f"{where}: each asciiFoldIgnore entry must be a single character, got {shorten(entry)!r}")
    preset = analyzer.get("stopwordPreset")
    if preset is None:
        return
    if property["tokenization"] != Tokenization.WORD:
        raise Invalid(
            f'{where}: stopwordPreset is only supported with tokenization "word", got "{property["tokenization"]}"'
        )
    if preset not in BUILT_IN_STOPWORDS and preset not in presets:
        raise Invalid(
            f"{where}: unknown stopword preset {shorten(preset)!r}; must be a built-in preset ('en', 'none') or "
            "defined in invertedIndexConfig.stopwordPresets"
        )
