"""Search in recordings: an index of windows by what an encoder makes of them, and the query.

`build` makes an index or adds to one, `Index.open(folder).query(...)` asks it.
"""

from .hits import Hit
from .index import Index
from .indexing import build
from .options import Search

__all__ = ["Hit", "Index", "Search", "build"]
