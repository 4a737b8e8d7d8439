"""JSON keys in any case: ``MultiTenancyConfig`` and ``multitenancyconfig`` are ``multiTenancyConfig``.

Weaviate reads most of its documents this way, and clients rely on it. The keys that match are declared one by one;
names that callers choose (properties, vectors, modules) are never changed.

    TENANT = Keys("name", "activityStatus")
    CLASS = Keys("class", invertedIndexConfig=Keys(bm25=Keys("b", "k1")), vectorConfig=ByName(VECTOR))

``TENANT.fold({"NAME": "a"})`` is ``{"name": "a"}``. If a key occurs twice in different cases, the later one wins;
two objects whose keys are declared are merged at every level, the later one over the earlier, as Go decodes JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_MAX_DEPTH = 100


class Keys:
    """The keys of one JSON object.

    ``plain``: keys whose values stay as they are. ``inner``: keys whose values have declared keys themselves; in an
    array, each object has them. ``recursive``: keys whose values have these same keys.
    """

    def __init__(self, *plain: str, recursive: Iterable[str] = (), **inner: Keys | ByName) -> None:
        self._inner: dict[str, Keys | ByName] = {**inner, **dict.fromkeys(recursive, self)}
        self._spelled = {key.lower(): key for key in (*plain, *self._inner)}
        self._plain = frozenset(plain)

    def fold(self, value: Any, depth: int = 0, *, into: object = None) -> Any:
        """``value`` with its declared keys spelled as declared; ``value`` itself if nothing changes.

        ``into``: the same object under an earlier key, folded; what ``value`` does not have stays as it is there.
        Anything nested deeper than 100 levels stays as it is: every reader of a document refuses that.
        """
        if depth > _MAX_DEPTH:
            return value
        if isinstance(value, list):
            return [self.fold(one, depth + 1) for one in value]
        if not isinstance(value, Mapping):
            return value
        before = into if isinstance(into, Mapping) else {}
        if not before and self._plain.issuperset(value):
            return value
        folded: dict[Any, Any] = {**before}
        for key, given in value.items():
            name = self._spelled.get(key.lower(), key) if isinstance(key, str) else key
            inner = self._inner.get(name)
            folded[name] = given if inner is None else inner.fold(given, depth + 1, into=folded.get(name))
        return folded

    def __contains__(self, key: str) -> bool:
        """Whether the key is declared, in exactly this case."""
        return key in self._plain or key in self._inner

    def declared(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The declared keys of ``value`` that are not null; what is below them stays as it is."""
        return {key: one for key, one in value.items() if one is not None and key in self}

    def without_variants(self, value: Any) -> Any:
        """``value`` without the keys that differ from a declared one only in case."""
        if isinstance(value, list):
            return [self.without_variants(one) for one in value]
        if not isinstance(value, Mapping):
            return value
        return {
            key: self._inner[key].without_variants(one) if key in self._inner else one
            for key, one in value.items()
            if self._spelled.get(key.lower(), key) == key
        }


class ByName:
    """An object whose keys are names that the caller chooses; each value has the keys of ``inner``."""

    def __init__(self, inner: Keys) -> None:
        self._inner = inner

    def fold(self, value: Any, depth: int = 0, *, into: object = None) -> Any:
        if not isinstance(value, Mapping):
            return value
        before = into if isinstance(into, Mapping) else {}
        return {**before, **{name: self._inner.fold(one, depth + 1) for name, one in value.items()}}

    def without_variants(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: self._inner.without_variants(one) for name, one in value.items()}
