"""Where the frames of a C3D lie, and how many: what header and parameters say, and the file's size.

A C3D says most of this twice or more, and real files contradict themselves: one frame too many, the
samples of one moment for those of a frame, the place that the frames had before a program rewrote
the file. The parameters count, as other programs have it; where they don't fit the file's size to
the block, and another statement of the file does, that one counts, and a note says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ..motion.resample import LARGEST

BLOCK = 512
ABSURD = 8  # times a file's size: what says that there is so much is damaged
MOST = 65_535  # the header's counts end here: so many, or more
Value = list[str] | np.ndarray
"""A parameter: texts without padding, or numbers in one row."""


class Header(NamedTuple):
    """The numbers of the first block that tell of the frames.

    Args:
        used: points.
        analog: words behind the points of a frame.
        first: number of the first frame.
        last: of the last one.
        data: block in which frames begin, counted from 1.
        samples: of an analog channel in a frame.
    """

    used: int
    analog: int
    first: int
    last: int
    data: int
    samples: int


class Place(NamedTuple):
    """How the frames lie.

    Args:
        frames: how many.
        used: points of each.
        analog: words behind them.
        data: block in which they begin, counted from 1.
    """

    frames: int
    used: int
    analog: int
    data: int

    def bytes(self, size: int) -> int:
        """All frames together, of words of `size` bytes."""
        return self.frames * (4 * self.used + self.analog) * size


_CALLED = Place("frames", "points a frame", "analog words a frame", "the first block of frames")  # type: ignore[arg-type]  # the fields' names in messages


def find(
    where: object, raw: bytes, header: Header, parameters: Mapping[str, Value], size: int
) -> tuple[Place, tuple[str, ...]]:
    """Where the frames lie, and notes on what contradicts itself.

    Args:
        where: file, for messages.
        raw: its content.
        header: of it.
        parameters: "GROUP:NAME" -> value.
        size: bytes of a word.

    Raises:
        InputError: no points or no frames, or fewer than the file says by each count.
    """
    stated = [*_stated(header, parameters)]
    usual = stated[0]
    if usual.used < 1 or usual.frames < 1:
        kinds = {name.partition(":")[0] for name in parameters}
        others = [k.lower() for k in ("ROTATION", "ANALOG") if number(parameters, f"{k}:USED", 0)]
        more = f" (it holds {' and '.join(others)} data alone)" if others and kinds else ""
        raise InputError(
            f"{where}: {usual.used} markers in {usual.frames} frames; nothing to read{more}"
        )
    end = _end(raw, parameters)
    believed = usual.bytes(size) <= ABSURD * len(raw)  # else it is damage
    for place in stated if believed else ():
        if 0 <= end - (place.data - 1) * BLOCK - place.bytes(size) <= BLOCK:
            differing = [
                f"{name} {mine}, not {theirs}"
                for name, mine, theirs in zip(_CALLED, place, usual, strict=True)
                if mine != theirs
            ]
            told = f"contradicts itself; by its size it has {', '.join(differing)}"
            return place, (told,) if differing else ()
    held = max(0, end - (usual.data - 1) * BLOCK) // usual._replace(frames=1).bytes(size)
    if usual.frames > held:
        raise InputError(
            f"{where}: says {usual.frames} frames of {usual.used} markers, but holds {held}; it is "
            "cut off or damaged, copy it again"
        )
    if usual.frames != MOST:
        return usual, ()
    # A program that knows no way beyond the header's count wrote all frames, and their end is lost.
    length = usual._replace(frames=1).bytes(size)
    frames = MOST + len(raw[:end][(usual.data - 1) * BLOCK + MOST * length :].rstrip(b"\0"))
    whole = usual._replace(frames=min(held, -(-(frames - MOST) // length) + MOST))
    return whole, (f"its counts end at {MOST} frames; all {whole.frames} that it holds are read",)


def number(parameters: Mapping[str, Value], key: str, otherwise: float) -> float:
    """The first number of a parameter."""
    value = parameters.get(key)
    if isinstance(value, np.ndarray) and len(value) and np.isfinite(value[0]):
        return float(value[0])
    return float(otherwise)


def _stated(header: Header, parameters: Mapping[str, Value]) -> Iterator[Place]:
    """What the file says, the usual reading first, then with ever more that is unusual."""
    used = [int(number(parameters, "POINT:USED", header.used)), header.used]
    data = [int(number(parameters, "POINT:DATA_START", 0)), header.data]
    data = [block for block in data if block > 1] or [0]
    channels = int(number(parameters, "ANALOG:USED", 0))
    rates = [number(parameters, f"{kind}:RATE", 0) for kind in ("ANALOG", "POINT")]
    ratio = round(min(rates[0] / rates[1], MOST)) if min(rates) > 0 else 0
    analog = [header.analog, channels * header.samples, channels * ratio]
    choices = [
        [*dict.fromkeys(choice)] for choice in (_counts(header, parameters), used, analog, data)
    ]
    places = [
        (sum(at), Place(*(choice[i] for choice, i in zip(choices, at, strict=True))))
        for at in product(*(range(len(choice)) for choice in choices))
    ]
    for _, place in sorted(places, key=lambda pair: pair[0]):
        yield place


def _counts(header: Header, parameters: Mapping[str, Value]) -> list[int]:
    """Frames; a header counts to 65535, for more there are three newer places."""
    counts: list[float] = []
    start, end = (parameters.get(f"TRIAL:ACTUAL_{key}_FIELD", []) for key in ("START", "END"))
    if (
        len(start) == len(end) == 2
        and isinstance(start, np.ndarray)
        and isinstance(end, np.ndarray)
    ):
        counts.append(end[0] + 65536 * end[1] - start[0] - 65536 * start[1] + 1)
    stated = [number(parameters, f"POINT:{key}", 0) for key in ("LONG_FRAMES", "FRAMES")]
    counts += [count for count in stated if 0 < count <= LARGEST and count != MOST]
    counts.append(header.last - header.first + 1)
    return [int(count) for count in counts if abs(count) <= LARGEST]


def _end(raw: bytes, parameters: Mapping[str, Value]) -> int:
    """Where frames end at the latest: at the file's end, or where rotations begin."""
    block = number(parameters, "ROTATION:DATA_START", 0)
    if number(parameters, "ROTATION:USED", 0) > 0 and 1 < block <= len(raw) // BLOCK:
        return (int(block) - 1) * BLOCK
    return len(raw)
