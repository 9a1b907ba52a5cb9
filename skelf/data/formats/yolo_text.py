"""Label files of YOLO's pose models: a person a line, everything as shares of the image.

    CLASS X Y WIDTH HEIGHT  x y [v]  x y [v] ...  [confidence] [track]

The box comes first; each joint has two or three numbers. `save_txt` writes 0 0 for a joint whose
confidence is below a half, with `save_conf` the box's confidence behind the joints, and in track
mode the person's number behind that. Labels of a dataset are the same, where the third number is
COCO's visibility (0, 1, 2). Source: the documentation of Ultralytics YOLO (pose datasets, predict).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from .look import Look
from .members import Member
from .text import LARGEST, NOT_SEEN, read_text

BOX = 5  # numbers before the joints
MOST_BYTES = 1 << 24
OTHERS = re.compile(
    r"(?i)(classes|obj|readme.*|requirements.*|notes?|licen[cs]e.*|train|val|valid|test|autosplit.*"
    r"|imagesets?|dataset|annotations|darknet|_darknet)"
)
"""Names of text files that lie beside labels."""
MOST_LINES = 256  # of a file that are compared with each other
OVERLAP = 0.65  # of two boxes: a detector calls what shares 0.7 the same person


class Rows(NamedTuple):
    """The lines of a file.

    Args:
        classes: `(N,)`.
        boxes: `(N, 4)` middle and size.
        joints: `(N, V, 2)` or `(N, V, 3)`.
        rest: `(N, 0..2)` what stands behind the joints.
    """

    classes: np.ndarray
    boxes: np.ndarray
    joints: np.ndarray
    rest: np.ndarray


def told(look: Look) -> str:
    """Why a file is a label file of YOLO's pose; empty where nothing says so."""
    if look.suffix != ".txt" or look.is_json:
        return ""
    lines = [line.split() for line in look.lines if line.strip()]
    if len(look.text) >= len(look.head) > 1 << 15:
        lines = lines[:-1]
    widths = {len(line) for line in lines}
    if not lines or len(widths) > 1 or not 14 <= widths.pop() <= 700:
        return ""
    try:
        table = np.array(lines, np.float64)
    except ValueError:
        return ""
    shares = table[:, 1:BOX]
    whole = (table[:, 0] == np.round(table[:, 0])) & (table[:, 0] >= 0) & (table[:, 0] < 1000)
    inside = (shares >= 0) & (shares <= 1)
    size_of = shares[:, 2:] > 0
    if not (whole.all() and inside.all() and size_of.all()):
        return ""
    if not any(_are_joints(table, each, rest) for each in (3, 2) for rest in (0, 1, 2)):
        return ""
    return "a class, a box and joints on each line, as shares of the image, as YOLO's pose labels"


def _are_joints(table: np.ndarray, each: int, rest: int) -> bool:
    """Whether numbers behind the boxes can be joints of two or three numbers.

    Outlines of objects stand in the same files, in pairs behind the class: such a line has an odd
    number of numbers, and then joints must lie in the box.
    """
    width = table.shape[1]
    count = (width - BOX - rest) // each
    if BOX + count * each + rest != width or count < 4:
        return False
    joints = table[:, BOX : BOX + count * each].reshape(len(table), count, each)
    if (joints[..., :2] < -0.5).any() or (joints[..., :2] > 1.5).any():
        return False
    if each == 3 and ((joints[..., 2] < 0) | (joints[..., 2] > 2)).any():
        return False
    if width % 2 == 0:
        return True
    seen = joints[..., :2].any(axis=2)
    away = np.abs(joints[..., :2] - table[:, None, 1:3]) / table[:, None, 3:BOX]
    return bool(seen.any() and (away[seen] < 0.75).all(axis=1).mean() > 0.9)


def is_other(member: Member) -> bool:
    """Whether a text file is none of labels by its name."""
    return bool(OTHERS.fullmatch(member.name.stem))


def table_of(member: Member) -> np.ndarray:
    """`(N, W)` the numbers of a file; NaN where the file says so.

    Raises:
        InputError: no table of numbers.
    """
    content = member.read(MOST_BYTES)
    if not content.strip():
        return np.zeros((0, 0))  # an image without anybody
    lines = [line.split() for line in read_text(member, MOST_BYTES).splitlines()]
    rows = [(number, words) for number, words in enumerate(lines, 1) if words]
    width = len(rows[0][1])
    for number, words in rows:
        if len(words) != width:
            raise InputError(
                f"{member}: line {number}: {len(words)} numbers, the first line has {width}; the "
                "file is cut off, or holds labels of two kinds"
            )
    try:
        table = np.array(
            [[np.nan if word.lower() in NOT_SEEN else float(word) for word in words]
             for _, words in rows]
        )  # fmt: skip
    except ValueError:
        raise InputError(
            f"{member}: not all words are numbers; a label file has a class, a box and joints on "
            "each line"
        ) from None
    if (np.abs(table) > LARGEST).any():
        raise InputError(f"{member}: a number that is not finite; mend it")
    return table


def width_of(
    widths: Collection[int], joints: Collection[int], shape: tuple[int, int] | None, where: str
) -> tuple[int, int]:
    """Joints of a line, and numbers of each joint.

    Args:
        widths: numbers of a line that come.
        joints: numbers of joints that the chosen layouts have.
        shape: what `data.yaml` says (`kpt_shape`).
        where: for messages.

    Raises:
        InputError: no layout fits these numbers, or several do.
    """
    longest, shortest = max(widths), min(widths)
    shapes = [shape] if shape else [(count, each) for count in joints for each in (3, 2)]
    fitting = [
        (count, each)
        for count, each in shapes
        if shortest - BOX - count * each >= 0 and longest - BOX - count * each <= 2
    ]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        stated = f"kpt_shape of data.yaml is {list(shape)}" if shape else (
            f"layouts of {', '.join(map(str, sorted(joints)))} joints have "
            + ", ".join(str(BOX + count * each) for count, each in sorted(shapes))
        )  # fmt: skip
        raise InputError(
            f"{where}: lines of {shortest} numbers, {shortest - BOX} behind the box; {stated} (and "
            "up to 2 more: confidence, track); name the layout of these joints (--layout NAME or "
            "FILE.toml)"
        )
    raise InputError(
        f"{where}: lines of {shortest} numbers may be "
        + " or ".join(f"{count} joints of {each}" for count, each in fitting)
        + "; name the layout of these joints (--layout NAME or FILE.toml)"
    )


def rows_of(table: np.ndarray, joints: int, each: int) -> Rows:
    """The parts of the lines."""
    end = BOX + joints * each
    poses = table[:, BOX:end].reshape(len(table), joints, each)
    return Rows(table[:, 0], table[:, 1:BOX], poses, table[:, end:])


def persons_of(rest: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """`(N,)` each line's person, -1 where the lines have none.

    Of one number behind the joints it is the person's where all are whole and none comes twice in a
    frame; else it is the box's confidence.

    Args:
        rest: `(N, 0..2)`.
        frames: `(N,)`.
    """
    nobody = np.full(len(rest), -1, np.int64)
    if not rest.shape[1] or not len(rest):
        return nobody
    last = rest[:, -1]
    whole = np.isfinite(last) & (last == np.round(last)) & (last >= 0) & (last < 1 << 40)
    if not whole.all():
        return nobody
    pairs = np.unique(np.stack([frames, last], axis=1), axis=0)
    if rest.shape[1] == 1 and (len(pairs) < len(last) or last.min() < 1):
        return nobody
    return last.astype(np.int64)


def refuse_appended(rows: Rows, persons: np.ndarray, member: Member) -> None:
    """Raises InputError where a file holds one frame behind the other.

    Ultralytics adds to the same file when the frames of a stream are given to it one by one. Then
    boxes of one person lie on each other, as those of one image never do.
    """
    count = len(rows.boxes)
    if count < 2:
        return
    some = rows.boxes[:MOST_LINES]
    low, high = some[:, :2] - some[:, 2:] / 2, some[:, :2] + some[:, 2:] / 2
    shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    both = np.prod(np.maximum(shared, 0), axis=2)
    area = np.prod(some[:, 2:], axis=1)
    np.fill_diagonal(both, 0)
    near = (both > OVERLAP * (area[:, None] + area - both)).any(axis=1)
    twice = len(np.unique(persons)) < count and (persons >= 0).all()
    if twice or near.mean() > 0.5:
        raise InputError(
            f"{member}: {count} lines of which persons lie on each other: frames that were added "
            "to one file one after the other, as Ultralytics does for frames of a stream; which "
            "line is of which frame is not in it, so write a file for each frame"
        )


def confidences(joints: np.ndarray) -> tuple[np.ndarray, int]:
    """`(N, V, 3)` with a confidence in [0, 1], and how many joints lie on the image's edge.

    A joint of two numbers is sure unless it is at 0 0 or on the edge, where positions outside are
    cut off to.
    """
    if joints.shape[2] == 3:
        sure = joints[..., 2]
        flags = np.isin(sure[np.isfinite(sure)], (0, 1, 2)).all() and (sure == 2).any()
        scaled = joints.copy()
        scaled[..., 2] = sure / 2 if flags else sure
        return scaled, 0
    zero = ~joints.any(axis=2)
    edge = ((joints == 0) | (joints == 1)).any(axis=2) & ~zero
    sure = np.where(zero | edge, 0.0, 1.0)
    return np.concatenate([joints, sure[..., None]], axis=2), int(edge.sum())


def person_class(names: Mapping[int, str]) -> int | None:
    """The class called person, where the names are known."""
    words = {"person", "people", "human", "pedestrian", "player", "athlete"}
    return next((at for at, name in names.items() if name.strip().lower() in words), None)
