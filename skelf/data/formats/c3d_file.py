"""The C3D binary: header, parameters, points; `readers/c3d.py` makes clips of it.

Three makes of processor wrote such files (Intel, DEC, MIPS), as integers or as floats; all six are
read. Nothing is believed before it is compared with the size of the file.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..motion.resample import LARGEST
from . import c3d_frames, source
from .c3d_frames import BLOCK, Value, number
from .look import Look

INTEL, DEC, MIPS = 84, 85, 86
_SIZES = {-1: 1, 1: 1, 2: 2, 4: 4}  # bytes of a parameter's type: text, byte, integer, float


@dataclass(frozen=True)
class Recording:
    """What a file holds of markers.

    Args:
        points: `(T, P, 3)` in the file's unit, NaN where one was not seen; float32 or float64, as
            the file's numbers need.
        labels: a name for each point; "" where the file has none.
        fps: frames a second.
        parameters: "GROUP:NAME" -> value.
        notes: where the file contradicts itself.
    """

    points: np.ndarray
    labels: list[str]
    fps: float
    parameters: dict[str, Value]
    notes: tuple[str, ...] = ()


def load_recording(file: Path) -> Recording:
    """Reads a file.

    Raises:
        InputError: cut off, damaged, or no C3D.
    """
    raw = source.content(file)
    start = (raw[0] - 1) * BLOCK
    if len(raw) < 2 * BLOCK or raw[1] != 0x50 or not 0 < start <= len(raw) - 4:
        raise InputError(f"{file}: no C3D file by its first bytes, or cut off; copy it again")
    processor = raw[start + 3]
    if processor not in (INTEL, DEC, MIPS):
        raise InputError(f"{file}: processor {processor} is unknown; C3D has {INTEL} to {MIPS}")
    try:
        parameters = _parameters(raw, start, processor)
    except (struct.error, IndexError, ValueError, KeyError):
        raise InputError(f"{file}: its parameters are damaged; copy or export it again") from None
    points, fps, notes = _points(file, raw, processor, parameters)
    labels: list[str] = []
    for place in ("", *range(2, 1 + points.shape[1])):  # one list holds at most 255
        more = parameters.get(f"POINT:LABELS{place}")
        if more is None:
            break
        labels += more if isinstance(more, list) else []
    labels = [*labels, *[""] * points.shape[1]][: points.shape[1]]
    return Recording(points, labels, fps, parameters, notes)


def _parameters(raw: bytes, start: int, processor: int) -> dict[str, Value]:
    """All parameters as "GROUP:NAME", in the order of the file."""
    end = min(len(raw), start + raw[start + 2] * BLOCK) if raw[start + 2] else len(raw)
    integer = ">H" if processor == MIPS else "<H"
    groups: dict[int, str] = {}
    entries: list[tuple[int, str, Value]] = []
    at = start + 4
    while at + 2 < end:
        length, number = struct.unpack_from("bb", raw, at)  # a locked one has a negative length
        if not length:
            break
        link = at + 2 + abs(length)
        name = raw[at + 2 : link].decode("latin-1").strip().upper()
        (step,) = struct.unpack_from(integer, raw, link)
        if number < 0:
            groups[-number] = name
        elif number > 0:
            entries.append((number, name, _value(raw, link + 2, processor)))
        if not step:
            break
        at = link + step
    return {f"{groups.get(number, '')}:{name}": value for number, name, value in entries}


def _value(raw: bytes, at: int, processor: int) -> Value:
    kind, rank = struct.unpack_from("bB", raw, at)
    sizes = raw[at + 2 : at + 2 + rank]
    data = at + 2 + rank
    if kind not in _SIZES or len(sizes) < rank:
        raise ValueError
    count = math.prod(sizes)
    if count * _SIZES[kind] > len(raw) - data:
        raise ValueError
    if kind == 4:
        return _floats(raw, data, count, processor).astype(float)
    if kind != -1:
        order = ">" if processor == MIPS else "<"
        return np.frombuffer(raw, f"{order}u{_SIZES[kind]}", count, data).astype(np.int64)
    width = sizes[0] if sizes else 1
    if not width or len(sizes) < 2:
        return [_text(raw[data : data + count])] if count else []
    return [_text(raw[i : i + width]) for i in range(data, data + count, width)]


def _text(raw: bytes) -> str:
    """UTF-8, else Latin-1, which no byte can stop; without what pads it."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text.strip(" \0\t\r\n")


def _floats(raw: bytes | memoryview, at: int, count: int, processor: int) -> np.ndarray:
    if processor != DEC:
        return np.frombuffer(raw, ">f4" if processor == MIPS else "<f4", count, at)
    # DEC's floats are IEEE's with the two words swapped and an exponent that is two higher.
    words = np.frombuffer(raw, "<u2", 2 * count, at).reshape(-1, 2)[:, ::-1]
    return np.ascontiguousarray(words).view("<f4")[:, 0] / np.float32(4)


def _points(
    file: Path, raw: bytes, processor: int, parameters: dict[str, Value]
) -> tuple[np.ndarray, float, tuple[str, ...]]:
    """Points `(T, P, 3)`, NaN where not seen, frames a second, and notes."""
    order = ">" if processor == MIPS else "<"
    used, analog, first, last = struct.unpack_from(f"{order}4H", raw, 2)
    data, samples = struct.unpack_from(f"{order}2H", raw, 16)
    scale, rate = (_floats(raw, at, 1, processor)[0] for at in (12, 20))
    # Where parameters repeat the header they are the ones that programs keep right.
    scale = number(parameters, "POINT:SCALE", scale)
    fps = source.rate(f"{file}: POINT:RATE", number(parameters, "POINT:RATE", rate))
    size = 4 if scale < 0 else 2
    header = c3d_frames.Header(used, analog, first, last, data, samples)
    place, notes = c3d_frames.find(file, raw, header, parameters, size)
    if size == 2 and not 0 < scale <= LARGEST:
        raise InputError(f"{file}: POINT:SCALE is {scale:g}; integer points need a number above 0")
    if size == 2:
        values = _marker_rows(raw, f"{order}i2", place)
        points = values[..., :3] * scale
    elif processor == DEC:
        words = _marker_rows(raw, "<u4", place)
        values = _floats(words.tobytes(), 0, words.size, processor).reshape(words.shape)
        points = values[..., :3]
    else:
        values = _marker_rows(raw, f"{order}f4", place).astype(np.float32)
        points = values[..., :3]
    size_of = np.abs(points[..., 0])  # above zero where a point is, and NaN as its numbers are
    with np.errstate(over="ignore"):
        size_of += np.abs(points[..., 1])
        size_of += np.abs(points[..., 2])
    unseen = (values[..., 3] < 0) | ~(size_of > 0)
    if not ((size_of <= LARGEST) | unseen).all():
        source.believed(f"{file}: points", points[~unseen])
    points[unseen] = np.nan
    return points, fps, notes


def _marker_rows(raw: bytes, kind: str, place: c3d_frames.Place) -> np.ndarray:
    """The four numbers of each point `(T, P, 4)`, without what force plates gave behind them."""
    size, shape = int(kind[-1]), (place.frames, place.used, 4)
    row = (4 * place.used + place.analog) * size
    return np.ndarray(shape, kind, raw, (place.data - 1) * BLOCK, (row, 4 * size, size))


def told(look: Look) -> str:
    """Why a file is a C3D: its second byte, and a place of parameters near the start."""
    head = look.head
    is_c3d = len(head) >= BLOCK and head[1] == 0x50 and 2 <= head[0] <= 5 and b"\0" in head
    return "its first bytes are C3D's" if is_c3d else ""
