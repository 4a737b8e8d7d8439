"""``weaviate.v1.GenerativeSearch`` → ``weft.domain.query.Generate``."""

from __future__ import annotations

from typing import Any

from weft.domain.query import Generate


def decode_generative(message: Any) -> Generate | None:
    """None when neither a prompt nor a task is given. Old clients use the fields of before 1.27."""
    has_single, has_grouped = message.HasField("single"), message.HasField("grouped")
    if not has_single and not has_grouped:
        prompt, task = message.single_response_prompt, message.grouped_response_task
        if not prompt and not task:
            return None
        return Generate(prompt or None, task or None, tuple(message.grouped_properties))
    single, grouped = message.single, message.grouped
    queries = single.queries or grouped.queries
    query = queries[0] if queries else None
    provider = query.WhichOneof("kind") if query is not None else None
    return Generate(
        single_prompt=single.prompt if has_single else None,
        grouped_task=grouped.task if has_grouped else None,
        grouped_properties=tuple(grouped.properties.values),
        provider=provider,
        parameters=_parameters(getattr(query, provider)) if provider else {},
        debug=single.debug or grouped.debug,
        metadata=query is not None and query.return_metadata,
    )


def _parameters(message: Any) -> dict[str, Any]:
    """The fields that the caller has set, by their names; lists as lists, choices as lower-case words."""
    parameters: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.message_type is not None:
            parameters[field.name] = list(value.values)
        elif field.enum_type is not None:
            if value:
                parameters[field.name] = _choice(field, value)
        else:
            parameters[field.name] = value
    return parameters


def _choice(field: Any, number: int) -> str:
    """``REASONING_EFFORT_LOW`` of the field ``reasoning_effort`` is ``low``; a number unknown here stays a number."""
    known = field.enum_type.values_by_number.get(number)
    if known is None:
        return str(number)
    name: str = known.name
    return name.removeprefix(f"{field.name.upper()}_").lower()
