"""The declaration of a setting, and the checks that groups share.

A setting is declared once, in its group: its key, its variable, its default and its description. The key is used in the
file, in errors and, with hyphens, as the flag. The variable is Weaviate's own if Weaviate has the setting.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from typing import Any, Final, TypeVar

from weft.domain.errors import Misconfigured

Group = TypeVar("Group")

_LONGEST_TIMEOUT_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as declared. ``older_env``: another name of the variable, used if ``env`` is not set."""

    key: str
    env: str
    default: object
    help: str
    older_env: str = ""


def setting(key: str, env: str, default: Any, help: str, *, older_env: str = "") -> Any:
    """A field of a group; the arguments are those of ``Setting``."""
    return field(default=default, metadata={"setting": Setting(key, env, default, help, older_env)})


def group(kind: type[Group], title: str) -> Group:
    """A field that holds a group with its defaults; ``title`` is its heading in ``weft serve --help`` and the docs."""
    made: Group = field(default_factory=kind, metadata={"group": kind, "title": title})
    return made


def setting_of(one: Field[Any]) -> Setting | None:
    """The setting that a field of a group declares; None if the field is another group."""
    declared: Setting | None = one.metadata.get("setting")
    return declared


def sections(kind: type[Any], title: str = "") -> Iterator[tuple[str, list[Setting]]]:
    """(title, settings) of ``kind``, if it has its own settings, and of each group below it, in their order."""
    own = [found for one in fields(kind) if (found := setting_of(one)) is not None]
    if own:
        yield title, own
    for one in fields(kind):
        if setting_of(one) is None:
            yield from sections(one.metadata["group"], one.metadata["title"])


def at_least(least: int, **values: float) -> None:
    """``values`` by key, as in the checks below. Raises Misconfigured."""
    for key, value in values.items():
        if not value >= least:
            raise Misconfigured(f"{key} must be at least {least}, not {value}")


def is_port(**values: int) -> None:
    for key, value in values.items():
        if not 0 <= value <= 65535:
            raise Misconfigured(f"{key} must be a port from 0 to 65535, not {value}")


def is_timeout(**values: float) -> None:
    """Above 0, and at most an hour."""
    for key, value in values.items():
        if not 0 < value <= _LONGEST_TIMEOUT_S:
            raise Misconfigured(f"{key} must be above 0 and at most {_LONGEST_TIMEOUT_S}, not {value:g}")


def one_of(allowed: tuple[str, ...], **values: str) -> None:
    for key, value in values.items():
        if value not in allowed:
            raise Misconfigured(f"{key} must be one of {', '.join(allowed)}, not {value!r}")
