"""Reader for BVH (Biovision hierarchy), the usual exchange format of motion capture and games.

Joint positions come from forward kinematics: channels in any order, per joint; position channels
replace the joint's OFFSET; the rotation listed first is the outermost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...settings.options import option, options, unchecked
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import source
from ..motion import mocap
from ..motion.kinematics import euler_rotation, forward
from ..motion.mocap import Folders, Mocap, Motion, folders_option
from ..motion.resample import LARGEST
from ..pool import Progress

CENTIMETRE = 0.01
BLOCK = 4096  # frames whose rotation matrices are in memory at once
_CHANNEL = re.compile(r"([XYZ])(position|rotation)", re.IGNORECASE)


@dataclass
class _Joint:
    name: str
    parent: int
    offset: np.ndarray | None = None
    channels: list[tuple[str, str]] = field(default_factory=list)  # ("x", "rotation"), as listed
    end: bool = False


@options("bvh")
class BVH:
    """How BVH files become clips; the format has no unit, centimetres are usual."""

    mocap: Mocap = option(
        unchecked(Mocap, scale=CENTIMETRE, up="y"), "units, axes, joints and frame rate"
    )
    ends: bool = option(False, "keeps end sites, as <parent>_end")
    folders: Folders = folders_option("class")


def read_bvh(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: BVH = BVH(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Reads a `.bvh` file, or all of a folder and below, as one clip each, in metres with y up.

    Args:
        path: the file or folder. All files must have the same joints and parents, unless a layout
            picks joints that all of them have; bone lengths may differ.
        layout: name of a layout, a TOML file, or a Skeleton, whose joints are found in the files
            by name, in any case. None: the files' own hierarchy, with pairs and parts by name.
        how: the options.
        progress: called with files done and files in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: a file that is damaged or no BVH; the message names file, place and remedy.
    """
    path = Path(path)
    return mocap.collect(
        path,
        source.find(path, ".bvh"),
        lambda file: load_bvh(file, ends=how.ends),
        layout,
        how.mocap,
        folders=how.folders,
        progress=progress,
        scratch=scratch,
    )


def load_bvh(file: Path, *, ends: bool = False) -> Motion:
    """One file's joint positions.

    Raises:
        InputError: damaged or no BVH.
    """
    lines = source.text(file).splitlines()
    joints, at = _hierarchy(file, lines)
    fps, values = _motion(file, lines, at, sum(len(joint.channels) for joint in joints))
    chosen = [index for index, joint in enumerate(joints) if ends or not joint.end]
    parts = [_positions(joints, values[i : i + BLOCK]) for i in range(0, len(values), BLOCK)]
    positions = np.concatenate([part[:, chosen] for part in parts])
    # Joints stand after their parents and end sites have no children, so indices count on.
    place = {index: number for number, index in enumerate(chosen)} | {-1: -1}
    return Motion(
        joints=positions,
        names=tuple(joints[index].name for index in chosen),
        parents=tuple(place[joints[index].parent] for index in chosen),
        fps=fps,
        scale=CENTIMETRE,
    )


def _hierarchy(file: Path, lines: list[str]) -> tuple[list[_Joint], int]:
    """The joints, parents first, and the index of the line after MOTION."""
    joints: list[_Joint] = []
    above: list[int] = []  # joints whose braces are open
    opening = False  # a joint was named, its brace is due
    if not lines or not any(line.strip().upper().startswith("HIERARCHY") for line in lines[:20]):
        raise InputError(f"{file}: no HIERARCHY at its start, so it is no BVH file")
    for number, line in enumerate(lines, 1):
        where = f"{file}: line {number}"
        for piece in re.split(r"([{}])", line):
            words = piece.split()
            if not words:
                continue
            key = words[0].upper()
            if key == "{" and opening:
                above.append(len(joints) - 1)
                opening = False
            elif opening or key == "{":
                raise InputError(f"{where}: '{{' belongs after ROOT, JOINT and End Site alone")
            elif key == "MOTION":
                if above or not joints:
                    raise InputError(f"{where}: MOTION before the hierarchy's last '}}'")
                return joints, number
            elif key in ("ROOT", "JOINT", "END"):
                joints.append(_named(where, key, piece, joints, above))
                opening = True
            elif key == "}" and above:
                if joints[above.pop()].offset is None:
                    raise InputError(f"{where}: '}}' closes a joint without OFFSET; add it")
            elif key == "OFFSET" and above:
                joints[above[-1]].offset = source.numbers(where, words[1:], 3)
            elif key == "CHANNELS" and above and not joints[above[-1]].end:
                joints[above[-1]].channels = _channels(where, words[1:])
            elif key != "HIERARCHY":
                raise InputError(f"{where}: {words[0][:40]!r} does not belong here in a BVH file")
    raise InputError(f"{file}: ends before MOTION; it is cut off, copy or export it again")


def _named(where: str, key: str, piece: str, joints: list[_Joint], above: list[int]) -> _Joint:
    if len(joints) >= source.JOINTS:
        raise InputError(f"{where}: more than {source.JOINTS} joints; this is no person's skeleton")
    if key == "ROOT" and joints:
        raise InputError(f"{where}: a second ROOT; keep one person a file")
    if key != "ROOT" and (not above or joints[above[-1]].end):
        raise InputError(f"{where}: {key} stands outside a joint's braces; mend the file")
    parent = above[-1] if above else -1
    name = " ".join(piece.split()[1:])
    if key == "END":
        return _Joint(f"{joints[parent].name}_end", parent, end=True)
    if not name:
        raise InputError(f"{where}: {key} without a name; add one")
    return _Joint(name, parent)


def _channels(where: str, words: list[str]) -> list[tuple[str, str]]:
    matches = [match for match in map(_CHANNEL.fullmatch, words[1:]) if match]
    channels = [(match[1].lower(), match[2].lower()) for match in matches]
    if words[:1] != [str(len(words) - 1)] or len(channels) != len(words) - 1:
        raise InputError(
            f"{where}: CHANNELS needs their number, then so many of Xposition, Yposition, "
            "Zposition, Xrotation, Yrotation, Zrotation"
        )
    if len(set(channels)) < len(channels):
        raise InputError(f"{where}: CHANNELS names one twice; each stands once at most")
    return channels


def _motion(file: Path, lines: list[str], at: int, width: int) -> tuple[float, np.ndarray]:
    """Frames a second, and the channels' values `(T, width)`."""
    rest = [(n, line) for n, line in enumerate(lines[at:], at + 1) if line.strip()]
    heads = [line.partition(":") for _, line in rest[:2]]
    keys = [" ".join(head[0].lower().split()) for head in heads]
    if keys != ["frames", "frame time"]:
        raise InputError(f"{file}: after MOTION come 'Frames: N' and 'Frame Time: seconds'")
    stated, rows = heads[0][2].strip(), rest[2:]
    if not re.fullmatch("[0-9]{1,18}", stated) or int(stated) != len(rows) or not rows:
        raise InputError(
            f"{file}: Frames says {stated[:40]!r}, but {len(rows)} lines of numbers follow; it may "
            "be cut off"
        )
    fps = source.rate(f"{file}: Frame Time", _fps(file, heads[1][2].strip()))
    if not width:
        raise InputError(f"{file}: no joint has CHANNELS, so nothing moves; export it again")
    for number, line in rows:
        if len(line.split()) != width:
            source.numbers(f"{file}: line {number}", line.split(), width)
    try:
        values = np.loadtxt([line for _, line in rows], comments=None, ndmin=2)
    except ValueError:
        for number, line in rows:  # the slow way, to name the line
            source.numbers(f"{file}: line {number}", line.split(), width)
        raise InputError(f"{file}: lines after Frame Time must be numbers; mend the file") from None
    wrong = ~(np.abs(values) <= LARGEST).all(1)
    if wrong.any():
        row = int(wrong.argmax())
        source.believed(f"{file}: line {rows[row][0]} (frame {row})", values[row])
    return fps, values


def _fps(file: Path, written: str) -> float:
    """Frames a second of a frame time; the whole number that its digits may have meant."""
    try:
        seconds = Decimal(written)
        exponent = seconds.as_tuple().exponent
        if not isinstance(exponent, int) or not 0 < float(seconds) < float("inf"):
            raise InvalidOperation
    except (InvalidOperation, OverflowError):
        raise InputError(
            f"{file}: Frame Time {written[:40]!r}: give seconds a frame, as 0.0333333"
        ) from None
    fps = 1 / float(seconds)
    whole = round(fps) if fps < 1e6 else 0
    # 0.0333333 is 30 frames a second: one thirtieth, rounded or cut at its last digit.
    digit = 10.0 ** min(exponent, 0)
    meant = whole > 0 and -digit / 2 <= 1 / whole - float(seconds) < digit
    return float(whole) if meant else fps


def _positions(joints: list[_Joint], values: np.ndarray) -> np.ndarray:
    """Positions `(T, V, 3)` of all joints and end sites."""
    frames = len(values)
    rest = np.stack([joint.offset for joint in joints if joint.offset is not None])
    offsets = np.broadcast_to(rest, (frames, len(joints), 3)).copy()
    rotations = np.empty((frames, len(joints), 3, 3))
    column = 0
    for index, joint in enumerate(joints):
        turns = []
        for at, (axis, kind) in enumerate(joint.channels, column):
            if kind == "position":
                offsets[:, index, "xyz".index(axis)] = values[:, at]
            else:
                turns.append((axis, at))
        angles = np.deg2rad(values[:, [at for _, at in turns]])
        rotations[:, index] = euler_rotation("".join(axis for axis, _ in turns), angles)
        column += len(joint.channels)
    return forward(offsets, rotations, [joint.parent for joint in joints])[0]
