"""Any message of a type, as its descriptor allows: known names and others, edges of every number, parts at random."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

_DEEPEST, _SOME = 5, 3
"""How deep messages are in one another, and from where on they have few fields."""
_WHOLE = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_FRACTIONS = (0.0, -0.0, 0.5, 1.0, -1.0, 1e-40, 3e38, 1e308, float("inf"), float("-inf"), float("nan"))
_FLOATS = st.lists(st.sampled_from((0.0, 1.0, -2.5, 3e38, float("nan"))), max_size=6)
_BYTES = (
    st.just(struct.pack("<3f", 1, 2, 3))
    | st.just(struct.pack("<H4f", 2, 1, 2, 3, 4))
    | _FLOATS.map(lambda values: struct.pack(f"<{len(values)}f", *values))
    | st.binary(max_size=40)
)
_WORDS = (
    "",
    "hello",
    "hello world",
    "*",
    "h*l?o",
    "\0",
    "💩",
    "-1",
    "1e999",
    "2020-01-01T00:00:00Z",
    "None",
    "x" * 5000,
)


def joined(kind: type[Any], *choices: Sequence[Mapping[str, Any]]) -> st.SearchStrategy[Any]:
    """Parts of a message put together, one from each of ``choices``."""

    def build(*parts: Mapping[str, Any]) -> Any:
        message = kind()
        for part in parts:
            message.MergeFrom(kind(**part))
        return message

    return st.builds(build, *(st.sampled_from(choice) for choice in choices))


def spoiled(
    whole: st.SearchStrategy[Any], kind: Descriptor, names: Mapping[str, tuple[str, ...]]
) -> st.SearchStrategy[Any]:
    """``whole``, most of the time with something of any message put over it."""

    def merged(one: Any, other: Any) -> Any:
        one.MergeFrom(other)
        return one

    return st.builds(merged, whole, messages(kind, names, _SOME))


def messages(kind: Descriptor, names: Mapping[str, tuple[str, ...]], depth: int = 0) -> st.SearchStrategy[Any]:
    """``names``: by the name of a string field what stands there most of the time.

    The field ``collection``, without which most messages mean nothing, is seldom left out.
    """
    fields = list(kind.fields)
    usual = [field for field in fields if field.name == "collection"]
    values: dict[str, st.SearchStrategy[Any]] = {}

    def value(field: FieldDescriptor) -> st.SearchStrategy[Any]:
        if field.name not in values:
            values[field.name] = _values(field, names, depth)
        return values[field.name]

    @st.composite
    def build(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:
        message = GetMessageClass(kind)()
        if not fields:
            return message
        chosen = draw(st.lists(st.sampled_from(fields), max_size=4 if depth < _SOME else 2, unique_by=id))
        if depth == 0 and draw(st.integers(0, 9)):
            chosen += [field for field in usual if field not in chosen]
        for field in chosen:
            drawn = draw(value(field))
            if field.message_type and field.message_type.GetOptions().map_entry:
                _put(getattr(message, field.name), drawn)
            elif isinstance(drawn, list):
                getattr(message, field.name).extend(drawn)
            elif field.message_type:
                getattr(message, field.name).CopyFrom(drawn)
            else:
                setattr(message, field.name, drawn)
        return message

    return build()


def _put(entries: Any, drawn: list[Any]) -> None:
    """Key-value pairs into a map field."""
    for one in drawn:
        if hasattr(entries, "get_or_create"):
            entries[one.key].CopyFrom(one.value)
        else:
            entries[one.key] = one.value


def _values(field: FieldDescriptor, names: Mapping[str, tuple[str, ...]], depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        if depth >= _DEEPEST:
            one: st.SearchStrategy[Any] = st.builds(GetMessageClass(field.message_type))
        else:
            one = messages(field.message_type, names, depth + 1)
    elif field.enum_type is not None:
        one = st.sampled_from([*(value.number for value in field.enum_type.values), 99, -1])
    else:
        one = _scalars(field, names)
    return st.lists(one, max_size=3) if field.is_repeated else one


def _scalars(field: FieldDescriptor, names: Mapping[str, tuple[str, ...]]) -> st.SearchStrategy[Any]:
    if field.cpp_type in _WHOLE:
        low, high = _WHOLE[field.cpp_type]
        return st.sampled_from(sorted({low, max(low, -1), 0, 1, 2, 5, 101, 10_001, high}))
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _BYTES
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        anything = st.sampled_from(_WORDS) | st.text(max_size=10)
        known = names.get(field.name)
        return st.one_of(*[st.sampled_from(known)] * 7, anything) if known else anything
    return st.sampled_from(_FRACTIONS)
