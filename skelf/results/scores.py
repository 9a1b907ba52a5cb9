"""Saved class scores of one evaluation: what `fusion` reads.

An `.npz` without pickles, beside the results:

    scores               (N, K) float32, raw: logits after the last epoch, or votes of k-NN
    scores_best_on_test  (N, K), as is scores_validated: at that selection's check, where there is;
                         a condition's are scores_spatial.last
    labels               (N,) int64
    names                (N,) str, the clips
    class_names          (classes,) str; K may be higher where labels go beyond the names
    row                  str, JSON: what all rows of the evaluation say, and the selection of scores

Detection writes frame probabilities instead: `recordings.py` has that file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data.clips import ClipSet
from ..errors import InputError
from ..protocols.outcome import Outcome
from . import recordings as scores_recordings
from .archive import Row, arrays, field, listed, read_row, texts, write

_FURTHER = "scores_"


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
    row: Row


def beside(results: Path, protocol: str) -> Path:
    """Where the scores of a protocol go: `results.json` -> `results.linear.scores.npz`."""
    return results.with_name(f"{results.stem}.{protocol}.scores.npz")


def save(path: Path, outcome: Outcome, test: ClipSet, row: Mapping[str, object]) -> bool:
    """Writes the scores of an evaluation, whole or not at all; False where it has none.

    Args:
        path: the file; its folder must be there.
        outcome: the protocol's.
        test: the test split that it was run on.
        row: protocol, definition, and what all rows of the evaluation say; plain JSON.

    Raises:
        OSError: it could not be written; what was there before is untouched.
    """
    if outcome.recordings is not None:
        scores_recordings.save(path, outcome.recordings, test, row)
        return True
    scores = outcome.by_selection()
    if not scores:
        return False
    first = next(iter(scores))
    fields = {
        "scores" if key == first else f"scores_{key}": np.asarray(z, np.float32)
        for key, z in scores.items()
    }
    fields["labels"] = np.asarray(outcome.labels, np.int64)
    names = [name for name, label in zip(test.names, test.label, strict=True) if label >= 0]
    write(path, fields | texts(names, test.class_names, {**row, "selection": first}))
    return True


def read(path: str | Path) -> Scores:
    """Reads and checks a file of scores; nothing is ever unpickled.

    Raises:
        InputError: no such file, not one of scores, damaged, or a field that does not hold.
    """
    path = Path(path)
    data = arrays(path)
    labels = field(path, data, "labels", "iu", 1).astype(np.int64)
    names, classes = (listed(path, data, key) for key in ("names", "class_names"))
    row = read_row(path, data)
    if not len(labels) or len(names) != len(labels):
        raise InputError(
            f"{path}: names: {len(names)} entries for {len(labels)} labels; evaluate again"
        )
    scores = {row["selection"]: field(path, data, "scores", "f", 2)}
    for key in data:
        if key.startswith(_FURTHER):
            scores[key.removeprefix(_FURTHER)] = field(path, data, key, "f", 2)
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
