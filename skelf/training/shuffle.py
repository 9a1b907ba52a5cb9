"""The order of an epoch's clips: a full permutation, or windows over chunks of neighbours.

A full permutation reads clips from anywhere: of a set larger than the memory each one is a read of
its own from the disk. `Windows` reads neighbours together. Clips of a set stand in chunks, which
come in a drawn order. Some chunks at a time make a window, and all clips of a window are mixed.
Both count clips, not files, so that one file and its shards give the same order. Any place of an
order follows from (seed, epoch) alone: a resume stores nothing, and no window is listed before its
turn.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Order(Protocol):
    """Clips in the order of an epoch."""

    def __len__(self) -> int:
        """Clips."""

    def __getitem__(self, span: slice) -> np.ndarray:
        """The clips at places `span.start` to `span.stop`, cut at the end."""

    def coming(self, span: slice, told: int | None) -> tuple[list[np.ndarray], int]:
        """Chunks that are to be read soon, when the clips at places `span` are in use next."""


class Full:
    """A permutation as it was drawn; 8 bytes a clip.

    Args:
        order: `(N,)` clips.
    """

    def __init__(self, order: np.ndarray) -> None:
        self.order = order

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, span: slice) -> np.ndarray:
        return self.order[span]

    def coming(self, span: slice, told: int | None) -> tuple[list[np.ndarray], int]:
        """None: no clip's neighbours are read with it."""
        return [], 0


class Windows:
    """Chunks of consecutive clips in a drawn order, mixed some at a time; 8 bytes a chunk.

    Where the chunks begin is drawn, too, so that other clips are neighbours in the next epoch. A
    set that one window holds is permuted fully.

    Args:
        count: clips.
        key: what the draws follow from: seed, epoch, and which of several orders it is.
        neighbours: clips of a chunk; the first and the last one of the set may have fewer.
        window: chunks that are mixed at a time.
        members: `(count,)`, the clips where they are not `0, ..., count - 1`.

    Examples:
        >>> order = Windows(12, (0, 0, 0), neighbours=3, window=2)
        >>> sorted(order[0:12].tolist()) == list(range(12))
        True
        >>> bool((order[4:7] == order[0:12][4:7]).all())  # from any place on
        True
    """

    def __init__(
        self,
        count: int,
        key: tuple[int, int, int],
        neighbours: int,
        window: int,
        members: np.ndarray | None = None,
    ) -> None:
        self.count, self.neighbours, self.window, self.members = count, neighbours, window, members
        # Not (*key, 0): to a generator zeros at the end are none, and `Full` has (seed, epoch).
        self.key = key[0], key[1], 1 + key[2]
        draw = np.random.default_rng(self.key)
        self.offset = int(draw.integers(neighbours))  # how many clips the first chunk lacks
        chunks = -(-(count + self.offset) // neighbours)
        self.chunks = draw.permutation(chunks)
        firsts = np.arange(0, chunks, window)
        sizes = np.full(len(firsts), window * neighbours)
        if chunks:  # three chunks may be short: the first, the last, and the last window has fewer
            sizes[-1] = (chunks - firsts[-1]) * neighbours
            places = np.flatnonzero((self.chunks == 0) | (self.chunks == chunks - 1))
            for place in places:
                sizes[place // window] -= neighbours - len(self._chunk(int(place)))
        self.ends = np.cumsum(sizes)  # (windows,) places
        self._held: tuple[int, np.ndarray] = -1, np.zeros(0, np.int64)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, span: slice) -> np.ndarray:
        at, stop, _ = span.indices(self.count)
        parts = [np.zeros(0, np.int64)]
        while at < stop:
            number = int(np.searchsorted(self.ends, at, "right"))
            end = min(stop, int(self.ends[number]))
            clips = self._mixed(number)
            first = int(self.ends[number]) - len(clips)
            parts.append(clips[at - first : end - first])
            at = end
        return self._named(np.concatenate(parts))

    def coming(self, span: slice, told: int | None) -> tuple[list[np.ndarray], int]:
        """The chunks of a window ahead, one for each chunk that is used up.

        Args:
            span: places of the clips in use.
            told: what the last call gave; None: nothing was told, so all of the window under way.

        Returns:
            Each chunk's clips, and how many chunks of the order have been told by now.
        """
        if told is None:
            told = int(np.searchsorted(self.ends, span.start, "right")) * self.window
        soon = span.stop // self.neighbours + self.window + 2  # two chunks may be short
        now = max(told, min(soon, len(self.chunks)))
        return [self._named(np.array(self._chunk(at))) for at in range(told, now)], now

    def _chunk(self, place: int) -> range:
        first = int(self.chunks[place]) * self.neighbours - self.offset
        return range(max(first, 0), min(first + self.neighbours, self.count))

    def _mixed(self, number: int) -> np.ndarray:
        """The clips of a window in their order."""
        if self._held[0] != number:
            places = range(number * self.window, min((number + 1) * self.window, len(self.chunks)))
            clips = np.concatenate([np.array(self._chunk(place), np.int64) for place in places])
            np.random.default_rng((*self.key, 1 + number)).shuffle(clips)
            self._held = number, clips
        return self._held[1]

    def _named(self, clips: np.ndarray) -> np.ndarray:
        return clips if self.members is None else self.members[clips]
