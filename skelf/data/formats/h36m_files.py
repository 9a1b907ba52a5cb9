"""Files of Human3.6M as VideoPose3D writes them, and poses that lifters give: `.npz`, `.npy`.

`data_3d_h36m.npz`: `positions_3d`, subject -> action -> `(T, 32, 3)` in metres, z up, 50 frames a
second. `data_2d_*.npz`: `positions_2d`, subject -> action -> for each camera `(T, V, 2)` in
pixels, and `metadata`, whose left and right joints tell the layout. Both are objects in NumPy's
files, read by an unpickler that runs nothing. `X3D.npy` (MotionBERT), VideoPose3D's exports and
`reconstruction` (MHFormer and those after it): `(T, 17, 3)`, in camera axes, y down.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...layouts import H36M17
from ...skeleton import Skeleton
from ..motion.axes import Up
from .h36m_parts import (
    CAMERAS,
    Piece,
    Recordings,
    action_of,
    kept,
    layout_of,
    name_of,
    subject_of,
)  # fmt: skip
from .npz_rows import Npz
from .numpy_files import load
from .pickles import shown
from .postures import metres, standing
from .scores import scored

LIFTED = "reconstruction"
FIELDS = frozenset(("positions_3d", "positions_2d", LIFTED))
"""One of which is in such a file."""


def read_npz(path: Path, layout: Skeleton | None, up: Up | None) -> Recordings:
    """An `.npz` of VideoPose3D's, or of a lifter's demo.

    Args:
        path: the file.
        layout: of its joints; None: what it says.
        up: the axis that points up; None: by the format.

    Raises:
        InputError: none of these, or a damaged one.
    """
    with Npz(path) as file:
        if "positions_3d" in file.names:
            return _three(path, file.objects("positions_3d"), layout)
        if "positions_2d" in file.names:
            metadata = file.objects("metadata") if "metadata" in file.names else {}
            return _two(path, file.objects("positions_2d"), metadata, layout)
        if LIFTED in file.names:
            return lifted(path, file.array(LIFTED), layout, up)
        if {"boxes", "keypoints"} <= {*file.names}:
            raise InputError(
                f"{path}: boxes and keypoints of Detectron; make data_2d_custom_*.npz of them with "
                "VideoPose3D's prepare_data_2d_custom.py, which is read"
            )
        have = ", ".join(file.names[:8]) or "nothing"
    raise InputError(
        f"{path}: no positions_3d, positions_2d or {LIFTED} in it (it has {have}); is it of "
        "Human3.6M's family?"
    )


def read_npy(path: Path, layout: Skeleton | None, up: Up | None) -> Recordings:
    """An `.npy` of poses of one video.

    Raises:
        InputError: see `lifted`.
    """
    array = load(path)
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path}: an archive, by its content; call it .npz")
    return lifted(path, array, layout, up)


@np.errstate(all="ignore")  # what is infinite is refused elsewhere
def lifted(path: Path, array: np.ndarray, layout: Skeleton | None, up: Up | None) -> Recordings:
    """Poses of one video, `(T, V, C)` or `(M, T, V, C)`, or of the 32 joints of the set.

    Raises:
        InputError: another shape, or an array that does not say which way is up.
    """
    shape = array.shape
    if array.dtype.kind != "f" or array.ndim not in (3, 4) or 0 in shape or shape[-1] not in (2, 3):
        raise InputError(
            f"{path}: expected float (T, 17, 3) or (T, 17, 2), not {array.dtype} {shape}"
        )
    whole = shape[-2] == 32
    joints = kept(np.asarray(array, np.float64))
    skeleton = layout or H36M17
    if joints.shape[-2] != skeleton.joints:
        raise InputError(
            f"{path}: {shape[-2]} joints, {skeleton.name} has {skeleton.joints}; name the layout "
            "of this data (--layout NAME or FILE.toml)"
        )
    persons = joints[:, None] if joints.ndim == 3 else joints.transpose(1, 0, 2, 3)
    pieces = [Piece(name_of(path), persons)]
    if joints.shape[-1] == 2 or scored([persons], skeleton):
        third = joints.shape[-1] == 3
        score = "the third number lies in [0, 1], the others are pixels: its score"
        notes = (score,) if third else ()
        flat = _agreed(path, persons[..., :2], skeleton, "-y", up)
        return Recordings(pieces, skeleton, flat, 0, 0, third, notes)
    axis = up or standing([persons], skeleton)
    if axis is None:
        raise InputError(
            f"{path}: nothing says which way is up, and nobody stands; up=-y is usual for what "
            "lifters write (camera axes), up=z for the set's own"
        )
    told = () if up else (f"bodies stand along {axis}, taken for up (up= says otherwise)",)
    scale = metres([persons], skeleton) if whole else 0.0
    return Recordings(pieces, skeleton, axis, scale, 0, notes=told)


def _agreed(path: Path, joints: np.ndarray, skeleton: Skeleton, usual: Up, given: Up | None) -> Up:
    """The usual axis, unless bodies clearly stand the other way."""
    seen = standing([joints], skeleton)
    if given is None and seen not in (None, usual):
        raise InputError(
            f"{path}: poses in an image, whose y points down, but these stand on their heads then; "
            f"up={usual} reads them so, up={seen} as they stand"
        )
    return given or usual


def _entries(path: Path, what: str, table: object) -> Iterator[tuple[str, str, object]]:
    """Subject, action and content of the two dicts."""
    if not isinstance(table, dict) or not table:
        raise InputError(f"{path}: {what}: {shown(table)}, not a dict of subjects")
    for subject, actions in table.items():
        if not isinstance(actions, dict):
            raise InputError(f"{path}: {what}: {str(subject)[:40]!a}: no dict of actions")
        for action, content in actions.items():
            yield str(subject), str(action), content


def _three(path: Path, table: object, layout: Skeleton | None) -> Recordings:
    pieces = []
    for subject, action, content in _entries(path, "positions_3d", table):
        where = f"{path}: {subject[:40]!a} {action[:40]!a}"
        pieces.append(_piece(where, subject, action, content, 3, layout))
    skeleton = layout or H36M17
    scale = metres([piece.joints for piece in pieces], skeleton)
    notes = ("coordinates are millimetres by the length of a thigh",) if scale == 0.001 else ()
    return Recordings(pieces, skeleton, "z", scale, notes=notes)


def _piece(
    where: str, subject: str, action: str, content: object, axes: int, layout: Skeleton | None
) -> Piece:
    if not isinstance(content, np.ndarray) or content.dtype.kind != "f" or content.ndim != 3:
        raise InputError(f"{where}: expected float (T, V, {axes}), it is {shown(content)}")
    joints = kept(content) if layout is None or layout.joints != 32 else content
    count = (layout or H36M17).joints
    if joints.shape[1] != count or joints.shape[2] < axes or not len(joints):
        raise InputError(
            f"{where}: {content.shape}; expected {count} joints of {axes} numbers; name the layout "
            "of this data (--layout NAME or FILE.toml)"
        )
    return Piece(
        f"{subject}/{action}",
        joints[:, None, :, :axes],
        subject_of(subject),
        action=action_of(action),
    )


def _two(path: Path, table: object, metadata: object, layout: Skeleton | None) -> Recordings:
    about = metadata if isinstance(metadata, dict) else {}
    sizes = about.get("video_metadata", {})
    pieces: list[Piece] = []
    custom = False
    for subject, action, content in _entries(path, "positions_2d", table):
        views = list(content) if isinstance(content, list | tuple | np.ndarray) else []
        if not views:
            raise InputError(f"{path}: {subject[:40]!a} {action[:40]!a}: no list of cameras")
        custom = custom or action == "custom"
        for number, view in enumerate(views):
            if layout is None and isinstance(view, np.ndarray) and view.ndim == 3:
                layout = layout_of(
                    f"{path}: metadata",
                    view.shape[1],
                    about.get("keypoints_symmetry"),
                    about.get("layout_name"),
                )
            where = f"{path}: {subject[:40]!a} {action[:40]!a} camera {number}"
            piece = _piece(where, subject, action, view, 2, layout)
            camera = CAMERAS[number] if len(views) == len(CAMERAS) else number
            several = f"/{camera}" if len(views) > 1 else ""
            name = subject if action == "custom" else piece.name
            piece = piece._replace(
                name=f"{name}{several}", camera=camera, size=_size(sizes, subject)
            )
            pieces.append(piece)
    assert layout is not None
    return Recordings(pieces, layout, "-y", fps=0 if custom else 50)


def _size(sizes: object, subject: str) -> tuple[int, int]:
    """Width and height of a video's image, where the file says them."""
    about = sizes.get(subject) if isinstance(sizes, dict) else None
    values = [about.get(key) for key in ("w", "h")] if isinstance(about, dict) else []
    numbers = [value for value in values if isinstance(value, int) and 0 < value < 2**31]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (-1, -1)
