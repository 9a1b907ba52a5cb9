"""Some thousand windows of an index in one file: vectors, where each window lies, whose it is.

A part is a `.safetensors` file, so it holds arrays and text and nothing that runs. Vectors are kept
as their difference from the part's mean, in half precision: encoders give all motions a large part
in common, of which half precision would leave too little beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import save

from ..checkpoints.checksums import checksum
from ..files import replacing
from .whole import refuse_damaged

WINDOWS = 4096
"""Of a part at most: what a killed command loses, and what is in memory at once."""
_SMALLEST = 1e-30  # of a scale: vectors that are all the same


@dataclass(frozen=True, eq=False)
class Recordings:
    """What is known of recordings, one row each; of a part that is opened in 32 bits, and mapped.

    Args:
        source: `(R,)` int64, number of the file in the index.
        number: `(R,)` int64, which recording of that file, as it was brought to the encoder.
        clip: `(R,)` int64, which of the file itself; several persons of one may be apart.
        name: `R` names; of a part that is opened they are read when one is asked for.
        fps: `(R,)` float64, frames a second of the file.
        frames: `(R,)` int64, frames of the file.
        label: `(R,)` int64, class of a clip in the index's list, -1 unknown.
        subject: `(R,)` int64, -1 unknown; so are `camera`, `setup`.
        camera: `(R,)` int64.
        setup: `(R,)` int64.
        person: `(R,)` int64, whose motion it is where each person is one, else -1.
        digest: `(R,)` int64, a hash of the file's frames of it.
    """

    source: np.ndarray
    number: np.ndarray
    clip: np.ndarray
    name: Sequence[str]
    fps: np.ndarray
    frames: np.ndarray
    label: np.ndarray
    subject: np.ndarray
    camera: np.ndarray
    setup: np.ndarray
    person: np.ndarray
    digest: np.ndarray

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows: np.ndarray) -> Recordings:
        """Those of `rows`."""
        return Recordings(
            **{key: getattr(self, key)[rows] for key in _COLUMNS},
            name=[self.name[row] for row in rows],
        )


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows, one row each, in frames of their files; of a part in 32 bits, and mapped.

    Args:
        source: `(W,)` int64, number of the file in the index.
        recording: `(W,)` int64, which recording of that file.
        start: `(W,)` int64, first frame.
        end: `(W,)` int64, exclusive.
        scale: `(W,)` int64, index of the scale.
        label: `(W,)` int64, class in the index's list, -1 unknown.
    """

    source: np.ndarray
    recording: np.ndarray
    start: np.ndarray
    end: np.ndarray
    scale: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    def one(self, row: int) -> Window:
        """One of them."""
        return Window(*(int(getattr(self, key)[row]) for key in _WINDOW_COLUMNS))


class Window(NamedTuple):
    """One row of `Windows`."""

    source: int
    recording: int
    start: int
    end: int
    scale: int
    label: int


class Names(Sequence[str]):
    """The names of a part's recordings, read from its file at each look: most are never wanted.

    Args:
        header: the part's, mapped.
        count: of the names.
    """

    def __init__(self, header: np.ndarray, count: int) -> None:
        self._header, self._count = header, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: Any) -> Any:  # a name, or some of a slice
        return self._all()[at]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def _all(self) -> list[str]:
        names: list[str] = json.loads(json.loads(self._header.tobytes())["__metadata__"]["names"])
        return names


_COLUMNS = tuple(field.name for field in fields(Recordings) if field.name != "name")
_WINDOW_COLUMNS = tuple(field.name for field in fields(Windows))


def together(parts: Sequence[Recordings]) -> Recordings:
    """The rows of several, one after the other."""
    joined = {key: np.concatenate([getattr(part, key) for part in parts]) for key in _COLUMNS}
    return Recordings(**joined, name=[name for part in parts for name in part.name])


def together_windows(parts: Sequence[Windows]) -> Windows:
    """The rows of several, one after the other."""
    columns = {k: np.concatenate([getattr(part, k) for part in parts]) for k in _WINDOW_COLUMNS}
    return Windows(**columns)


@dataclass(frozen=True, eq=False)
class Part:
    """A part as it is opened: tables and vectors mapped.

    Args:
        windows: its windows.
        recordings: those whose first window is among them.
        mean: `(D,)` float64, the vectors' mean.
        squares: `(D,)` float64, the sum of squared differences from it.
        scale: what `kept` was divided by.
        kept: `(W, D)` float16, mapped: differences from the mean.
    """

    windows: Windows
    recordings: Recordings
    mean: np.ndarray
    squares: np.ndarray
    scale: float
    kept: np.ndarray


def write(path: Path, vectors: np.ndarray, windows: Windows, recordings: Recordings) -> str:
    """Writes a part whole or not at all.

    Args:
        path: the file.
        vectors: `(W, D)`, as the encoder gives them.
        windows: `W` windows.
        recordings: those whose first window is among them.

    Returns:
        its checksum.

    Raises:
        OSError: it could not be written.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    apart = vectors - mean
    scale = max(float(np.abs(apart).max(initial=0)), _SMALLEST)
    arrays = {
        "kept": (apart / scale).astype(np.float16),
        "mean": mean,
        "squares": (apart**2).sum(axis=0),
        "scale": np.array([scale]),
        **{f"window.{key}": getattr(windows, key) for key in _WINDOW_COLUMNS},
        **{f"recording.{key}": getattr(recordings, key) for key in _COLUMNS},
    }
    for key in arrays:
        if arrays[key].dtype == np.int64 and key != "recording.digest":
            arrays[key] = arrays[key].astype(np.int32)
    content = save(arrays, {"names": json.dumps(recordings.name)})
    with replacing(path) as beside:
        beside.write_bytes(content)
    return checksum(path)


def read(path: Path, expected: str) -> Part:
    """Opens a part and compares it with its checksum.

    Raises:
        InputError: missing, or not the bytes that were written.
    """
    refuse_damaged(path, expected, "this part of the index")
    arrays, header = _mapped(path)
    windows = {key: arrays[f"window.{key}"] for key in _WINDOW_COLUMNS}
    recordings = {key: arrays[f"recording.{key}"] for key in _COLUMNS}
    return Part(
        Windows(**windows),
        Recordings(**recordings, name=Names(header, len(recordings["number"]))),
        np.array(arrays["mean"]),
        np.array(arrays["squares"]),
        float(arrays["scale"][0]),
        arrays["kept"],
    )


def keys(rows: Windows | Recordings) -> np.ndarray:
    """Whose each row is, `(n,)` int64: of windows and recordings alike, in no order."""
    number = rows.recording if isinstance(rows, Windows) else rows.number
    return rows.source.astype(np.int64) << 32 | number


def _mapped(path: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The arrays of a part that is whole, and its header, all mapped."""
    kinds = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8"}
    data = np.memmap(path, np.uint8, mode="r").view(np.ndarray)  # rows are read faster so
    length = int.from_bytes(data[:8].tobytes(), "little")
    header = json.loads(data[8 : 8 + length].tobytes())
    del header["__metadata__"]
    arrays = {}
    for key, tensor in header.items():
        begin, end = (8 + length + offset for offset in tensor["data_offsets"])
        arrays[key] = data[begin:end].view(kinds[tensor["dtype"]]).reshape(tensor["shape"])
    return arrays, data[8 : 8 + length]
