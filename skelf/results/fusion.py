"""Late fusion: the class scores of separately trained streams, added up with weights.

As the released AimCLR ensemble (sources E4): raw logits, no softmax. The released one takes each
stream's best epoch on the test set (`best_on_test` here); the last epoch's and the validated ones
stand beside it.

Of detections the frame probabilities are averaged with the weights, and what is found in them is
judged again by the rules of the inputs, or by others. A single file of them can be judged by other
rules as well.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ..encoders.ensemble import common, joined
from ..errors import InputError
from ..metrics.classes import topk_accuracy
from ..outputs import RESULTS, check_output
from ..protocols.recordings import fused
from ..protocols.rules import refuse_rates
from ..settings.given import pick, read_given
from ..settings.options import flat
from .archive import Row
from .recordings import RecordingScores, holds
from .recordings import read as read_recordings
from .rows import write_rows
from .scores import Scores, read
from .written import UnwrittenError

WEIGHTS = {"joint": 0.6, "bone": 0.6, "motion": 0.4}
"""Weights of the released ensemble."""

Saved = Scores | RecordingScores

SELECTIONS = {
    "last": "each input after its last epoch",
    "best_on_test": "each input at its own best check on the test clips, as the released ensemble",
    "validated": "each input at its own best check on held-out training clips",
}


def fuse(
    files: Sequence[str | Path],
    *,
    weights: Sequence[float] | None = None,
    out: str | Path | None = None,
    overwrite: bool = True,
    overrides: Sequence[str] = (),
) -> list[Row]:
    """Judges the weighted sum of the saved scores of several evaluations.

    Of detections it is the weighted mean of the frame probabilities. One file of them is judged
    again by the rules that `overrides` change, without the encoder and without the data.

    Args:
        files: two or more that `evaluate(..., out=...)` wrote beside its results, all of one
            protocol on one test set; of detections one will do.
        weights: one for each file, at least 0. None: 0.6 for joint and bone and 0.4 for motion,
            and 1 for each where the files are of other streams.
        out: where the rows are written as JSON.
        overwrite: as of `evaluate`.
        overrides: `eval.key=value` with the keys of `protocols.rules.Rules`: how detections are
            made of the probabilities and judged; what is not named stays as it was.

    Returns:
        Rows as of `evaluate`: top-1 for each selection that all files have, and top-5 where there
        are more than 5 classes (of detections all their numbers); `config["inputs"]` holds each
        file, its weight, its row and its own values: by the rules of the fusion, of a single file
        by those that it was saved with.

    Raises:
        InputError: a file that cannot be read, files of different protocols, data, splits, classes,
            labels or clips, detections made by different rules, wrong weights or rules, rules for
            class scores, or an `out` that must not be written.
        UnwrittenError: as `evaluate`.

    Examples:
        >>> import skelf
        >>> from skelf.data.synthetic.clips import generate
        >>> clips = generate(clips=48)
        >>> tiny = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]
        >>> for stream in ("joint", "bone"):
        ...     run = skelf.pretrain("usdrl", clips, out=stream, stream=stream, overrides=tiny)
        ...     rows = skelf.evaluate(["knn"], run, clips, split="xview", out=f"{stream}.json")
        >>> rows = skelf.fuse(["joint.knn.scores.npz", "bone.knn.scores.npz"], weights=[0.6, 0.4])
        >>> [entry["weight"] for entry in rows[0]["config"]["inputs"]]
        [0.6, 0.4]
    """
    began = time.perf_counter()
    if out is not None:
        check_output(Path(out), RESULTS, inputs=files, replace=overwrite)
    inputs = [read_recordings(path) if holds(path) else read(path) for path in files]
    _refuse_few(inputs)
    saved_values = [_values([saved], [1.0]) for saved in inputs] if len(inputs) == 1 else None
    inputs = [_judged_by(saved, overrides) for saved in inputs]
    for other in inputs[1:]:
        _same(inputs[0], other)
    _warn_of_twins(inputs)
    used = _weights(inputs, weights)
    alone = saved_values or [_values([saved], [1.0]) for saved in inputs]
    shared = _shared(inputs, used, alone)
    values = _values(inputs, used)
    shared["seconds"] = round(time.perf_counter() - began, 3)
    rows = []
    for key, value in values.items():
        metric, _, selection = key.rpartition(".")
        head = {"protocol": inputs[0].row["protocol"], "metric": metric, "value": value}
        rows.append(head | {"selection": selection, "clips": len(inputs[0].names)} | shared)
    if out is not None:
        try:
            write_rows(Path(out), rows)
        except OSError as error:
            raise UnwrittenError(error, rows) from None
    return rows


def weighted_sum(scores: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """The sum of scores `(N, K)` times their weights, in float64."""
    parts = [w * np.asarray(z, np.float64) for z, w in zip(scores, weights, strict=True)]
    total: np.ndarray = np.sum(parts, axis=0)
    return total


def _refuse_few(inputs: Sequence[Saved]) -> None:
    if not inputs or (len(inputs) == 1 and isinstance(inputs[0], Scores)):
        what = f"{inputs[0].path} alone" if inputs else "no files of scores"
        raise InputError(
            f"{what}: fusion needs two or more; a single file is judged again if it holds "
            "the frame probabilities of detection"
        )


def _judged_by(saved: Saved, overrides: Sequence[str]) -> Saved:
    """The same with other rules."""
    if not overrides:
        return saved
    if isinstance(saved, Scores):
        raise InputError(
            f"{saved.path}: class scores have no rules; leave out {' '.join(overrides)}"
        )
    for text in overrides:
        if not text.strip().startswith("eval."):
            raise InputError(f"override {text!r}: only eval.* can change, the file fixes the rest")
    values, source = (
        {key.removeprefix("detection."): value for key, value in given.items()}
        for given in pick(read_given(None, overrides), "eval")
    )
    recordings = saved.recordings
    rules = recordings.rules.changed(values, source=source)
    refuse_rates(recordings.fps, rules.unit, str(saved.path))
    return saved._replace(recordings=recordings._replace(rules=rules))


def _values(inputs: Sequence[Saved], weights: Sequence[float]) -> dict[str, float]:
    """All numbers of the inputs together, or of a single one, for each selection that all have."""
    recordings = [saved.recordings for saved in inputs if isinstance(saved, RecordingScores)]
    if recordings:
        return fused(recordings, weights).values()
    clips = [saved for saved in inputs if isinstance(saved, Scores)]
    scores, labels = [saved.scores for saved in clips], clips[0].labels
    values: dict[str, float] = {}
    for selection in scores[0]:
        if all(selection in by_selection for by_selection in scores):
            total = weighted_sum([by_selection[selection] for by_selection in scores], weights)
            values |= _accuracies(total, labels, selection)
    return values


def _accuracies(scores: np.ndarray, labels: np.ndarray, selection: str) -> dict[str, float]:
    values = {f"top1.{selection}": topk_accuracy(scores, labels)}
    # Of k-NN's votes most are 0: the five highest say nothing.
    if not selection.endswith("none") and scores.shape[1] > 5:
        values[f"top5.{selection}"] = topk_accuracy(scores, labels, k=5)
    return values


def _same(first: Saved, other: Saved) -> None:
    """Refuses scores of other clips, or of another protocol."""

    def refuse(field: str, a: object, b: object) -> None:
        raise InputError(
            f"{first.path} and {other.path}: {field} differ: {a!r} and {b!r}; fuse evaluations of "
            "one protocol on one test set"
        )

    for key in ("protocol", "data", "split"):
        if first.row[key] != other.row[key]:
            refuse(key, first.row[key], other.row[key])
    for field, values in _compared(first).items():
        a, b = list(values), list(_compared(other).get(field, ()))
        if len(a) != len(b):
            refuse(f"numbers of {field}", len(a), len(b))
        for place, (x, y) in enumerate(zip(a, b, strict=True)):
            if x != y:
                plain = [v.item() if isinstance(v, np.generic) else v for v in (x, y)]
                refuse(f"{field}[{place}]", *plain)
    if isinstance(first, Scores) and isinstance(other, Scores):
        classes = [next(iter(s.scores.values())).shape[1] for s in (first, other)]
        if classes[0] != classes[1]:
            refuse("numbers of classes", *classes)


def _compared(saved: Saved) -> dict[str, Iterable[object]]:
    """What two inputs must have in common, item by item."""
    fields: dict[str, Iterable[object]] = {"class_names": saved.class_names, "names": saved.names}
    if isinstance(saved, Scores):
        return fields | {"labels": saved.labels}
    recordings = saved.recordings
    fields |= {"frames": recordings.frames, "fps": recordings.fps}
    fields["short_action"] = [recordings.short_action]
    fields["segments"] = [tuple(segment) for segment in recordings.segments.tolist()]
    return fields | {f"eval.{key}": [value] for key, value in flat(recordings.rules).items()}


def _warn_of_twins(inputs: Sequence[Saved]) -> None:
    streams = [saved.row["stream"] for saved in inputs]
    for name in dict.fromkeys(streams):
        if streams.count(name) > 1:
            paths = ", ".join(str(saved.path) for saved in inputs if saved.row["stream"] == name)
            warnings.warn(f"{paths}: all of stream {name}", stacklevel=3)


def _weights(inputs: Sequence[Saved], weights: Sequence[float] | None) -> list[float]:
    if weights is None:
        streams = [one.row["stream"] for one in inputs]
        released = all(name in WEIGHTS for name in streams)
        return [WEIGHTS[name] if released else 1.0 for name in streams]
    numbers = [float(weight) for weight in weights]
    if len(numbers) != len(inputs):
        raise InputError(
            f"weights: {len(numbers)} for {len(inputs)} files; give one for each, in their order"
        )
    if not all(math.isfinite(w) and w >= 0 for w in numbers) or not any(numbers):
        raise InputError(
            f"weights: {', '.join(f'{w:g}' for w in numbers)}: each must be a finite number of at "
            "least 0, and one above 0"
        )
    return numbers


def _shared(
    inputs: Sequence[Saved], weights: Sequence[float], alone: Sequence[Mapping[str, float]]
) -> Row:
    """What all rows of the fusion say; `alone` are the values of each input."""
    rows = [saved.row for saved in inputs]
    described = [
        {"file": str(saved.path), "weight": weight, "values": values} | saved.row
        for saved, weight, values in zip(inputs, weights, alone, strict=True)
    ]
    first = inputs[0]
    rules: Row = {}
    if not isinstance(first, Scores):
        values = flat(first.recordings.rules)
        # As JSON has them.
        rules["eval"] = {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}
    return {
        "definition": _definition(inputs, weights),
        "method": common(row["method"] for row in rows),
        "form": common(row.get("form") for row in rows),
        "encoder": common(row["encoder"] for row in rows),
        "stream": joined(row["stream"] for row in rows),
        "data": rows[0]["data"],
        "split": rows[0]["split"],
        "seed": common(row.get("seed") for row in rows),
        "eval_seed": common(row.get("eval_seed") for row in rows),
        "version": version("skelf"),
        "versions": {name: version(name) for name in ("skelf", "torch", "numpy")},
        "config": {"weights": list(weights), "inputs": described} | rules,
    }


def _definition(inputs: Sequence[Saved], weights: Sequence[float]) -> str:
    terms = [f"{w:g} {saved.row['stream']}" for w, saved in zip(weights, inputs, strict=True)]
    first = inputs[0]
    selections = first.scores if isinstance(first, Scores) else first.recordings.probabilities
    names = {key.rpartition(".")[2] for key in selections}
    selected = [f"{name} = {text}" for name, text in SELECTIONS.items() if name in names]
    single = list(dict.fromkeys(saved.row["definition"] for saved in inputs))
    sum_of = " + ".join(terms)
    if isinstance(first, Scores):
        what = (
            f"accuracy of late fusion: weighted sum of raw class scores without softmax, {sum_of}"
        )
    elif len(inputs) > 1:
        what = f"late fusion: weighted mean of frame probabilities, {sum_of}; "
    else:
        what = "saved frame probabilities judged again; "
    judged = ""
    if not isinstance(first, Scores):
        what += first.recordings.describe()
        judged = ", as it was judged"
    return (
        f"{what}; {', '.join(selected)}{'; ' if selected else ''}"
        f"each input{judged}: {' | '.join(single)}"
    )
