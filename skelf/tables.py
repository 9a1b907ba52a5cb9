"""Look-up tables by name whose entries are imported when they are taken, not before.

So `skelf list methods` and shell completion know every name, and what it means, without torch.
"""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, TypeVar

Entry_co = TypeVar("Entry_co", covariant=True)


class Table(Mapping[str, Entry_co]):
    """A read-only mapping; only `[name]`, `values` and `items` import.

    Args:
        package: dotted name of the folder that the modules are in, usually `__name__`.
        homes: name -> `"module.attribute"` in that folder, or `"module"` for the module itself.
    """

    def __init__(self, package: str, homes: Mapping[str, str]) -> None:
        self._package, self._homes = package, dict(homes)

    def __getitem__(self, name: str) -> Entry_co:
        path, _, attribute = self._homes[name].partition(".")
        module: Any = import_module(f"{self._package}.{path}")  # what it holds, only `homes` tells
        return getattr(module, attribute) if attribute else module

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)

    def __contains__(self, name: object) -> bool:
        return name in self._homes  # Mapping's would import the entry

    def __repr__(self) -> str:
        return f"Table({self._package!r}, {self._homes!r})"

    def docstring(self, name: str) -> str:
        """The docstring of an entry, read from its source: nothing is imported.

        Of an entry that is neither a function nor a class, the docstring of its module.
        """
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
