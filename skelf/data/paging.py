"""Pages of a mapped file: those that are read soon, and those that are not needed any more."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .shards.joints import Joints


def will_need(array: np.ndarray | Joints, begin: int, end: int) -> None:
    """Lets the system read rows `begin` to `end` of a mapped array, in one piece and beside.

    Of shards each that has some of them. For arrays in memory nothing happens.
    """
    if not isinstance(array, np.ndarray):
        array.will_need(begin, end)
        return
    file = array.base
    if not isinstance(array, np.memmap) or not isinstance(file, mmap.mmap):
        return
    if hasattr(mmap, "MADV_WILLNEED"):
        row = array.strides[0]
        first = array.offset % mmap.ALLOCATIONGRANULARITY + begin * row
        page = first - first % mmap.PAGESIZE
        file.madvise(mmap.MADV_WILLNEED, page, first - page + (end - begin) * row)


def let_go(array: np.ndarray | Joints) -> None:
    """Gives the memory of a mapped array back; what is read again comes from the file again.

    Of a long recording the pages that were read once would count as this process's memory until
    the system needs them. Arrays in memory, and maps whose changes are not the file's, stay.
    """
    if not isinstance(array, np.ndarray):
        array.let_go()
        return
    if not isinstance(array, np.memmap) or array.mode not in ("r", "r+", "w+"):
        return
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
