"""Data: the clips on disk, the readers that fill them, the batches that leave them."""

from __future__ import annotations

from . import arrays

# Format name -> read(path, layout=None) -> ClipSet.
READERS = {"arrays": arrays.read}
