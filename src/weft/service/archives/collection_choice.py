"""Which collections a backup, a restore or an export includes, by names and patterns of names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass

from weft.domain.errors import Invalid
from weft.domain.names import collection_name
from weft.domain.wildcards import wildcard

_MAX_PATTERNS, _MAX_PATTERN_CHARS = 100, 300
_MAX_LISTED = 20


@dataclass(frozen=True, slots=True)
class CollectionChoice:
    """Names as the caller wrote them; ``*`` and ``?`` stand for any characters. Both empty: all collections."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def among(self, present: Sequence[str], where: str) -> list[str]:
        """The chosen ones of ``present``, in its order.

        Raises Invalid for both lists together, a name given twice, one that is not present, and an empty choice.
        """
        include, exclude = _names(self.include, "include"), _names(self.exclude, "exclude")
        if include and exclude:
            raise Invalid("name collections in include or in exclude, not in both")
        known = set(present)
        for name, sent in zip(include, self.include, strict=True):
            if not is_pattern(name) and name not in known:
                raise Invalid(f"class {sent[:80]} does not exist {where}; it has {_listed(present)}", collection=name)
        named = matching(known, include or exclude)
        chosen = [name for name in present if (name in named) == bool(include)]
        if not chosen:
            raise Invalid(f"no class is left to include {where}; it has {_listed(present)}")
        return chosen


def _names(sent: Sequence[str], key: str) -> list[str]:
    names = [collection_name(name) for name in sent]
    for name, count in Counter(names).items():
        if count > 1:
            raise Invalid(f"{key} contains {name!r} twice")
    return names


def is_pattern(name: str) -> bool:
    return "*" in name or "?" in name


def matching(present: Set[str], asked: Sequence[str]) -> set[str]:
    """Those of ``present`` that the names and patterns in ``asked`` match. Raises Invalid for too many patterns."""
    patterns = [one for one in asked if is_pattern(one)]
    if len(patterns) > _MAX_PATTERNS:
        raise Invalid(f"{len(patterns)} names contain * or ?; a request may have at most {_MAX_PATTERNS}")
    for pattern in patterns:
        if len(pattern) > _MAX_PATTERN_CHARS:
            raise Invalid(f"a name with * or ? may have at most {_MAX_PATTERN_CHARS} characters, not {len(pattern)}")
    found = {name for name in asked if name in present}
    for pattern in patterns:
        found.update(filter(wildcard(pattern, single=True), present))
    return found


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(names[:_MAX_LISTED]) or "none"
    return listed + (f" and {len(names) - _MAX_LISTED} more" if len(names) > _MAX_LISTED else "")
