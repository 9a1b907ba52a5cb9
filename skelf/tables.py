"""Look-up tables by name whose entries are imported when they are taken, not before.

So `skelf list methods` and shell completion know every name, and what it means, without torch.
Other packages add entries by entry points (`plugins.py`). They are looked for when names are listed
or one is asked for that is not built in.
"""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .plugins import Plugin

Entry_co = TypeVar("Entry_co", covariant=True)


class Table(Mapping[str, Entry_co]):
    """A read-only mapping; only `[name]`, `values` and `items` import.

    Args:
        package: dotted name of the folder that the modules are in, usually `__name__`.
        homes: name -> `"module.attribute"` in that folder, or `"module"` for the module itself.
        group: of entry points by which other packages add entries; empty: none can. A name that is
            built in wins.
    """

    def __init__(self, package: str, homes: Mapping[str, str], group: str = "") -> None:
        self._package, self._homes, self._group = package, dict(homes), group

    @property
    def built_in(self) -> tuple[str, ...]:
        """The names that need no other package."""
        return tuple(self._homes)

    def __getitem__(self, name: str) -> Entry_co:
        if name not in self._homes:
            loaded: Any = self._others()[name].load()  # what it is, only its package tells
            return loaded
        path, _, attribute = self._homes[name].partition(".")
        module: Any = import_module(f"{self._package}.{path}")  # what it holds, only `homes` tells
        return getattr(module, attribute) if attribute else module

    def __iter__(self) -> Iterator[str]:
        return iter([*self._homes, *self._others()])

    def __len__(self) -> int:
        return len(self._homes) + len(self._others())

    def __contains__(self, name: object) -> bool:
        return name in self._homes or name in self._others()  # Mapping's would import the entry

    def _others(self) -> dict[str, Plugin]:
        """Name -> what another package adds."""
        if not self._group:
            return {}
        from .plugins import plugins  # not above: most commands ask for what is built in

        return {k: v for k, v in plugins(self._group).items() if k not in self._homes}

    def __repr__(self) -> str:
        return f"Table({self._package!r}, {self._homes!r})"

    def docstring(self, name: str) -> str:
        """The docstring of an entry, read from its source: nothing is imported.

        Of an entry that is neither a function nor a class, the docstring of its module; of one that
        another package adds, where it comes from.
        """
        if name not in self._homes:
            return self._others()[name].about
        path, _, attribute = self._homes[name].partition(".")
        source = pkgutil.get_data(self._package, f"{path}.py")
        tree = ast.parse(source or b"")
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == attribute:
                return ast.get_docstring(node) or ""
        return ast.get_docstring(tree) or ""

    def first_line(self, name: str) -> str:
        """The first line of `docstring`."""
        return self.docstring(name).partition("\n")[0]
