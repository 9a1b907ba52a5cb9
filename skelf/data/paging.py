"""Pages of a mapped file: those that are read soon, and those that are not needed any more."""

from __future__ import annotations

import mmap

import numpy as np


def will_need(array: np.ndarray, begin: int, end: int) -> None:
    """Lets the system read rows `begin` to `end` of a mapped array, in one piece and beside.

    An array that is mapped by parts has a method of this name. For others nothing happens.
    """
    by_parts = getattr(array, "will_need", None)
    if by_parts is not None:
        by_parts(begin, end)
        return
    file = array.base
    if not isinstance(array, np.memmap) or not isinstance(file, mmap.mmap):
        return
    if hasattr(mmap, "MADV_WILLNEED"):
        row = array.strides[0]
        first = array.offset % mmap.ALLOCATIONGRANULARITY + begin * row
        page = first - first % mmap.PAGESIZE
        file.madvise(mmap.MADV_WILLNEED, page, first - page + (end - begin) * row)


def let_go(array: np.ndarray) -> None:
    """Gives the memory of a mapped array back; what is read again comes from the file again.

    Of a long recording the pages that were read once would count as this process's memory until
    the system needs them. Arrays in memory, and maps whose changes are not the file's, stay. An
    array that is mapped by parts has a method of this name.
    """
    by_parts = getattr(array, "let_go", None)
    if by_parts is not None:
        by_parts()
        return
    if not isinstance(array, np.memmap) or array.mode not in ("r", "r+"):
        return
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
