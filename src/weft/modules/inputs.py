"""From the properties of an object to the input of a vectorizer.

Text vectorizers (``text2…``) get one text: the collection's name when ``vectorizeClassName``, then the properties in
alphabetical order, joined by blanks. Without source properties these are the text and text[] ones that are not
``skip``; with source properties exactly those, including numbers, booleans, dates and objects. An object whose text is
empty gets no vector; one without any such property is embedded by its collection's name, unless source properties were
given.

Multimodal vectorizers (``multi2…``, ``img2…``) get the properties named in ``textFields``, ``imageFields`` and so on,
in alphabetical order, each text and each medium separately. Of a medium of which only the hash is stored (``blobHash``)
there is nothing to embed any more.

Source: Weaviate's documentation of vectorizer configuration, and the behaviour of its server.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from itertools import groupby
from typing import Any

from weft.domain import json_text
from weft.domain.blob_hash import hash_of, is_hash
from weft.domain.objects import GeoPoint, PhoneNumber, Properties, Value
from weft.domain.query import MediaKind
from weft.domain.schema import CollectionConfig, DataType, Property, VectorConfig
from weft.modules.base import TEXT, InputKind, Media, ModuleConfig, ModuleInput

_TEXT_TYPES = frozenset({DataType.TEXT, DataType.TEXT_ARRAY})
_SOURCE_TYPES = _TEXT_TYPES | {
    DataType.INT,
    DataType.INT_ARRAY,
    DataType.NUMBER,
    DataType.NUMBER_ARRAY,
    DataType.BOOLEAN,
    DataType.BOOLEAN_ARRAY,
    DataType.DATE,
    DataType.DATE_ARRAY,
    DataType.OBJECT,
    DataType.OBJECT_ARRAY,
}
_OF_OBJECTS = frozenset(
    {"properties", "vectorizeClassName", "weights", *(f"{kind}Fields" for kind in (TEXT, *MediaKind))}
)
_ALL_KINDS: frozenset[InputKind] = frozenset({TEXT, *MediaKind})


def object_input(
    config: CollectionConfig,
    vector: VectorConfig,
    properties: Properties,
    kinds: Collection[InputKind] = _ALL_KINDS,
) -> ModuleInput:
    """The input of ``vector``'s module from ``properties``; media only of the module's ``kinds``."""
    if is_multimodal(vector):
        gone = [name for name, value in _hashable(config, properties) if is_hash(value)]
        left = {name: value for name, value in properties.items() if name not in gone} if gone else properties
        return _multimodal_input(config, vector.settings, left, kinds)
    text = object_text(config, vector, properties)
    return ModuleInput(texts=(text,) if text else ())


def vectorised_alike(config: CollectionConfig, vector: VectorConfig, old: Properties, new: Properties) -> bool:
    """Whether both sets of properties yield the same input for ``vector``'s module, so the old vector can be kept."""
    if not is_multimodal(vector):
        return object_text(config, vector, old) == object_text(config, vector, new)
    before, after = (_multimodal_input(config, vector.settings, _hashed(config, one), _ALL_KINDS) for one in (old, new))
    return before == after


def _hashable(config: CollectionConfig, properties: Properties) -> list[tuple[str, str]]:
    """The values of the type ``blobHash``: hashes where they are stored, and media where they are sent."""
    return [
        (one.name, value)
        for one in config.properties
        if one.data_type is DataType.BLOB_HASH and isinstance(value := properties.get(one.name), str)
    ]


def _hashed(config: CollectionConfig, properties: Properties) -> Properties:
    sent = {name: hash_of(value) for name, value in _hashable(config, properties) if not is_hash(value)}
    return {**properties, **sent} if sent else properties


def is_multimodal(vector: VectorConfig) -> bool:
    return not vector.vectorizer.startswith("text2")


def object_text(config: CollectionConfig, vector: VectorConfig, properties: Properties) -> str:
    """The one text of an object for a text vectorizer; empty: the object gets no vector."""
    parts = [separate_camel_case(config.name)] if setting(vector.settings, "vectorizeClassName", True) else []
    for prop in embedded_properties(config, vector):
        value = properties.get(prop.name)
        if value is None:
            continue
        named = prop.module_config.get(vector.vectorizer, {}).get("vectorizePropertyName") is True
        prefix = separate_camel_case(prop.name) + " " if named else ""
        parts.extend(prefix + text for text in _texts_of(value, prop.data_type))
    if not parts and not vector.source_properties:
        parts = [separate_camel_case(config.name)]
    return " ".join(parts)


def embedded_properties(config: CollectionConfig, vector: VectorConfig) -> list[Property]:
    """The properties that a text vectorizer reads, in alphabetical order."""
    sources = vector.source_properties
    if sources:
        chosen = [p for p in config.properties if p.name in sources and p.data_type in _SOURCE_TYPES]
    else:
        chosen = [
            p
            for p in config.properties
            if p.data_type in _TEXT_TYPES and p.module_config.get(vector.vectorizer, {}).get("skip") is not True
        ]
    return sorted(chosen, key=lambda p: p.name)


def setting(settings: ModuleConfig, name: str, default: bool) -> bool:
    """A boolean setting; anything else counts as not given."""
    value = settings.get(name)
    return value if isinstance(value, bool) else default


def query_settings(settings: ModuleConfig) -> ModuleConfig:
    """The ``settings`` that a query's vector depends on: without those that choose which properties are embedded."""
    return {name: value for name, value in settings.items() if name not in _OF_OBJECTS}


def separate_camel_case(name: str) -> str:
    """``PDFLoader2`` → ``PDF Loader 2``: runs of one class of characters; the last capital goes with what follows."""
    runs = ["".join(run) for _, run in groupby(name, key=_letter_class)]
    for i in range(len(runs) - 1):
        if runs[i][0].isupper() and runs[i + 1][0].islower():
            runs[i], runs[i + 1] = runs[i][:-1], runs[i][-1] + runs[i + 1]
    return " ".join(run for run in runs if run and run != " ")


def _letter_class(letter: str) -> int:
    if letter.islower():
        return 1
    if letter.isupper():
        return 2
    return 3 if letter.isdigit() else 4


def _texts_of(value: Value, data_type: DataType) -> list[str]:
    if data_type is DataType.OBJECT:
        return [as_json(value)]
    if data_type is DataType.OBJECT_ARRAY:
        return [as_json(value)] if value else []
    return [scalar_text(one) for one in (value if data_type.is_array else (value,))]


def scalar_text(value: Value) -> str:
    """A text, number, boolean, date or uuid as plain text: ``true``, ``7``, ``7.5``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and abs(value) < 1e15 and value.is_integer():
        return str(int(value))
    return str(value)


def as_json(value: Value) -> str:
    """Compact JSON with sorted keys."""
    return json_text.dumps(_plain(value), sort_keys=True).decode()


def _plain(value: Any) -> Any:
    """With geo coordinates and phone numbers as objects of what they have."""
    match value:
        case dict():
            return {key: _plain(one) for key, one in value.items()}
        case list():
            return [_plain(one) for one in value]
        case GeoPoint() | PhoneNumber():
            return {key: one for key, one in asdict(value).items() if one not in ("", None)}
        case _:
            return value


def _multimodal_input(
    config: CollectionConfig, settings: ModuleConfig, properties: Properties, kinds: Collection[InputKind]
) -> ModuleInput:
    texts: list[str] = []
    media: list[Media] = []
    weights: list[float] = []
    given = _weights(settings)
    for name in _present(config.by_name, fields_of(settings, TEXT), properties):
        value = properties[name]
        found = value if isinstance(value, list) else [value]
        texts.extend(found)
        weights.extend([given.get((TEXT, name), 0.0)] * len(found))
    for kind in MediaKind:
        if kind in kinds:
            for name in _present(config.by_name, fields_of(settings, kind), properties):
                media.append(Media(kind, properties[name]))
                weights.append(given.get((kind, name), 0.0))
    return ModuleInput(tuple(texts), tuple(media), tuple(weights) if given else ())


def _weights(settings: ModuleConfig) -> dict[tuple[str, str], float]:
    """By kind and property; empty if none are given. A property of a kind without weights has weight 0."""
    by_fields = settings.get("weights")
    if not isinstance(by_fields, Mapping):
        return {}
    return {
        (kind, name): float(weight)
        for kind in (TEXT, *MediaKind)
        for name, weight in zip(fields_of(settings, kind), by_fields.get(f"{kind}Fields") or (), strict=False)
    }


def fields_of(settings: ModuleConfig, kind: InputKind) -> tuple[str, ...]:
    """The properties that ``settings`` name for one kind of input: ``imageFields`` for ``image``."""
    names = settings.get(f"{kind}Fields") or ()
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list | tuple) else ()


def _present(known: Mapping[str, Property], names: Iterable[str], properties: Properties) -> list[str]:
    """``names`` in alphabetical order, those whose value is text (or a list of it)."""
    found = []
    for name in sorted(set(names)):
        value = properties.get(name)
        if name in known and value and (isinstance(value, str) or known[name].data_type is DataType.TEXT_ARRAY):
            found.append(name)
    return found
