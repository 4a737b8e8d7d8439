"""Plug-ins: modules, backup backends, drivers and models that other packages add, found by their entry points.

A package declares them in its metadata, for example in its ``pyproject.toml``:

    [project.entry-points."weft.modules"]
    text2vec-acme = "weft_acme:Text2VecAcme"

Discovery reads only metadata; a plug-in's code is imported when it is first used, so a broken one affects nothing else.
A name belongs to one plug-in: one that Weft uses itself, or that two packages claim, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from weft.domain.errors import Misconfigured, WeftError

MODULES: Final = "weft.modules"
BACKUP_BACKENDS: Final = "weft.backup_backends"
DRIVERS: Final = "weft.drivers"
MODELS: Final = "weft.models"
"""A function that returns the folder of a model, by the name of the model."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """``name``: the name for users; ``package``: the distribution that adds it, with its version."""

    name: str
    package: str
    entry_point: EntryPoint

    def load(self) -> Callable[..., Any]:
        """The class or function that the entry point names, imported now.

        Raises Misconfigured, naming the plug-in and its package, for every exception in it.
        """
        try:
            found = self.entry_point.load()
        except (Exception, SystemExit) as error:  # the import runs third-party code
            raise Misconfigured(
                f"{self} cannot be imported: {type(error).__name__}: {error}. Repair or uninstall the package"
            ) from error
        if not callable(found):
            raise Misconfigured(
                f"{self} names {self.entry_point.value}, a {type(found).__name__} and not a class or function"
            )
        return found  # type: ignore[no-any-return]

    def make(self, *arguments: object) -> object:
        """Calls it with ``arguments``. Raises Misconfigured as ``load``, and for exceptions of the plug-in; errors of
        Weft's own classes are passed on."""
        maker = self.load()
        try:
            return maker(*arguments)
        except WeftError:
            raise
        except (Exception, SystemExit) as error:  # third-party code
            raise Misconfigured(f"{self} cannot be opened: {type(error).__name__}: {error}") from error

    def __str__(self) -> str:
        return f"plug-in {self.name} of the package {self.package}"


def find_plugins(group: str, built_in: Collection[str] = ()) -> dict[str, Plugin]:
    """The plug-ins of ``group`` by their names, without importing them.

    Raises Misconfigured for a name that is ``built_in``, or that two packages claim.
    """
    found: dict[str, Plugin] = {}
    for entry_point in entry_points(group=group):
        dist = entry_point.dist
        plugin = Plugin(entry_point.name, f"{dist.name} {dist.version}" if dist else "?", entry_point)
        if plugin.name in built_in:
            raise Misconfigured(
                f"{plugin} has a name that Weft uses itself (entry points {group}); uninstall the package, or have it "
                "renamed"
            )
        other = found.get(plugin.name)
        if other is not None and other.entry_point.value != entry_point.value:
            raise Misconfigured(
                f"the packages {other.package} and {plugin.package} both have a plug-in {plugin.name} (entry points "
                f"{group}); uninstall one of them"
            )
        found.setdefault(plugin.name, plugin)
    return found
