"""Texts in a store's attributes.

A text of fixed length lies with its attribute, under HDF5's checksums. One of variable length lies
in a heap that has none, and the library does not come back from some of the damage there (seen with
HDF5 2.0 in h5py 3.16). So stores hold none; those of earlier versions do, and their heap is looked
through before the library reads it.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from ..errors import InputError

_MARK = b"GCOL"
_HEAD, _ITEM = struct.Struct("<4sB3xQ"), struct.Struct("<HH4xQ")


def fixed(value: str) -> np.ndarray:
    """A text as an attribute of fixed length, UTF-8."""
    content = value.encode("utf-8")
    return np.array(content, h5py.string_dtype("utf-8", max(1, len(content))))


def text(item: h5py.File | h5py.Dataset, name: str) -> str:
    """A text among the attributes, of either length; empty where there is none."""
    value = item.attrs.get(name, "")
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def refuse_damaged_heap(path: Path, file: h5py.File) -> None:
    """Looks through the heap of a store whose texts have variable length; other stores have none.

    Raises:
        InputError: what lies in it is not what the library could have written.
    """
    if "format" not in file.attrs or not file.attrs.get_id("format").get_type().is_variable_str():
        return
    with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for begin, end in _beside_joints(file, len(content)):
            at = content.find(_MARK, begin, end)
            while at >= 0:
                if not _holds(content, at):
                    raise InputError(
                        f"{path}: not a readable store (the heap of its texts is damaged); copy or "
                        "import it again"
                    )
                at = content.find(_MARK, at + len(_MARK), end)


def _beside_joints(file: h5py.File, size: int) -> Iterator[tuple[int, int]]:
    """The parts of the file that are not joints, which are most of it."""
    offset = file["joints"].id.get_offset() if "joints" in file else None
    if offset is None:
        yield 0, size
    else:
        yield 0, offset
        yield offset + file["joints"].id.get_storage_size(), size


def _holds(content: mmap.mmap, at: int) -> bool:
    """Whether the collection at `at` is a chain of items that reaches its end."""
    if at + _HEAD.size > len(content):
        return False
    _, version, size = _HEAD.unpack_from(content, at)
    end = at + size
    if version != 1:  # a text that says so, or what the library refuses by itself
        return True
    if size < _HEAD.size or end > len(content):
        return False
    at += _HEAD.size
    seen: set[int] = set()
    while end - at >= _ITEM.size:
        index, _, length = _ITEM.unpack_from(content, at)
        if index == 0:  # what is free, to the end, its own head included
            return bool(length == end - at)
        if index in seen:
            return False
        seen.add(index)
        at += _ITEM.size + -(-length // 8) * 8
    return bool(at <= end)
