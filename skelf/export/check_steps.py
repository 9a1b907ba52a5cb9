"""An exported step beside torch: frame after frame, against the encoder over whole sequences."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..data.batch import ClipBatches
from ..data.clips import ClipSet
from ..protocols.dense import taking
from ..protocols.features import in_evaluation
from ..protocols.fitting import fitting
from .check import Checked, Session, accepted, feeds_of, random_clips, run, session
from .stepping import first_states, frames_of, stepped
from .subject import Subject

MOST_CLIPS, MOST_FRAMES = 20, 200


def compare_steps(content: bytes, subject: Subject, data: ClipSet | None) -> Checked:
    """Runs a file of one step over random sequences, and over real ones.

    Args:
        content: of the file.
        subject: what was exported.
        data: real clips as the model takes them; None: random ones alone.

    Raises:
        InputError: see `check.compare`.
    """
    ran = session(content)
    random = max(_apart(ran, subject, random_clips(subject, [9] * count)) for count in (1, 3))
    if data is None:
        return accepted(Checked(random))
    count = min(len(data), MOST_CLIPS)
    chosen = np.linspace(0, len(data) - 1, count).astype(np.int64)
    real = max(_apart(ran, subject, data.take([one])) for one in chosen)
    return accepted(Checked(random, real, count))


def _apart(ran: Session, subject: Subject, clips: ClipSet) -> float:
    """The largest difference over sequences of one length, each frame and each output."""
    wanted = whole(subject, clips)
    joints = feeds_of(clips, np.arange(len(clips)), subject.encoder.persons)["joints"]
    found = walk(ran, subject, joints[:, :MOST_FRAMES])
    apart = 0.0
    for name, rows in found.items():
        expected = wanted[name][:, : rows.shape[1]].numpy()
        unit = max(1.0, float(np.abs(expected).max())) if name == "features" else 1.0
        here = float(np.abs(rows - expected).max()) / unit
        apart = here if np.isnan(here) else max(apart, here)
    return apart


def walk(ran: Session, subject: Subject, joints: np.ndarray) -> dict[str, np.ndarray]:
    """All rows `(N, T, ...)` by output, of raw joints `(N, T, M, V, C)`, step by step.

    Where steps take two frames the last frame stays out, unless it is the clip's last.
    """
    encoder = stepped(subject)
    hidden, first = (state.numpy() for state in first_states(encoder, len(joints)))
    width, rows = frames_of(encoder), []
    for t in range(joints.shape[1] - width + 1):
        feeds = {"joints": joints[:, t : t + width], "hidden": hidden, "first": first}
        made = run(ran, feeds)
        hidden, first = made.pop("next_hidden"), made.pop("next_first")
        rows.append(made)
    return {name: np.stack([row[name] for row in rows], axis=1) for name in rows[0]}


def whole(subject: Subject, clips: ClipSet) -> dict[str, Tensor]:
    """What torch says of clips of one length at once, at their own rate: `(N, T, ...)`."""
    encoder = subject.encoder
    clips = fitting(encoder, clips, keep_time=True)
    x, _ = ClipBatches(clips, persons=encoder.persons, resident=False)(np.arange(len(clips)))
    with in_evaluation(encoder, torch.device("cpu")), taking(encoder, x.shape[2]):
        features = encoder.frames(x)
        rows = {"features": features}
        if subject.head is not None:
            logits = subject.head(features)
            rows["probabilities"] = torch.softmax(logits / subject.temperature, dim=-1)
    return rows
