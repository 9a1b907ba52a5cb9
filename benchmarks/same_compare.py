"""Compares two folders of what skelf wrote, file by file and number by number.

Left out is what tells when, how fast and by which version a file was written.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import torch
from safetensors.torch import load_file

TIMES = {
    "seconds", "version", "versions", "clips_per_second", "wait_share", "began", "host", "pid",
}  # fmt: skip
SKIPPED = (".html", ".parquet", ".log", ".lock")  # pages and locks; a table is compared as CSV
FEATURES = "features"  # files named by a hash of the code: compared by what they hold


class Compared(NamedTuple):
    """What a comparison came to.

    Args:
        files: files that were compared.
        differences: "where: what", the first of each file.
        largest: the largest difference of two numbers.
    """

    files: int
    differences: list[str]
    largest: float

    def __str__(self) -> str:
        if not self.files:
            return "DIFFERS: there is nothing"
        if not self.differences:
            return f"equal ({self.files})"
        number = f", at most {self.largest:.3g}" if self.largest else ""
        return f"DIFFERS in {len(self.differences)} of {self.files}{number}: {self.differences[0]}"


def compare(expected: Path, actual: Path) -> Compared:
    """All files of two folders; a file that one of them lacks is a difference."""
    names = sorted({*_files(expected), *_files(actual)})
    differences, largest = [], 0.0
    for name in names:
        pair = expected / name, actual / name
        lacking = [side.parent for side in pair if not side.exists()]
        if lacking:
            differences.append(f"{name}: only one side has it")
            continue
        found = differing(READ[pair[0].suffix](pair[0]), READ[pair[0].suffix](pair[1]))
        if found:
            differences.append(f"{name}{found[0][0]}: {found[0][1]}")
            largest = max(largest, *(size for _, _, size in found))
    return Compared(len(names), differences, largest)


def compare_features(expected: Path, actual: Path) -> Compared:
    """Two caches of features: each array of the one has its like in the other."""
    sides = [
        [load_file(file) for file in sorted(f.glob("*.safetensors"))] for f in (expected, actual)
    ]
    differences = []
    for number, held in enumerate(sides[0]):
        if not any(not differing(held, other) for other in sides[1]):
            shapes = {name: tuple(tensor.shape) for name, tensor in held.items()}
            differences.append(f"features {number} of {shapes}: no equal ones")
    if len(sides[0]) != len(sides[1]):
        differences.append(f"{len(sides[0])} and {len(sides[1])} files of features")
    return Compared(len(sides[0]), differences, 0.0)


def differing(one: Any, other: Any, where: str = "") -> list[tuple[str, str, float]]:
    """Where two values differ in depth: (path, what, size of the difference)."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        found = []
        for key in dict.fromkeys([*one, *other]):
            path = f"{where}.{key}"
            if key not in one or key not in other:
                found.append((path, "only one side has it", 0.0))
            else:
                found += differing(one[key], other[key], path)
        return found
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for i, pair in pairs for line in differing(*pair, f"{where}[{i}]")]
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return _arrays(one.detach().contiguous(), other.detach().contiguous(), where)
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return _arrays(one, other, where)
    if type(one) is type(other) and (one == other or (one != one and other != other)):
        return []
    size = abs(one - other) if isinstance(one, float) and isinstance(other, float) else 0.0
    return [(where, f"{_short(one)} and {_short(other)}", size)]


def _arrays(one: Any, other: Any, where: str) -> list[tuple[str, str, float]]:
    if one.dtype != other.dtype or one.shape != other.shape:
        kinds = [f"{side.dtype} {tuple(side.shape)}" for side in (one, other)]
        return [(where, " and ".join(kinds), 0.0)]
    left, right = (
        side.float().numpy() if isinstance(side, torch.Tensor) and side.dtype == torch.bfloat16
        else np.asarray(side) for side in (one, other)
    )  # fmt: skip
    if left.tobytes() == right.tobytes():
        return []
    if left.dtype.kind not in "fiu":
        return [(where, "other values", 0.0)]
    size = float(np.nanmax(np.abs(left.astype(np.float64) - right)))
    return [(where, f"differs by up to {size:.3g}", size)]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else f"{text[:77]}..."


def _files(folder: Path) -> list[str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    names = [path.relative_to(folder) for path in paths if path.suffix not in SKIPPED]
    return [
        name.as_posix()
        for name in names
        if FEATURES not in name.parts
        and "tfevents" not in name.name
        and not name.name.startswith(".")
    ]


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(inner) for key, inner in value.items() if key not in TIMES}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value


def _store(path: Path) -> dict[str, Any]:
    with h5py.File(path) as file:
        held: dict[str, Any] = {"attributes": _attributes(file)}

        def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
            held[name] = {"attributes": _attributes(item)}
            if isinstance(item, h5py.Dataset):
                held[name]["values"] = np.asarray(item[()])

        file.visititems(add)
    return held


def _attributes(item: h5py.Group | h5py.Dataset) -> dict[str, str]:
    values = {k: v.decode() if isinstance(v, bytes) else v for k, v in item.attrs.items()}
    return {key: str(value) for key, value in values.items()}


def _arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    # Scores carry the row that they belong to as a text.
    texts = {key: a for key, a in arrays.items() if a.dtype.kind == "U" and a.ndim == 0}
    return arrays | {key: _text(str(array)) for key, array in texts.items()}


def _text(text: str) -> Any:
    try:
        return _timeless(json.loads(text))
    except ValueError:
        return text


def _table(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [_timeless(row) for row in csv.DictReader(file)]


READ: dict[str, Callable[[Path], Any]] = {
    ".h5": _store,
    ".safetensors": load_file,
    ".pt": lambda path: torch.load(path, weights_only=True),
    ".npz": _arrays_of,
    ".json": lambda path: _text(path.read_text(encoding="utf-8")),
    ".jsonl": lambda path: [_text(line) for line in path.read_text(encoding="utf-8").splitlines()],
    ".csv": _table,
    ".md": lambda path: path.read_text(encoding="utf-8"),
    ".toml": lambda path: path.read_text(encoding="utf-8"),
    ".txt": lambda path: path.read_text(encoding="utf-8"),
}
