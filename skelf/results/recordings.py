"""Saved frame probabilities of untrimmed recordings: what `fusion` reads of a detection.

An `.npz` without pickles, beside the results; the recordings' frames lie one after the other:

    probabilities               (F, K + 1) float32, after the last epoch; column 0 is background
    probabilities_best_on_test  (F, K + 1), at that selection's check
    frames                      (N,) int64, of each recording
    fps                         (N,) float32, frames a second of each
    short_action                () float64, seconds: a tenth of the training actions are shorter
    segments                    (G, 4) int64, the truth: recording, start, end (exclusive), class
    found                       (P, 4) int64, likewise, what was found after the last epoch
    found_scores                (P,) float64, how certain each is
    names                       (N,) str, the recordings
    class_names                 (K,) str
    row                         str, JSON: what all rows of the evaluation say, the selection of
                                probabilities, and as rules how detections are made and judged
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data.clips import ClipSet
from ..errors import InputError
from ..protocols.recordings import Recordings, untrimmed
from ..protocols.rules import Rules, refuse_rates
from ..settings.options import flat, table
from ..settings.settable import filled
from .archive import Row, arrays, field, has, listed, read_row, texts, write

_MAIN = "probabilities"


class RecordingScores(NamedTuple):
    """The content of a file of frame probabilities.

    Args:
        path: the file.
        recordings: probabilities, truth and rules.
        names: the recordings' names.
        class_names: the classes' names.
        row: what all rows of the evaluation say.
    """

    path: Path
    recordings: Recordings
    names: list[str]
    class_names: list[str]
    row: Row


def save(path: Path, recordings: Recordings, test: ClipSet, row: Mapping[str, object]) -> None:
    """Writes frame probabilities, whole or not at all.

    Args:
        path: the file; its folder must be there.
        recordings: of the protocol.
        test: the test split that it was run on.
        row: what all rows of the evaluation say; plain JSON.

    Raises:
        OSError: it could not be written; what was there before is untouched.
    """
    first = next(iter(recordings.probabilities))
    fields = {
        _MAIN if key == first else f"{_MAIN}_{key}": np.asarray(p, np.float32)
        for key, p in recordings.probabilities.items()
    }
    detections = recordings.detections(first)
    fields["frames"] = np.asarray(recordings.frames, np.int64)
    judged = untrimmed(test)
    fields["fps"] = np.asarray(recordings.fps, np.float32)
    fields["short_action"] = np.asarray(recordings.short_action, np.float64)
    fields["segments"] = np.asarray(recordings.segments, np.int64)
    fields["found"] = np.stack(detections[:4], axis=1).astype(np.int64)
    fields["found_scores"] = np.asarray(detections.score, np.float64)
    described = {**row, "selection": first, "rules": flat(recordings.rules)}
    names = [name for name, chosen in zip(test.names, judged, strict=True) if chosen]
    write(path, fields | texts(names, test.class_names, described))


def holds(path: str | Path) -> bool:
    """Whether a file is one of frame probabilities."""
    return has(Path(path), _MAIN)


def read(path: str | Path) -> RecordingScores:
    """Reads and checks a file of frame probabilities; nothing is ever unpickled.

    Raises:
        InputError: no such file, not one of these, damaged, or a field that does not hold.
    """
    path = Path(path)
    data = arrays(path)
    frames = field(path, data, "frames", "iu", 1).astype(np.int64)
    segments = field(path, data, "segments", "iu", 2).astype(np.int64)
    fps = field(path, data, "fps", "f", 1)
    short_action = float(field(path, data, "short_action", "f", 0))
    names, classes = (listed(path, data, key) for key in ("names", "class_names"))
    row = read_row(path, data)
    probabilities = {row["selection"]: field(path, data, _MAIN, "f", 2)}
    for key in data:
        if key.startswith(f"{_MAIN}_"):
            probabilities[key.removeprefix(f"{_MAIN}_")] = field(path, data, key, "f", 2)
    _check_frames(path, frames, names)
    if fps.shape != frames.shape:
        raise InputError(f"{path}: fps: {fps.shape}, not a number for each recording")
    if not 0 <= short_action < np.inf:
        raise InputError(f"{path}: short_action: {short_action:g} seconds; evaluate again")
    _check_segments(path, segments, frames, len(classes))
    shape = (int(frames.sum()), len(classes) + 1)
    for key, p in probabilities.items():
        if p.shape != shape:
            raise InputError(f"{path}: {_MAIN} ({key}): shape {p.shape}, expected {shape}")
        # False for NaN as well.
        if not ((p >= 0) & (p <= 1 + 1e-4)).all():
            raise InputError(f"{path}: {_MAIN} ({key}): not all in [0, 1]; evaluate again")
    rules = _rules(path, row.get("rules"))
    refuse_rates(fps, rules.unit, str(path))
    recordings = Recordings(frames, probabilities, segments, rules, fps, short_action)
    return RecordingScores(path, recordings, names, classes, row)


def _check_frames(path: Path, frames: np.ndarray, names: list[str]) -> None:
    if not len(frames) or len(names) != len(frames) or (frames < 1).any():
        raise InputError(
            f"{path}: frames: {len(frames)} entries for {len(names)} names, each at least 1; "
            "evaluate again"
        )


def _check_segments(path: Path, segments: np.ndarray, frames: np.ndarray, classes: int) -> None:
    if segments.shape[1] != 4 or not len(segments):
        raise InputError(f"{path}: segments: shape {segments.shape}, expected (G, 4)")
    recording, start, end, label = segments.T
    inside = (recording >= 0) & (recording < len(frames)) & (label >= 0) & (label < classes)
    limit = frames[np.where(inside, recording, 0)]
    if not (inside & (start >= 0) & (start < end) & (end <= limit)).all():
        raise InputError(
            f"{path}: segments: not all lie in their recordings and have a known class; evaluate "
            "again"
        )


def _rules(path: Path, stored: object) -> Rules:
    try:
        if not isinstance(stored, Mapping):
            raise InputError("rules: a table of all of them is missing")
        if missing := [key for key in table(Rules) if key not in stored]:
            raise InputError(f"rules.{missing[0]}: missing")
        return filled(Rules, stored, section="rules", source="")
    except InputError as error:
        line = str(error).splitlines()[0]
        raise InputError(f"{path}: row: {line}; evaluate again") from None
