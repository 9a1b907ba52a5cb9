"""Pages of a mapped file that were read and are not needed any more."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .shards.joints import Joints


def let_go(array: np.ndarray | Joints) -> None:
    """Gives the memory of a mapped array back; what is read again comes from the file again.

    Of a long recording the pages that were read once would count as this process's memory until
    the system needs them. Arrays in memory, and maps whose changes are not the file's, stay.
    """
    if not isinstance(array, np.ndarray):
        array.let_go()
        return
    if not isinstance(array, np.memmap) or array.mode not in ("r", "r+"):
        return
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
