"""What other packages add to Weft: modules, backup backends and drivers, found by their entry points.

A package states in its own metadata, for example in its ``pyproject.toml``, what it adds and where that is:

    [project.entry-points."weft.modules"]
    text2vec-acme = "weft_acme:Text2VecAcme"

Finding reads metadata alone; a plug-in's code is imported when it is first used, so one that is broken stops nothing
but itself. A name belongs to one plug-in: one that Weft has itself, or that two packages claim, is refused.
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


@dataclass(frozen=True, slots=True)
class Plugin:
    """``name`` is what users call it, ``package`` the distribution that adds it, with its version."""

    name: str
    package: str
    entry_point: EntryPoint

    def load(self) -> Callable[..., Any]:
        """The class or function that the entry point names, imported now.

        Raises Misconfigured, which names the plug-in and its package, whatever goes wrong in there.
        """
        try:
            found = self.entry_point.load()
        except Exception as error:  # code of others, at its import
            raise Misconfigured(
                f"{self} cannot be imported: {type(error).__name__}: {error}. Repair or uninstall the package"
            ) from error
        if not callable(found):
            raise Misconfigured(
                f"{self} names {self.entry_point.value}, a {type(found).__name__} and not a class or function"
            )
        return found  # type: ignore[no-any-return]

    def make(self, *arguments: object) -> object:
        """What it makes of ``arguments``. Raises Misconfigured as ``load``, and for what the plug-in raises; errors of
        Weft's own classes pass as they are."""
        maker = self.load()
        try:
            return maker(*arguments)
        except WeftError:
            raise
        except Exception as error:  # code of others
            raise Misconfigured(f"{self} cannot be opened: {type(error).__name__}: {error}") from error

    def __str__(self) -> str:
        return f"plug-in {self.name} of the package {self.package}"


def find_plugins(group: str, built_in: Collection[str] = ()) -> dict[str, Plugin]:
    """The plug-ins of ``group`` by their names; nothing of them is imported.

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
