"""Batches of ragged clips on the device: gathered there when resident, else streamed to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..augment import crop_resize
from ..errors import InputError
from .clips import ClipSet
from .normalize import normalize
from .staging import Staging, receive

Pair = tuple[Tensor, Tensor]
"""Clips and their lengths."""
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
        keep = _fits(clips, self.device) if resident == "auto" else resident
        self._frames = _all_frames(clips, self.device) if keep else None
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
            return self._finish(*self._place(*self._read(np.asarray(indices))))
        index, longest = self._indices(indices)
        start, length = self._start[index], self._length[index]
        time = torch.arange(longest, device=self.device)
        inside = time < length[:, None]  # (N, T)
        rows = start[:, None] + time.minimum(length[:, None] - 1)
        x = self._frames[rows] * inside[:, :, None, None, None]  # (N, T, M, V, C)
        return self._finish(x, length)

    def _indices(self, indices: Tensor | np.ndarray) -> tuple[Tensor, int]:
        """Indices on the device, and the longest clip's frames, without waiting for the device."""
        index = torch.as_tensor(indices).cpu()
        longest = int(self.clips.length[index.numpy()].max())
        if self.device.type == "cuda":  # locked memory: a copy from any other waits for the queue
            return index.pin_memory().to(self.device, non_blocking=True), longest
        return index, longest

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[tuple[Tensor, Tensor]]:
        """The batch of each index array; a streamed set reads one while the last one is in use.

        To a GPU it is copied meanwhile, too.
        """
        if self._frames is not None:
            yield from (self(indices) for indices in batches)
            return
        staging = Staging(self.device) if self.device.type == "cuda" else None
        with ThreadPoolExecutor(max_workers=1) as reader:
            ahead = None
            for indices in batches:
                coming = reader.submit(self._send, np.asarray(indices), staging)
                if ahead is not None:
                    yield self._finish(*ahead.result()())
                ahead = coming
            if ahead is not None:
                yield self._finish(*ahead.result()())

    def _send(self, indices: np.ndarray, staging: Staging | None) -> Callable[[], Pair]:
        """Reads a batch and starts its way to the device; what is called gives it there."""
        if staging is None:
            return partial(self._place, *self._read(indices))
        fill, shape = partial(self._write, indices), self._shape(indices)
        return partial(receive, *staging.send(shape, fill, self.clips.length[indices]))

    def _read(self, indices: np.ndarray) -> Pair:
        x = np.empty(self._shape(indices), np.float32)
        self._write(indices, x)
        return torch.from_numpy(x), torch.from_numpy(self.clips.length[indices])

    def _shape(self, indices: np.ndarray) -> tuple[int, ...]:
        return (
            len(indices),
            int(self.clips.length[indices].max()),
            *self.clips.joints.shape[1:],
        )

    def _write(self, indices: np.ndarray, x: np.ndarray) -> None:
        """Writes the clips, and zeros behind them, to `x` `(N, T, M, V, C)`."""
        start, length = self.clips.start[indices], self.clips.length[indices]
        for row, begin, count in zip(x, start, length, strict=True):
            row[:count] = self.clips.joints[begin : begin + count]
            row[count:] = 0

    def _place(self, x: Tensor, length: Tensor) -> Pair:
        return x.to(self.device), length.to(self.device)

    def _finish(self, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        x = x[:, :, : self.persons]
        if x.shape[2] < self.persons:
            x = torch.nn.functional.pad(x, (0, 0, 0, 0, 0, self.persons - x.shape[2]))
        clips = self.clips
        x = x.permute(0, 4, 1, 3, 2)
        return normalize(x, length, clips.normalize, clips.skeleton, clips.coordinates)


def resize(x: Tensor, lengths: Tensor, frames: int) -> Tensor:
    """Whole clips `(N, C, T, V, M)` of `lengths` `(N,)` in `frames`: what protocols encode."""
    return crop_resize(x, torch.zeros_like(lengths), lengths, frames)


def _all_frames(clips: ClipSet, device: torch.device) -> Tensor:
    """The frames of the set's clips, packed: `(sum of lengths, M, V, C)` on the device."""
    if np.array_equal(clips.start[1:], (clips.start + clips.length)[:-1]):
        first = int(clips.start[0])
        frames = np.array(clips.joints[first : first + int(clips.length.sum())], np.float32)
    else:
        frames = np.concatenate([clips.clip(i) for i in range(len(clips))])
    return torch.from_numpy(frames).to(device)


def _fits(clips: ClipSet, device: torch.device) -> bool:
    # On a CPU what a laptop can spare; larger sets stay memory-mapped.
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 8 * 2**30
    size = int(clips.length.sum()) * int(np.prod(clips.joints.shape[1:])) * 4
    return size < RESIDENT_SHARE * free
