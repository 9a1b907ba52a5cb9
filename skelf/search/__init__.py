"""Search in recordings: an index of windows by what an encoder makes of them, and the query.

`build` makes an index or adds to one, `Index.open(folder).query(...)` asks it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .hits import Hit
    from .index import Index
    from .indexing import build
    from .options import Search

__all__ = ["Hit", "Index", "Search", "build"]

_HOME = {"Hit": "hits", "Index": "index", "Search": "options", "build": "indexing"}


def __getattr__(name: str) -> Any:  # the type of an attribute depends on its name
    # Imported on first use: help has no use for torch.
    if name not in __all__:
        raise AttributeError(f"module 'skelf.search' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
