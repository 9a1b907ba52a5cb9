"""Joints as people have them, brought to what an exported file takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .about import About

Array = NDArray[np.float32]


def as_clip(joints: ArrayLike, about: About, names: Sequence[str] | None = None) -> Array:
    """One clip `(T, M, V, C)` of the model's persons and joints.

    Args:
        joints: `(T, V, C)`, or `(T, M, V, C)`; NaN and zeros are missing joints. Absent persons are
            added, those beyond the model's are left out.
        about: what the model takes.
        names: of the joints given, in their order; None: they are the model's.

    Raises:
        ValueError: another shape, no frames, or joints that lack one of the model's.
    """
    clip = np.asarray(joints, np.float32)
    if clip.ndim == 3:
        clip = clip[:, None]
    given = len(about.joints) if names is None else len(names)
    if clip.ndim != 4 or clip.shape[2:] != (given, about.channels):
        raise ValueError(
            f"joints of shape {np.shape(joints)}: the model takes (T, V, C) or (T, M, V, C) with "
            f"V = {given} and C = {about.channels}"
        )
    if not clip.shape[0]:
        raise ValueError("joints: no frames; the model needs one at least")
    if names is not None:
        clip = clip[:, :, places(names, about)]
    missing = about.persons - clip.shape[1]
    if missing > 0:
        clip = np.pad(clip, ((0, 0), (0, missing), (0, 0), (0, 0)))
    return np.ascontiguousarray(clip[:, : about.persons])


def places(names: Sequence[str], about: About) -> list[int]:
    """Where each of the model's joints stands among `names`, whatever their case.

    Raises:
        ValueError: one is missing, or stands there twice.
    """
    folded = [name.casefold() for name in names]
    wanted = [name.casefold() for name in about.joints]
    lacking = [
        joint for joint, name in zip(about.joints, wanted, strict=True) if name not in folded
    ]
    if lacking:
        raise ValueError(f"names: no joint {lacking[0]!r}; the model needs {list(about.joints)}")
    twice = [name for name in wanted if folded.count(name) > 1]
    if twice:
        raise ValueError(f"names: joint {twice[0]!r} stands there twice")
    return [folded.index(name) for name in wanted]


def padded(clips: Sequence[Array]) -> tuple[Array, NDArray[np.int64]]:
    """Clips as one batch `(N, T, M, V, C)`, zeros behind shorter ones, and their lengths."""
    lengths = np.array([len(clip) for clip in clips], np.int64)
    batch = np.zeros((len(clips), int(lengths.max()), *clips[0].shape[1:]), np.float32)
    for row, clip in zip(batch, clips, strict=True):
        row[: len(clip)] = clip
    return batch, lengths
