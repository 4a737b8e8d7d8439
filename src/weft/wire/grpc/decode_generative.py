"""``weaviate.v1.GenerativeSearch`` → ``weft.domain.generation.Generate``."""

from __future__ import annotations

from typing import TypeAlias

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from weft.domain.generation import Generate, Prompt
from weft.protocol import generative

_Asked: TypeAlias = generative.GenerativeSearch.Single | generative.GenerativeSearch.Grouped


def decode_generative(message: generative.GenerativeSearch) -> Generate | None:
    """None when neither a prompt nor a task is given. Old clients use the fields of before 1.27."""
    single, grouped = message.single, message.grouped
    if message.HasField("single") or message.HasField("grouped"):
        return Generate(
            _prompt(single.prompt, single, grouped),
            _prompt(grouped.task, grouped, single),
            tuple(grouped.properties.values),
        )
    prompt, task = message.single_response_prompt, message.grouped_response_task
    if not prompt and not task:
        return None
    return Generate(
        Prompt(prompt) if prompt else None, Prompt(task) if task else None, tuple(message.grouped_properties)
    )


def _prompt(text: str, asked: _Asked, other: _Asked) -> Prompt | None:
    """``asked``: what holds ``text``; where it names no provider, that of the ``other`` counts."""
    if not text:
        return None
    query = next(iter([*asked.queries, *other.queries]), None)
    provider = None if query is None else query.WhichOneof("kind")
    return Prompt(
        text,
        provider=provider,
        parameters={} if provider is None else _parameters(getattr(query, provider)),
        debug=asked.debug,
        metadata=bool(asked.queries) and asked.queries[0].return_metadata,
    )


def _parameters(message: Message) -> dict[str, object]:
    """The fields that the caller has set, by their names; lists as lists, choices as lower-case words."""
    parameters: dict[str, object] = {}
    for field, value in message.ListFields():
        if field.message_type is not None:
            parameters[field.name] = list(value.values)
        elif field.enum_type is not None:
            if value:
                parameters[field.name] = _choice(field, field.enum_type, value)
        else:
            parameters[field.name] = value
    return parameters


def _choice(field: FieldDescriptor, kind: EnumDescriptor, number: int) -> str:
    """``REASONING_EFFORT_LOW`` of the field ``reasoning_effort`` is ``low``; a number unknown here stays a number."""
    known = kind.values_by_number.get(number)
    if known is None:
        return str(number)
    name: str = known.name
    return name.removeprefix(f"{field.name.upper()}_").lower()
