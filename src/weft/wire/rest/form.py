"""Forms: which JSON a request may hold, checked before its handler runs, as Weaviate does.

    TENANTS = ArrayForm(ObjectForm(name=TEXT, activityStatus=TextForm("HOT", "COLD")))
    TENANTS.check(body)

A value of another JSON type raises ``Unreadable`` (400); one of the right type that does not fit raises ``FormError``
(422 with a code of its own). Wrong types anywhere in the body come first. Keys that a form does not name are not looked
at; null is always taken, and counts as an absent key. Those that it names match in any case, as in Weaviate; names that
callers choose must match exactly. Handlers may rely on the types and the spelling that their form states.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Final

from weft.domain.errors import Invalid
from weft.domain.json_fields import kind_of, shorten
from weft.domain.json_keys import ByName, Keys
from weft.domain.json_values import JsonValue
from weft.domain.objects import parse_uuid
from weft.wire.json.documents import Unreadable

WRONG_FORMAT: Final = 601
REQUIRED: Final = 602
NOT_AMONG: Final = 606
TOO_LARGE: Final = 608
TOO_SMALL: Final = 609
_MAX_DEPTH: Final = 64
_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:|/)[^\x00-\x20\x7f]*")


class FormError(Invalid):
    """A value of the right type that the protocol's description of the request does not allow; ``code`` says why."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message, code=code)
        self.code = code


def missing(name: str) -> FormError:
    return FormError(REQUIRED, f"{name} in body is required")


class Form(ABC):
    """The form of one value."""

    @property
    def keys(self) -> Keys | ByName | None:
        """Those within the value that match in any case; None: there are none."""
        return None

    def check(self, body: JsonValue) -> JsonValue:
        """The body with its keys spelled as here; an empty object or array in place of null. Raises Unreadable or
        FormError for another form."""
        keys = self.keys
        body = self.blank() if body is None else body if keys is None else keys.fold(body)
        unfit: list[FormError] = []
        self.look(body, (), unfit)
        if unfit:
            raise unfit[0]
        return body

    def blank(self) -> JsonValue:
        return None

    @abstractmethod
    def look(self, value: JsonValue, path: tuple[str | int, ...], unfit: list[FormError]) -> None:
        """Raises Unreadable for a wrong type; appends to ``unfit`` what else is wrong. ``value`` is at ``path``."""


class AnyForm(Form):
    """``keys``: those of an object that match in any case."""

    def __init__(self, keys: Keys | None = None) -> None:
        self._keys = keys

    @property
    def keys(self) -> Keys | None:
        return self._keys

    def look(self, value: JsonValue, path: tuple[str | int, ...], unfit: list[FormError]) -> None:
        """All values have this form."""


class FlagForm(Form):
    def look(self, value: JsonValue, path: tuple[str | int, ...], unfit: list[FormError]) -> None:
        if value is not None and not isinstance(value, bool):
            raise _unreadable(path, "true or false", value)


class NumberForm(Form):
    """``whole``: an integer; an integral float such as 1e3 counts as one."""

    def __init__(self, *, whole: bool = False, low: int | None = None, high: int | None = None) -> None:
        self._whole, self._low, self._high = whole, low, high

    def look(self, value: JsonValue, path: tuple[str | int, ...], unfit: list[FormError]) -> None:
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _unreadable(path, "a number", value)
        if self._whole and isinstance(value, float) and not value.is_integer():
            raise Unreadable(f"{_spelled(path)} must be an integer, not {value}")
        if self._low is not None and value < self._low:
            unfit.append(
                FormError(TOO_SMALL, f"{_spelled(path)} in body should be greater than or equal to {self._low}")
            )
        if self._high is not None and value > self._high:
            unfit.append(FormError(TOO_LARGE, f"{_spelled(path)} in body should be less than or equal to {self._high}"))


class TextForm(Form):
    """``words``: the values it may have, the empty one aside; ``format``: ``uuid`` or ``uri``, if it is not empty."""

    def __init__(self, *words: str, format: str | None = None) -> None:
        self._words, self._format = words, format

    def look(self, value: JsonValue, path: tuple[str | int, ...], unfit: list[FormError]) -> None:
        if value is None:
            return
        if not isinstance(value, str):
            raise _unreadable(path, "a string", value)
        if not value:
            return
        if self._words and value not in self._words:
            unfit.append(FormError(NOT_AMONG, f"{_spelled(path)} in body should be one of [{' '.join(self._words)}]"))
        if self._format and not _has_format(value, self._format):
            message = f'{_spelled(path)} in body must be of type {self._format}: "{shorten(value)}"'
            unfit.append(FormError(WRONG_FORMAT, message))


class ArrayForm(Form):
    """``or_one``: a single value is taken in place of an array of one."""

    def __init__(self, of: Form, *, or_one: bool = False) -> None:
        self._of, self._or_one = of, or_one

    @property
    def keys(self) -> Keys | ByName | None:
        return self._of.keys

    def repeats(self, form: Form) -> bool:
        """Whether the elements have that same form."""
        return self._of is form

    def blank(self) -> JsonValue:
        return []

    def look(self, value: JsonValue, path: tuple[str | int, ...], unfit: list[FormError]) -> None:
        if isinstance(value, list):
            if not isinstance(self._of, AnyForm):
                for i, one in enumerate(value):
                    self._of.look(one, (*path, i), unfit)
        elif self._or_one:
            self._of.look(value, path, unfit)
        elif value is not None:
            raise _unreadable(path, "an array", value)


class ObjectForm(Form):
    """``required`` names the keys that must be there."""

    def __init__(self, required: str = "", /, **fields: Form) -> None:
        self._required = required.split()
        self._fields = fields

    @cached_property
    def keys(self) -> Keys:
        recursive, plain, inner = [], [], {}
        for name, form in self._fields.items():
            if isinstance(form, ArrayForm) and form.repeats(self):
                recursive.append(name)
            elif (keys := form.keys) is None:
                plain.append(name)
            else:
                inner[name] = keys
        return Keys(*plain, recursive=recursive, **inner)

    def blank(self) -> JsonValue:
        return {}

    def nesting(self, key: str) -> ObjectForm:
        """This form, whose ``key`` holds an array of the same form."""
        self._fields[key] = ArrayForm(self)
        return self

    def look(self, value: JsonValue, path: tuple[str | int, ...], unfit: list[FormError]) -> None:
        if value is None:
            return
        if not isinstance(value, Mapping):
            raise _unreadable(path, "an object", value)
        if len(path) > 2 * _MAX_DEPTH:
            raise Unreadable(f"{_spelled(path[:4])}… is nested too deep; flatten it")
        for key, one in value.items():
            field = self._fields.get(key)
            if field is not None:
                field.look(one, (*path, key), unfit)
        unfit += [missing(_spelled((*path, key))) for key in self._required if value.get(key) is None]


class DocumentForm(ObjectForm):
    """An object with ``keys``, of which the form states those whose type is fixed."""

    def __init__(self, keys: Keys, /, **fields: Form) -> None:
        super().__init__(**fields)
        self._keys = keys

    @cached_property
    def keys(self) -> Keys:
        return self._keys


class MapForm(Form):
    """An object whose keys are names that the caller chooses."""

    def __init__(self, of: Form) -> None:
        self._of = of

    @property
    def keys(self) -> ByName | None:
        inner = self._of.keys
        return ByName(inner) if isinstance(inner, Keys) else None

    def blank(self) -> JsonValue:
        return {}

    def look(self, value: JsonValue, path: tuple[str | int, ...], unfit: list[FormError]) -> None:
        if value is None:
            return
        if not isinstance(value, Mapping):
            raise _unreadable(path, "an object", value)
        for key, one in value.items():
            self._of.look(one, (*path, key), unfit)


ANYTHING: Final = AnyForm()
TEXT: Final = TextForm()
UUID: Final = TextForm(format="uuid")
URI: Final = TextForm(format="uri")
FLAG: Final = FlagForm()
NUMBER: Final = NumberForm()
WHOLE: Final = NumberForm(whole=True)


def _unreadable(path: tuple[str | int, ...], expected: str, value: JsonValue) -> Unreadable:
    return Unreadable(f"{_spelled(path)} must be {expected}, not {kind_of(value)}")


def _spelled(path: tuple[str | int, ...]) -> str:
    return ".".join(shorten(part) for part in path) if path else "the body"


def _has_format(text: str, format: str) -> bool:
    if format == "uri":
        return _URI.fullmatch(text) is not None
    try:
        parse_uuid(text)
    except Invalid:
        return False
    return True
