"""Which two of a Kinect's bodies a clip keeps; the sensor tracks up to six, some of them chairs.

Every rule takes `joints` `(T, S, V, 3)`, the bodies of each frame in the order in which the file
lists them (zeros where it lists fewer), and `ids` `(T, S)` int64, the sensor's track of each (-1:
nobody), and gives `(T, 2, V, 3)`. To add one: a function and its line in `PERSONS`.
Whose rules they are: sources D3.
"""

from __future__ import annotations

import numpy as np

PERSONS_KEPT = 2
SLOTS = 4  # bodies of a frame that the energy rule looks at
BRIEF = 12  # frames: a body seen less long is noise
WIDE = 0.8  # a body that is wider than this share of its height is a thing


def by_energy(joints: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The two list places with the highest energy, the higher first; identities are not looked at.

    Where the sensor swaps the order of two bodies, they swap persons: the published arrays have it
    so.

    Source: the data preparation of 2s-AGCN, which CMD, ISC, PCM3 and USDRL share.
    """
    if joints.shape[1] == 1:
        return _padded(joints)
    slots = [joints[:, slot] for slot in range(min(SLOTS, joints.shape[1]))]
    # "Present" is a sum of coordinates that is not zero, as there.
    energies = [_energy(slot[slot.sum((1, 2), dtype=np.float64) != 0]) for slot in slots]
    chosen = np.argsort(-np.array(energies), kind="stable")[:PERSONS_KEPT]
    return _padded(joints[:, chosen])


def by_track(joints: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The two tracks with the highest energy, each one person throughout, after dropping noise.

    Noise is a body that is seen in fewer than 12 frames, or whose width is above 0.8 of its height
    in most of its frames (a seat, a table); if that leaves nobody, all stay.

    Source: the cleaning that the NTU RGB+D paper (Shahroudy et al., CVPR 2016) tells of; this rule
    gave none of the published numbers.
    """
    frame, slot = np.nonzero(ids >= 0)
    values, first, inverse = np.unique(ids[frame, slot], return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    places = np.split(order, np.cumsum(np.bincount(inverse, minlength=len(values)))[:-1])
    tracks = [places[i] for i in np.argsort(first)] if len(values) else []
    seen = [joints[frame[rows], slot[rows]] for rows in tracks]
    bodies = [i for i, track in enumerate(seen) if not _noise(track)] or range(len(seen))
    persons = np.zeros((len(joints), PERSONS_KEPT, *joints.shape[2:]), joints.dtype)
    for person, i in enumerate(sorted(bodies, key=lambda i: -_energy(seen[i]))[:PERSONS_KEPT]):
        # Backwards: of one track twice in a frame, the first listed stays.
        persons[frame[tracks[i]][::-1], person] = seen[i][::-1]
    return persons


def by_file(joints: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The first two bodies that each frame lists; a body may change its person between frames.

    Source: the data preparation of AimCLR and CrosSCLR (from ST-GCN).
    """
    return _padded(joints[:, :PERSONS_KEPT])


def _energy(body: np.ndarray) -> float:
    """Sum over x, y, z of the standard deviation over the `(T, V, 3)` of a body."""
    if not body.size:
        return 0.0
    axes = np.ascontiguousarray(body.reshape(-1, body.shape[-1]).T, np.float64)
    return float(axes.std(axis=1).sum())  # ten times as fast as along an axis of three


def _noise(body: np.ndarray) -> bool:
    width, height, _ = np.moveaxis(np.ptp(body, axis=1), -1, 0)
    return len(body) < BRIEF or bool((width > WIDE * height).mean() > 0.5)


def _padded(joints: np.ndarray) -> np.ndarray:
    if joints.shape[1] == PERSONS_KEPT:
        return joints
    persons = np.zeros((len(joints), PERSONS_KEPT, *joints.shape[2:]), joints.dtype)
    persons[:, : joints.shape[1]] = joints
    return persons


PERSONS = {"energy": by_energy, "tracked": by_track, "file": by_file}
