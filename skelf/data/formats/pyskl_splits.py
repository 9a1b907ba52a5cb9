"""Splits of pyskl files, two lists of clip names each, to and from those of a ClipSet."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ...errors import InputError

SIDES = {"train": 1, "val": 2, "test": 2}
_NAME = re.compile(r"(?:(.*)_)?(train|val|test)(\d*)")


def read_splits(
    path: Path, lists: Mapping[str, object], names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Lists of clip names as splits.

    `xsub_train` and `xsub_val` make `xsub`, `train1` and `test1` make `split1`, `train` and `val`
    make `split`. Where a validation and a test list are both there, the first is `..._val`.

    Args:
        path: for messages.
        lists: name -> clip names.
        names: `(N,)` of all clips.

    Raises:
        InputError: clip names that stand twice, a list that is none, or a clip on both sides.
    """
    index = {name: number for number, name in enumerate(names)}
    if lists and len(index) < len(names):  # `index` would tell only the last of them
        twice = next(name for name in names if list(names).count(name) > 1)
        raise InputError(f"{path}: two clips are called {twice!r}; splits need different names")
    keys_by_side: dict[str, dict[str, str]] = {}
    unused = []
    for key in lists:
        match = _NAME.fullmatch(str(key))
        if match:
            keys_by_side.setdefault((match[1] or "split") + match[3], {})[match[2]] = key
        else:
            unused.append(str(key))
    splits: dict[str, np.ndarray] = {}
    absent = 0
    for base, sides in keys_by_side.items():
        both = {"val", "test"} <= sides.keys()
        parts = [(base, [k for s, k in sides.items() if s != "val" or not both])]
        parts += [(f"{base}_val", [k for s, k in sides.items() if s != "test"])] if both else []
        for name, keys in parts:
            splits[name] = np.zeros(len(names), np.int8)
            for key in keys:
                listed = _names(path, key, lists[key])
                chosen = [index[clip] for clip in listed if clip in index]
                absent += len(listed) - len(chosen)
                if splits[name][chosen].any():
                    raise InputError(f"{path}: split {name}: clips on both sides; list each once")
                splits[name][chosen] = SIDES[_side(key)]
    if unused:
        warnings.warn(
            f"{path}: splits {', '.join(unused)[:200]}: neither train nor val nor test; left out",
            stacklevel=4,
        )
    if absent:
        warnings.warn(
            f"{path}: splits name {absent} clips that the file does not hold", stacklevel=4
        )
    return splits


def write_splits(splits: Mapping[str, np.ndarray], names: Sequence[str]) -> dict[str, list[str]]:
    """Splits as `<name>_train` and `<name>_val`, each a list of clip names."""
    return {
        f"{key}_{word}": [names[i] for i in np.flatnonzero(side == SIDES[word]).tolist()]
        for key, side in splits.items()
        for word in ("train", "val")
    }


def _side(key: str) -> str:
    match = _NAME.fullmatch(key)
    assert match
    return match[2]


def _names(path: Path, key: str, names: object) -> Sequence[str]:
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: split {key}: not a list of clip names")
    return names
