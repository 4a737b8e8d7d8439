"""RowKeys: the keys of a collection's rows, and the values that an object has of them.

    v_<property>             value: int, date (its instant's code) as integers; number; boolean, uuid as keywords
    v_<property>_lat, _lon   of a point
    n_<property>             length: characters, elements, references; 1 for a phone number
    r_<property>             references: ``filter.fields.reference_key`` in hex
    t_<property>_<text>      tokens, each once; <text> stands for the tokenisation
    c_<property>_<text>      how many tokens, repeated ones too; absent without any
    w_models                 for each vector that a model made: its name, a line feed, the fingerprint of the model
    w_created, w_updated     ms since 1970
    w_version                the token of the latest write

Tokens that are too long for a keyword are stored as a digest, beside ``LONG``, which stands for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, TypeAlias

from weft.domain import instants
from weft.domain.filters import CREATION_TIME, UPDATE_TIME
from weft.domain.objects import Object, parse_uuid
from weft.domain.schema import CollectionConfig, DataType, Property
from weft.engine.embedded.index.filter.fields import reference_key
from weft.engine.embedded.index.inverted.fields import TextField, fields_of, texts_of
from weft.engine.remote.row_test import Key, KeyKind

KeyValues: TypeAlias = Sequence[str] | Sequence[int] | Sequence[float]

LONGEST_KEYWORD: Final = 256
"""Bytes of UTF-8."""
LONG: Final = "\x1f"
VERSION: Final = Key("w_version", KeyKind.KEYWORD)
CREATED: Final = Key("w_created", KeyKind.INTEGER)
UPDATED: Final = Key("w_updated", KeyKind.INTEGER)
MODELS: Final = Key("w_models", KeyKind.KEYWORD, several=True)
BUILT_IN: Final = {CREATION_TIME: CREATED, UPDATE_TIME: UPDATED}
MOST_TOKENS: Final = 2**20 - 1
"""Of a property, as the embedded engine counts them."""

_KINDS: Final = {
    DataType.INT: KeyKind.INTEGER,
    DataType.DATE: KeyKind.INTEGER,
    DataType.NUMBER: KeyKind.NUMBER,
    DataType.BOOLEAN: KeyKind.KEYWORD,
    DataType.UUID: KeyKind.KEYWORD,
}


@dataclass(frozen=True, slots=True)
class TextKeys:
    field: TextField
    tokens: Key
    count: Key


class RowKeys:
    """Of one configuration; immutable."""

    def __init__(self, config: CollectionConfig) -> None:
        self.config = config
        properties = [p for p in config.properties if p.index_filterable or p.index_searchable or p.index_range_filters]
        self.texts: Mapping[str, TextKeys] = {name: _text_keys(field) for name, field in fields_of(config).items()}
        self.values: Mapping[str, Key] = {
            p.name: Key(f"v_{p.name}", kind, p.data_type.is_array)
            for p in properties
            if (kind := _KINDS.get(p.data_type.element)) is not None
        }
        self.points: Mapping[str, tuple[Key, Key]] = {
            p.name: (Key(f"v_{p.name}_lat", KeyKind.NUMBER), Key(f"v_{p.name}_lon", KeyKind.NUMBER))
            for p in properties
            if p.data_type is DataType.GEO
        }
        self.lengths: Mapping[str, Key] = {
            p.name: Key(f"n_{p.name}", KeyKind.INTEGER) for p in properties if _has_length(p)
        }
        self._references = {p.name: p for p in properties if p.data_type is DataType.REFERENCE}
        self.references: Mapping[str, Key] = {
            name: Key(f"r_{name}", KeyKind.KEYWORD, True) for name in self._references
        }

    @property
    def all(self) -> tuple[Key, ...]:
        of_texts = [key for one in self.texts.values() for key in (one.tokens, one.count)]
        of_points = [key for pair in self.points.values() for key in pair]
        others = [*self.values.values(), *self.lengths.values(), *self.references.values()]
        return (VERSION, CREATED, UPDATED, MODELS, *of_texts, *of_points, *others)

    @property
    def indexed(self) -> frozenset[str]:
        """The names of those that filters and statistics can ask about."""
        inverted = self.config.inverted
        unasked = {VERSION.name}
        if not inverted.index_timestamps and (
            self.config.expiry is None or self.config.expiry.property not in BUILT_IN
        ):
            unasked |= {CREATED.name, UPDATED.name}
        if not (inverted.index_null_state or inverted.index_property_length):
            unasked |= {key.name for name, key in self.lengths.items() if name not in self.references}
        unasked |= {one.count.name for one in self.texts.values() if not one.field.searchable}
        return frozenset(key.name for key in self.all) - unasked

    def of(self, obj: Object, counted: Mapping[str, Counter[str]], models: Mapping[str, str]) -> dict[str, KeyValues]:
        """All but the version. ``counted``: see ``count_tokens``; ``models``: by name of vector."""
        found: dict[str, KeyValues] = {CREATED.name: [obj.created_ms], UPDATED.name: [obj.updated_ms]}
        for name, tokens in counted.items():
            keys = self.texts[name]
            found[keys.tokens.name] = keywords_of(tokens)
            found[keys.count.name] = [min(tokens.total(), MOST_TOKENS)]
        for name, value in obj.properties.items():
            if value is None:
                continue
            if (key := self.values.get(name)) is not None:
                element = self.config.by_name[name].data_type.element
                if values := [coded(element, one) for one in (value if key.several else [value])]:
                    found[key.name] = values
            if (pair := self.points.get(name)) is not None:
                found[pair[0].name], found[pair[1].name] = [value.latitude], [value.longitude]
            if (key := self.lengths.get(name)) is not None:
                phone = self.config.by_name[name].data_type is DataType.PHONE
                found[key.name] = [1 if phone else len(value)]
            if (key := self.references.get(name)) is not None and value:
                prop = self._references[name]
                found[key.name] = list(dict.fromkeys(reference_key(prop, one).hex() for one in value))
        if models:
            found[MODELS.name] = [f"{name}\n{model}" for name, model in models.items()]
        return found

    def count_tokens(self, obj: Object) -> dict[str, Counter[str]]:
        """How often each token is in each text property that has any."""
        found: dict[str, Counter[str]] = {}
        for name, keys in self.texts.items():
            counted = tokens_in(obj.properties.get(name), keys.field)
            if counted:
                found[name] = counted
        return found


def tokens_in(value: object, field: TextField) -> Counter[str]:
    """How often each token is in a text or a list of texts."""
    return Counter(token for text in texts_of(value) for token in field.tokens(text))


def keyword(token: str) -> str:
    """``token`` as an engine stores it."""
    raw = token.encode("utf-8", "surrogatepass")
    if len(raw) <= LONGEST_KEYWORD and not token.startswith(LONG) and is_plain(token):
        return token
    return LONG + blake2b(raw, digest_size=16).hexdigest()


def is_plain(token: str) -> bool:
    """Whether it can be written in UTF-8, and has no zero."""
    return not any("\ud800" <= c <= "\udfff" for c in token) and "\0" not in token


def keywords_of(tokens: Mapping[str, int]) -> list[str]:
    found = [keyword(token) for token in tokens]
    if any(one.startswith(LONG) for one in found):
        found.append(LONG)
    return found


def _text_keys(field: TextField) -> TextKeys:
    stands_for = blake2b(field.fingerprint.encode(), digest_size=4).hexdigest()
    return TextKeys(
        field,
        Key(f"t_{field.name}_{stands_for}", KeyKind.KEYWORD, True),
        Key(f"c_{field.name}_{stands_for}", KeyKind.INTEGER),
    )


def _has_length(prop: Property) -> bool:
    """Whatever the settings of the collection, which may change while there are objects."""
    if prop.data_type in (DataType.REFERENCE, DataType.PHONE, DataType.TEXT):
        return True
    return prop.data_type.is_array and prop.data_type.element is not DataType.OBJECT


def coded(element: DataType, value: Any) -> Any:
    """A value of a property, or of a condition as ``operands.convert`` makes it, as its key has it."""
    match element:
        case DataType.BOOLEAN:
            return "true" if value else "false"
        case DataType.UUID:
            return (value if isinstance(value, bytes) else parse_uuid(value)).hex()
        case DataType.DATE:
            return value if isinstance(value, int) else instants.parse(value)
        case DataType.NUMBER:
            return float(value)
        case _:
            return value
