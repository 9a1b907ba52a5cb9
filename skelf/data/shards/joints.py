"""The joints of many stores as if they were one array: read where asked, never whole.

A store is mapped when a frame of it is first wanted, and compared with its checksum then, once in a
process. So nothing is read at opening, and a set of any size is verified as far as it is used.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from .. import check, store
from ..addresses import bring
from ..paging import let_go, will_need
from .listed import Part, ends, present

OPEN = 128
"""Shards mapped at once; the one that was used longest ago goes. A map takes no memory of its own,
but a file's number, of which a process may have a thousand."""


class _Mapped(NamedTuple):
    """A shard that is open.

    Args:
        path: of the store.
        joints: its map.
        array: the same; a slice of a map takes ten times as long.
    """

    path: Path
    joints: np.ndarray
    array: np.ndarray


class Joints:
    """`(F, M, V, C)` float32 over shards, which takes slices of frames and lists of them.

    A slice inside one shard is a view of its map, unless the shard has fewer persons than the set:
    those who are not there are zeros. It may be read from several threads.

    Args:
        parts: the shards in the order of their frames.
        frame: `(M, V, C)`.
        where: what to call the set.
    """

    dtype = np.dtype(np.float32)
    ndim = 4

    def __init__(self, parts: Sequence[Part], frame: tuple[int, int, int], where: object) -> None:
        self.parts, self.frame, self.where = parts, frame, where
        self.ends = ends(parts)
        self._begins = np.concatenate([[0], self.ends[:-1]])
        self._maps: OrderedDict[int, _Mapped] = OrderedDict()
        self._known: dict[int, tuple[store.Stamp, int]] = {}  # of verified files: where joints are
        self._lock = Lock()

    def __getstate__(self) -> dict[str, object]:
        """Another process maps for itself."""
        return {"parts": self.parts, "frame": self.frame, "where": self.where}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(**state)  # type: ignore[misc]  # what `__getstate__` gave

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As of an array."""
        return (len(self), *self.frame)

    @property
    def nbytes(self) -> int:
        """Of the array that this stands for."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize

    def __getitem__(self, frames: slice | np.ndarray) -> np.ndarray:
        """The frames of a slice without steps, or of ascending numbers.

        Raises:
            InputError: a shard that is missing, changed or damaged.
        """
        if not isinstance(frames, slice):
            return self._chosen(np.asarray(frames))
        first, last, step = frames.indices(len(self))
        if step != 1:
            raise TypeError("joints of shards take slices without steps")
        pieces = []
        while first < last:
            at = int(np.searchsorted(self.ends, first, "right"))
            begin, end = self._span(at)
            stop = min(last, end)
            pieces.append(self._persons(self.shard(at)[first - begin : stop - begin]))
            first = stop
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate(pieces) if pieces else np.empty((0, *self.frame), self.dtype)

    def shard(self, at: int) -> np.ndarray:
        """The joints of shard `at`, verified: an array over the map.

        Raises:
            InputError: it is missing, changed or damaged, or was cut off meanwhile.
        """
        return self._mapped(at).array

    def _mapped(self, at: int) -> _Mapped:
        with self._lock:
            mapped = self._maps.get(at)
            if mapped is None:
                mapped = self._maps[at] = self._opened(at)
                if len(self._maps) > OPEN:
                    self._maps.popitem(last=False)
            self._maps.move_to_end(at)
        check.whole(mapped.path, mapped.joints)
        return mapped

    def let_go(self) -> None:
        """Gives the pages back that were read; what is read again comes from the files again."""
        with self._lock:
            for mapped in self._maps.values():
                let_go(mapped.joints)

    def will_need(self, first: int, last: int) -> None:
        """Has frames that are read soon brought into the system's cache.

        Raises:
            InputError: see `shard`.
        """
        while first < last:
            at = int(np.searchsorted(self.ends, first, "right"))
            begin, end = self._span(at)
            stop = min(last, end)
            will_need(self._mapped(at).joints, first - begin, stop - begin)
            first = stop

    def _opened(self, at: int) -> _Mapped:
        part = self.parts[at]
        joints = (self._again if at in self._known else self._verified)(at, part)
        return _Mapped(part.path, joints, np.asarray(joints))

    def _again(self, at: int, part: Part) -> np.ndarray:
        """Maps a file that was verified before, without reading its table once more."""
        stamp, offset = self._known[at]
        present(part, self.where)
        with part.path.open("rb") as raw:
            if store.stamp_of(os.fstat(raw.fileno())) == stamp:
                whole = (part.frames, part.persons, *self.frame[1:])
                return np.memmap(raw, "<f4", mode="r", offset=offset, shape=whole)
        return self._verified(at, part)

    def _verified(self, at: int, part: Part) -> np.ndarray:
        name = f"{self.where}: shard {part.path}"
        if isinstance(self.where, Path):
            bring(self.where, part.path)  # where the set stands for an address
        present(part, self.where)
        _, stored = store.read(part.path)
        whole = (part.frames, part.persons, *self.frame[1:])
        joints = stored.joints
        if joints.shape != whole or stored.checksum != part.blake2b:
            raise InputError(
                f"{name}: is another file than when the set was made; put the old one back, or make"
                " the set again"
            )
        store.verify_joints(name, stored)
        assert isinstance(joints, np.memmap)  # a shard is one file
        self._known[at] = stored.stamp, int(joints.offset)
        return joints

    def _span(self, at: int) -> tuple[int, int]:
        """First frame of a shard, and its end."""
        return int(self._begins[at]), int(self.ends[at])

    def _persons(self, frames: np.ndarray) -> np.ndarray:
        lacking = self.frame[0] - frames.shape[1]
        return np.pad(frames, ((0, 0), (0, lacking), (0, 0), (0, 0))) if lacking else frames

    def _chosen(self, numbers: np.ndarray) -> np.ndarray:
        found = np.empty((len(numbers), *self.frame), self.dtype)
        of = np.searchsorted(self.ends, numbers, "right")
        for at in np.unique(of).tolist():
            begin, _ = self._span(at)
            mine = of == at
            found[mine] = self._persons(self.shard(at)[numbers[mine] - begin])
        return found
