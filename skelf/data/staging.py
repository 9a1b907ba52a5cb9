"""The way of streamed batches to a GPU: two page-locked buffers and a stream of its own.

Locking pages is slow, so that the buffers are kept, and only a locked buffer is copied while the
GPU computes. A buffer is written again once the copy from it is done.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

SLOTS = 2  # one is copied while the other one is written


class Staging:
    """Copies batches to a CUDA device beside what it computes; for one reading thread.

    Args:
        device: the CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        # torch leaves the makers of streams and events untyped.
        self.stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._turn = 0
        self._slots = [_Slot() for _ in range(SLOTS)]

    def send(
        self, shape: tuple[int, ...], fill: Callable[[np.ndarray], None], length: np.ndarray
    ) -> tuple[Tensor, Tensor, torch.cuda.Event]:
        """Starts the copy of a batch; in the reading thread.

        Args:
            shape: of its frames.
            fill: writes all of a float32 array of this shape, which has other numbers in it.
            length: `(N,)` int64.

        Returns:
            Frames and lengths on the device, and the event after which they are there.
        """
        slot = self._slots[self._turn]
        self._turn = (self._turn + 1) % SLOTS
        if slot.copied is not None:
            slot.copied.synchronize()  # of the batch before the last one: long done, as a rule
        slot.frames = _fitting(slot.frames, int(np.prod(shape)))
        slot.length = _fitting(slot.length, len(length))
        frames = slot.frames[: int(np.prod(shape))].view(shape)
        lengths = slot.length[: len(length)]
        fill(frames.numpy())
        lengths.numpy()[:] = length
        with torch.cuda.stream(self.stream):
            sent = _copied(frames, self.device), _copied(lengths, self.device)
            slot.copied = torch.cuda.Event()  # type: ignore[no-untyped-call]  # as above
            slot.copied.record(self.stream)
        return *sent, slot.copied


class _Slot:
    """Locked memory for a batch, and the event after which it may be written."""

    def __init__(self) -> None:
        self.frames = torch.empty(0)
        self.length = torch.empty(0, dtype=torch.int64)
        self.copied: torch.cuda.Event | None = None


def receive(x: Tensor, length: Tensor, copied: torch.cuda.Event) -> tuple[Tensor, Tensor]:
    """What `send` gave, for the stream that computes: it waits for the copy, the host does not."""
    stream = torch.cuda.current_stream(x.device)
    stream.wait_event(copied)
    for part in (x, length):  # their memory belongs to the other stream, which may use it again
        part.record_stream(stream)
    return x, length


def _fitting(buffer: Tensor, size: int) -> Tensor:
    return buffer if len(buffer) >= size else _locked(size, buffer.dtype)


def _locked(size: int, dtype: torch.dtype) -> Tensor:
    return torch.empty(size, dtype=dtype, pin_memory=True)


def _copied(source: Tensor, device: torch.device) -> Tensor:
    """On the device once the current stream has come to it."""
    return torch.empty_like(source, device=device).copy_(source, non_blocking=True)
