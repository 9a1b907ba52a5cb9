"""What other installed packages add by entry points: methods, encoders, protocols, readers.

A package names the group in its `pyproject.toml` and needs no change here:

    [project.entry-points."skelf.methods"]
    mine = "my_package.mine:Mine"

Nothing of it is imported before it is taken by its name.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from .errors import InputError


class Plugin(NamedTuple):
    """One entry of another package.

    Args:
        points: the entry points of this name: one, or several that do not agree.
    """

    points: tuple[EntryPoint, ...]

    @property
    def about(self) -> str:
        """Where it comes from, in one line."""
        return " or ".join(f"Of the package {_package(p)} ({p.value})." for p in self.points)

    def load(self) -> object:
        """Imports it.

        Raises:
            InputError: it cannot be imported, or two packages have this name.
        """
        point = self.points[0]
        if len(self.points) > 1:
            raise InputError(
                f"{point.name!r} of {point.group} is of several packages: "
                f"{' and '.join(_package(p) for p in self.points)}; uninstall all but one"
            )
        try:
            return point.load()
        except Exception as error:  # of code that we do not know, any may come
            line = next(iter(str(error).splitlines()), "")
            raise InputError(
                f"{point.name!r} of {point.group}, from the package {_package(point)}, cannot be "
                f"imported ({point.value}: {type(error).__name__}: {line}); update or uninstall it"
            ) from error


def plugins(group: str) -> dict[str, Plugin]:
    """Name -> entry, of all packages that are installed now, sorted."""
    by_name: dict[str, dict[str, EntryPoint]] = {}
    for point in entry_points(group=group):
        by_name.setdefault(point.name, {}).setdefault(point.value, point)
    return {name: Plugin(tuple(by_name[name].values())) for name in sorted(by_name)}


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "without a name"
