"""Saved class scores of one evaluation: what `fusion` reads.

An `.npz` without pickles, beside the results:

    scores               (N, K) float32, raw: logits after the last epoch, or votes of k-NN
    scores_best_on_test  (N, K), as is scores_validated: at that selection's check, where there is;
                         a condition's are scores_spatial.last
    labels               (N,) int64
    names                (N,) str, the clips
    class_names          (classes,) str; K may be higher where labels go beyond the names
    row                  str, JSON: what all rows of the evaluation say, and the selection of scores
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile
from zlib import error as zlib_error

import numpy as np

from .data.clips import ClipSet
from .errors import InputError
from .files import replacing
from .protocols.outcome import Outcome

_FURTHER = "scores_"
_TEXTS = ("protocol", "selection", "definition", "method", "encoder", "stream", "data", "split")
_TORN = (OSError, EOFError, ValueError, BadZipFile, zlib_error, KeyError, MemoryError)
_BROKEN = (*_TORN, RuntimeError)  # an encrypted member, an unknown compression


class Scores(NamedTuple):
    """The content of a file of scores.

    Args:
        path: the file.
        scores: selection -> `(N, K)` float32, the last epoch's first.
        labels: `(N,)` int64, the true classes.
        names: the clips.
        class_names: the classes' names.
        row: what all rows of the evaluation say.
    """

    path: Path
    scores: dict[str, np.ndarray]
    labels: np.ndarray
    names: list[str]
    class_names: list[str]
    row: dict[str, Any]


def beside(results: Path, protocol: str) -> Path:
    """Where the scores of a protocol go: `results.json` -> `results.linear.scores.npz`."""
    return results.with_name(f"{results.stem}.{protocol}.scores.npz")


def save(path: Path, outcome: Outcome, test: ClipSet, row: Mapping[str, Any]) -> bool:
    """Writes the scores of an evaluation, whole or not at all; False where it has none.

    Args:
        path: the file; its folder must be there.
        outcome: the protocol's.
        test: the test split that it was run on.
        row: protocol, definition, and what all rows of the evaluation say; plain JSON.

    Raises:
        OSError: it could not be written; what was there before is untouched.
    """
    scores = outcome.by_selection()
    if not scores:
        return False
    first = next(iter(scores))
    arrays: dict[str, Any] = {
        "scores" if key == first else f"scores_{key}": np.asarray(z, np.float32)
        for key, z in scores.items()
    }
    names = [name for name, label in zip(test.names, test.label, strict=True) if label >= 0]
    with replacing(path) as hidden, hidden.open("wb") as file:
        np.savez_compressed(
            file,
            **arrays,
            labels=np.asarray(outcome.labels, np.int64),
            names=np.array(names, dtype=str),
            class_names=np.array(test.class_names, dtype=str),
            row=np.array(json.dumps({**row, "selection": first}, ensure_ascii=False)),
        )
    return True


def read(path: str | Path) -> Scores:
    """Reads and checks a file of scores; nothing is ever unpickled.

    Raises:
        InputError: no such file, not one of scores, damaged, or a field that does not hold.
    """
    path = Path(path)
    data = _arrays(path)
    labels = _field(path, data, "labels", "iu", 1).astype(np.int64)
    names = [str(name) for name in _field(path, data, "names", "U", 1)]
    classes = [str(name) for name in _field(path, data, "class_names", "U", 1)]
    row = _row(path, str(_field(path, data, "row", "U", 0)))
    if not len(labels) or len(names) != len(labels):
        raise InputError(
            f"{path}: names: {len(names)} entries for {len(labels)} labels; evaluate again"
        )
    scores = {row["selection"]: _field(path, data, "scores", "f", 2)}
    for key in data:
        if key.startswith(_FURTHER):
            scores[key.removeprefix(_FURTHER)] = _field(path, data, key, "f", 2)
    shape = (len(labels), next(iter(scores.values())).shape[1])
    for key, array in scores.items():
        if array.shape != shape:
            raise InputError(f"{path}: scores ({key}): shape {array.shape}, expected {shape}")
        if not np.isfinite(array).all():
            raise InputError(f"{path}: scores ({key}): NaN or infinite; evaluate again")
    if labels.min() < 0 or labels.max() >= shape[1]:
        raise InputError(
            f"{path}: labels: {labels.min()}..{labels.max()} are not all classes of {shape[1]}"
        )
    return Scores(path, scores, labels, names, classes, row)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; `skelf eval ... --out results.json` writes scores")
    field = "the archive"
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PK\x03\x04":
                raise InputError(f"{path}: not an .npz of scores, as `skelf eval --out` writes it")
        with np.load(path, allow_pickle=False) as loaded:
            data = {}
            for field in loaded.files:
                data[field] = loaded[field]
                if not isinstance(data[field], np.ndarray):  # a member of another kind: bytes
                    raise InputError(f"{path}: {field}: no array; evaluate again")
            return data
    except InputError:
        raise
    except _BROKEN as error:
        if "allow_pickle" in str(error):
            raise InputError(f"{path}: {field}: a pickle, which is never loaded") from None
        detail = next(iter(str(error).strip("'\"").splitlines()), "") or type(error).__name__
        raise InputError(
            f"{path}: {field}: cut off or damaged ({detail}); evaluate again"
        ) from None


def _field(
    path: Path, data: Mapping[str, np.ndarray], key: str, kinds: str, ndim: int
) -> np.ndarray:
    if key not in data:
        raise InputError(
            f"{path}: field {key!r} is missing; give a file of scores that `skelf eval --out` wrote"
        )
    values = data[key]
    if values.dtype.kind not in kinds or values.ndim != ndim:
        raise InputError(f"{path}: {key}: {values.dtype} {values.shape} is not what belongs here")
    return values


def _row(path: Path, text: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{path}: row: not JSON; evaluate again") from None
    for key in _TEXTS:
        if not isinstance(row, dict) or not isinstance(row.get(key), str):
            raise InputError(f"{path}: row: {key} is missing or no text; evaluate again")
    if row["selection"].rpartition(".")[2] not in ("last", "none"):
        raise InputError(f"{path}: row: selection {row['selection']!r} is neither last nor none")
    return row
