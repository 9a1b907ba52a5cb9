"""Batches of ragged clips on the device: gathered there when resident, else streamed to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..augment import crop_resize
from ..errors import InputError
from .clips import ClipSet
from .normalize import normalize

RESIDENT_SHARE = 0.5  # of the device's free memory that a resident set may take


class ClipBatches:
    """Batches of a ClipSet on a device: `batches(indices)` is a padded tensor and the true lengths.

    Args:
        clips: the set; its `normalize` is applied to every batch.
        device: where batches live.
        persons: persons to give, `M`: absent ones are zero, surplus ones dropped; the set's own
            when None.
        resident: True keeps all frames on the device, False reads each batch from the
            (memory-mapped) store, "auto" keeps them when they take less than half of the device's
            free memory.

    Raises:
        InputError: a set without clips.
    """

    def __init__(
        self,
        clips: ClipSet,
        device: torch.device | str = "cpu",
        *,
        persons: int | None = None,
        resident: bool | Literal["auto"] = "auto",
    ) -> None:
        if not len(clips):
            raise InputError(f"{clips}: there are no clips to make batches of; choose others")
        self.clips, self.device = clips, torch.device(device)
        self.persons = persons or clips.persons
        self._start = torch.as_tensor(clips.start, device=self.device)
        self._length = torch.as_tensor(clips.length, device=self.device)
        keep = _fits(clips, self.persons, self.device) if resident == "auto" else resident
        self._frames = _all_frames(clips, self.persons, self.device) if keep else None
        if self._frames is not None:  # the kept frames hold this set's clips only, packed
            self._start = self._length.cumsum(0) - self._length

    def __len__(self) -> int:
        return len(self.clips)

    def __call__(self, indices: Tensor | np.ndarray) -> tuple[Tensor, Tensor]:
        """The clips at `indices` `(N,)`.

        Returns:
            `(N, C, T, V, M)` float32, T the longest of them, zero beyond each clip's end, and the
            lengths `(N,)`.
        """
        if self._frames is None:
            return self._place(*self._read(np.asarray(indices)))
        index = torch.as_tensor(indices, device=self.device)
        start, length = self._start[index], self._length[index]
        time = torch.arange(int(length.max()), device=self.device)
        C, F, V, M = self._frames.shape  # the last frame is empty: what lies beyond a clip's end
        frame = torch.where(time < length[:, None], start[:, None] + time, F - 1)  # (N, T)
        channel = torch.arange(0, C * F, F, device=self.device)[:, None]
        rows = frame[:, None] + channel  # (N, C, T)
        x = self._frames.view(C * F, V * M).index_select(0, rows.flatten())
        return self._finish(x.view(*rows.shape, V, M), length)

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[tuple[Tensor, Tensor]]:
        """The batch of each index array; a streamed set reads one while the last one is in use."""
        if self._frames is not None:
            yield from (self(indices) for indices in batches)
            return
        with ThreadPoolExecutor(max_workers=1) as reader:
            ahead = None
            for indices in batches:
                coming = reader.submit(self._read, np.asarray(indices))
                if ahead is not None:
                    yield self._place(*ahead.result())
                ahead = coming
            if ahead is not None:
                yield self._place(*ahead.result())

    def _read(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        clips = self.clips
        length = clips.length[indices]
        shape = (self.persons, *clips.joints.shape[2:])
        x = np.zeros((len(indices), int(length.max()), *shape), np.float32)
        present = min(self.persons, clips.persons)
        for row, (start, count) in enumerate(zip(clips.start[indices], length, strict=True)):
            x[row, :count, :present] = clips.joints[start : start + count, :present]
        pair = torch.from_numpy(x), torch.from_numpy(length)
        if self.device.type != "cuda":
            return pair
        return pair[0].pin_memory(), pair[1].pin_memory()

    def _place(self, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        x, length = (part.to(self.device, non_blocking=True) for part in (x, length))
        return self._finish(x.permute(0, 4, 1, 3, 2).contiguous(), length)

    def _finish(self, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        clips = self.clips
        return normalize(x, length, clips.normalize, clips.skeleton, clips.coordinates)


def resize(x: Tensor, lengths: Tensor, frames: int) -> Tensor:
    """Whole clips `(N, C, T, V, M)` of `lengths` `(N,)` in `frames`: what protocols encode."""
    return crop_resize(x, torch.zeros_like(lengths), lengths, frames)


def _all_frames(clips: ClipSet, persons: int, device: torch.device) -> Tensor:
    """The frames of the set's clips, packed, and an empty one: `(C, sum of lengths + 1, V, M)`.

    A clip's frames of one coordinate lie end to end, as batches read them.
    """
    present = min(persons, clips.persons)
    shape = (clips.channels, int(clips.length.sum()) + 1, clips.skeleton.joints, persons)
    frames, at = torch.zeros(shape, device=device), 0
    for _, joints in clips.blocks():  # not at once: there is no second copy of the set
        part = torch.from_numpy(np.array(joints[:, :present], np.float32)).to(device)
        frames[:, at : at + len(part), :, :present] = part.permute(3, 0, 2, 1)
        at += len(part)
    return frames


def _fits(clips: ClipSet, persons: int, device: torch.device) -> bool:
    # On a CPU what a laptop can spare; larger sets stay memory-mapped.
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 8 * 2**30
    size = int(clips.length.sum()) * persons * int(np.prod(clips.joints.shape[2:])) * 4
    return size < RESIDENT_SHARE * free
