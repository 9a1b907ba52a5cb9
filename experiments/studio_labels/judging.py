"""How right a head is in recordings that it did not learn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skelf.metrics.detection import mean_ap
from skelf.metrics.segmentation import frame_accuracy
from skelf.protocols.recordings import find, smoothed
from skelf.protocols.rules import Rules
from skelf.protocols.windows import frame_labels
from skelf.studio.model import BACKGROUND, Learnt
from skelf.studio.model.suggesting import columns

from .recordings import Task


def judged(learnt: Learnt, task: Task) -> tuple[float, float]:
    """Frame accuracy and mAP@0.5 of the test recordings."""
    test, names = task.clips, [name for name in learnt.class_names if name != BACKGROUND]
    column = [0, *(1 + test.class_names.index(name) for name in names)]
    table = replace(task.table, frames=test.length, fps=test.fps, values=tuple(task.test))
    asked = Learnt(table, learnt.class_names, learnt.head, learnt.labels)
    rules = Rules()
    counts = [rules.counts(float(fps), learnt.short) for fps in test.fps]
    spoken, said = [], []
    for at, frames in enumerate(test.length.tolist()):
        p = np.zeros((len(task.test[at]), len(test.class_names) + 1))
        p[:, column] = columns(asked, at)
        spoken.append(to_frames(p, frames, int(task.table.step[0])))
        said.append(smoothed(spoken[-1], rules, counts[at].radius).argmax(axis=1))
    truth = frame_labels(test.length, test.segments)
    accuracy = frame_accuracy(truth, np.concatenate(said))
    found = find(np.concatenate(spoken), test.length, rules, counts)
    if not len(found[0]):
        return accuracy, 0.0
    return accuracy, mean_ap(test.segments, found, 0.5, definition="voc", over="action")


def to_frames(p: np.ndarray, frames: int, step: int) -> np.ndarray:
    """Bins as frames, linear between their middles."""
    at = np.clip((np.arange(frames) + 0.5) / step - 0.5, 0, len(p) - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(p) - 1)
    return p[low] + (at - low)[:, None] * (p[high] - p[low])
