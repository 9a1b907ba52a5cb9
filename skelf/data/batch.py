"""Batches of ragged clips on the device: gathered there when resident, else streamed to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from . import check
from .clips import ClipSet
from .normalize import normalize
from .paging import let_go, will_need
from .staging import Staging, receive

Pair = tuple[Tensor, Tensor]
"""Clips and their lengths."""
READ = 1 << 25  # bytes of a mapped file that count as this process's memory at most: 32 MiB
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
        InputError: a set without clips, or joints that are damaged; later, a file that was cut off.

    Examples:
        >>> import numpy as np
        >>> from skelf.data.synthetic.clips import generate
        >>> clips = generate(clips=12)
        >>> x, lengths = ClipBatches(clips)(np.array([4, 7]))  # (N, C, T, V, M) and (N,)
        >>> x.shape == (2, 3, clips.length[[4, 7]].max(), 20, 1)
        True
        >>> lengths.tolist() == clips.length[[4, 7]].tolist()
        True
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
        self._mapped = 0  # bytes that were read since pages were let go
        # Copies: torch warns of columns that are mapped, which nobody may write to.
        self._start = torch.as_tensor(np.array(clips.start), device=self.device)
        self._length = torch.as_tensor(np.array(clips.length), device=self.device)
        keep = _fits(clips, self.persons, self.device) if resident == "auto" else resident
        clips.verify()
        self._frames: Tensor | None = None
        if keep:  # the kept frames hold this set's clips only, packed
            self._frames = _all_frames(clips, self.persons, self.device)
            self._length = torch.tensor(clips.length, device=self.device)
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
        C, F, V, M = self._frames.shape  # the last frame is empty: what lies beyond a clip's end
        frame = torch.where(time < length[:, None], start[:, None] + time, F - 1)  # (N, T)
        channel = torch.arange(0, C * F, F, device=self.device)[:, None]
        rows = frame[:, None] + channel  # (N, C, T)
        x = self._frames.view(C * F, V * M).index_select(0, rows.flatten())
        return self._finish(x.view(*rows.shape, V, M), length)

    def _indices(self, indices: Tensor | np.ndarray) -> tuple[Tensor, int]:
        """Indices on the device, and the longest clip's frames, without waiting for the device."""
        index = torch.as_tensor(indices).cpu()
        longest = int(self.clips.length[index.numpy()].max())
        if self.device.type == "cuda":  # locked memory: a copy from any other waits for the queue
            return index.pin_memory().to(self.device, non_blocking=True), longest
        return index, longest

    def stream(
        self, batches: Iterable[np.ndarray], ahead: Iterable[Sequence[np.ndarray]] = ()
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The batch of each index array; a streamed set reads one while the last one is in use.

        To a GPU it is copied meanwhile, too.

        Args:
            batches: an index array each.
            ahead: for each batch, chunks of neighbouring clips that later batches are made of: the
                system reads them in one piece.
        """
        if self._frames is not None:
            yield from (self(indices) for indices in batches)
            return
        staging = Staging(self.device) if self.device.type == "cuda" else None
        with ThreadPoolExecutor(max_workers=1) as reader:
            chunks, last = iter(ahead), None
            for indices in batches:
                coming = reader.submit(self._send, np.asarray(indices), staging)
                reader.submit(self._read_soon, next(chunks, ()))
                if last is not None:
                    yield self._finish(*last.result()())
                last = coming
            if last is not None:
                yield self._finish(*last.result()())

    def _read_soon(self, chunks: Sequence[np.ndarray]) -> None:
        """Has the frames of each chunk read in one piece, if there is little between its clips."""
        for clips in chunks:
            start, length = self.clips.start[clips], self.clips.length[clips]
            begin, end = int(start.min()), int((start + length).max())
            if end - begin <= 2 * length.sum():
                will_need(self.clips.joints, begin, end)

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
        """Of a batch, `(N, C, T, V, M)`."""
        _, _, V, C = self.clips.joints.shape
        return len(indices), C, int(self.clips.length[indices].max()), V, self.persons

    def _write(self, indices: np.ndarray, x: np.ndarray) -> None:
        """Writes the clips, and zeros behind them and for absent persons, to `x`."""
        check.whole(self.clips, self.clips.joints)
        start, length = self.clips.start[indices], self.clips.length[indices]
        present = min(self.persons, self.clips.persons)
        x[..., present:] = 0
        joints = self.clips.joints
        if isinstance(joints, np.ndarray):
            joints = np.asarray(joints)  # a slice of a memmap takes ten times as long
        for row, begin, count in zip(x, start, length, strict=True):
            clip = joints[begin : begin + count][:, :present]  # (count, M, V, C)
            row[:, :count, :, :present] = clip.transpose(3, 0, 2, 1)
            row[:, count:] = 0
        self._mapped += 4 * int(length.sum()) * int(np.prod(joints.shape[1:]))
        if self._mapped > READ:
            let_go(self.clips.joints)
            self._mapped = 0

    def _place(self, x: Tensor, length: Tensor) -> Pair:
        return x.to(self.device), length.to(self.device)

    def _finish(self, x: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        clips = self.clips
        return normalize(x, length, clips.normalize, clips.skeleton, clips.coordinates)


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
