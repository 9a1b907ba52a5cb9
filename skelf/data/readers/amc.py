"""Reader for Acclaim motion capture, as in the CMU database: a skeleton (`.asf`), motions (`.amc`).

A bone's joint is its far end, so "lfemur" is the left knee. In its parent's frame a bone turns by
`C M C'`, where C is the bone's own `axis` and M the motion; of each, the rotation named first acts
first.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...settings.options import option, options, unchecked
from ...settings.ranges import Positive
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import asf as asf_file
from ..formats import source
from ..formats.asf import Bone, Lines, Rig, acting
from ..formats.file_columns import columns
from ..listing import Listing
from ..motion import mocap_listing
from ..motion.kinematics import forward
from ..motion.mocap import Folders, Mocap, folders_option
from ..motion.recorded import Motion
from ..motion.resample import LARGEST
from ..pool import Progress

CMU_RATE = 120.0
BLOCK = 4096  # frames whose rotation matrices are in memory at once


@options("amc")
class AMC:
    """How Acclaim motions become clips."""

    mocap: Mocap = option(unchecked(Mocap, up="y"), "units, axes, joints and frame rate")
    source_fps: Positive | None = option(
        None,
        "frames a second of the files, which seldom say it; none: what :SAMPLES-PER-SECOND says, "
        "else CMU's 120",
    )
    asf: str | Path | None = option(
        None,
        "the skeleton; none: looked for beside each motion and in the folders above it: the one "
        "whose name starts the motion's (86.asf for 86_01.amc), else the only one",
    )
    root_motion: bool = option(
        True, "false holds the root at the origin, unturned, and keeps the rest of the pose"
    )
    folders: Folders = folders_option("subject")


def read_amc(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: AMC = AMC(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Reads an `.amc` file, or all of a folder and below, as one clip each, in metres with y up.

    Args:
        path: the file or folder. All skeletons must have the same bones and parents, unless a
            layout picks bones that all of them have; lengths may differ.
        layout: name of a layout, a TOML file, or a Skeleton, whose joints are found among the bones
            by name, in any case. None: the file's own hierarchy, with pairs and parts by name.
        how: the options.
        progress: called with files done and files in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: a file that is damaged, or a motion without skeleton; the message names file,
            place and remedy.
    """
    return list_amc(path, layout, how).clips(progress=progress, scratch=scratch)


def list_amc(path: str | Path, layout: str | Skeleton | None = None, how: AMC = AMC()) -> Listing:
    """What `read_amc` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = source.find(path, ".amc")
    return mocap_listing.listing(
        path,
        files,
        _Loader(path, how),
        layout,
        how.mocap,
        columns=columns(path, files, how.folders, how.mocap.clip),
    )


class _Loader:
    """Reads motions, each with its skeleton, which is read once; pickles without them.

    Args:
        path: what the user named.
        how: the options.
    """

    def __init__(self, path: Path, how: AMC) -> None:
        self.path, self.how = path, how
        self.rigs: dict[Path, Rig] = {}

    def __reduce__(self) -> tuple[type[_Loader], tuple[Path, AMC]]:
        return _Loader, (self.path, self.how)

    def __call__(self, file: Path) -> Motion:
        how = self.how
        skeleton = Path(how.asf) if how.asf is not None else _beside(file, self.path)
        if skeleton not in self.rigs:
            self.rigs[skeleton] = asf_file.load_asf(skeleton)
        return load_amc(file, self.rigs[skeleton], fps=how.source_fps, root_motion=how.root_motion)


def load_amc(file: Path, rig: Rig, *, fps: float | None, root_motion: bool) -> Motion:
    """One motion's joint positions, in units of its skeleton; NaN below a number that is NaN.

    Raises:
        InputError: damaged, or not of this skeleton.
    """
    lines, notes = asf_file.lines(file)
    head = {words[0].lower(): words[1:] for _, words in lines[:50] if words[0].startswith(":")}
    if fps is None:
        stated = head.get(":samples-per-second", [str(CMU_RATE)])
        fps = float(source.numbers(f"{file}: :SAMPLES-PER-SECOND", stated, 1)[0])
    degrees = ":radians" not in head and (rig.degrees or ":degrees" in head)
    values, resting = _frames(file, lines, rig)
    parts = [
        _positions(rig, [column[at : at + BLOCK] for column in values], degrees, root_motion)
        for at in range(0, len(values[0]), BLOCK)
    ]
    notes = tuple(dict.fromkeys(notes + rig.notes))
    if resting:
        notes += (f"no values for {', '.join(resting)}, which stay at rest",)
    return Motion(
        joints=np.concatenate(parts),
        names=tuple(bone.name for bone in rig.bones),
        parents=rig.parents,
        fps=source.rate(f"{file}: source_fps", fps),
        scale=rig.scale,
        notes=notes,
    )


def _beside(file: Path, path: Path) -> Path:
    """The skeleton of a motion."""
    top = path if path.is_dir() else file.parent
    for folder in (file.parent, *file.parent.parents):
        skeletons = [f for f in sorted(folder.iterdir()) if f.suffix.lower() == ".asf"]
        fitting = [f for f in skeletons if file.stem.lower().startswith(f.stem.lower())]
        if fitting:
            return max(fitting, key=lambda f: len(f.stem))
        if len(skeletons) == 1:
            return skeletons[0]
        if folder == top:
            break
    raise InputError(
        f"{file}: no .asf skeleton for it; put one beside it whose name starts the motion's, or "
        "give asf=FILE"
    )


def _frames(file: Path, lines: Lines, rig: Rig) -> tuple[list[np.ndarray], list[str]]:
    """For each bone the numbers of all frames `(T, width)`; and the bones that have none."""
    rows: dict[str, list[list[str]]] = {bone.name: [] for bone in rig.bones}
    width = {bone.name: bone.width for bone in rig.bones}
    first = frames = 0
    for number, words in lines:
        name, written = words[0], words[1:]
        if name in rows and frames:
            if len(rows[name]) != frames - 1:
                raise InputError(
                    f"{file}: line {number}: {name!r} stands twice in a frame, or is missing in "
                    "one before; mend the file"
                )
            if len(written) != width[name]:
                source.numbers(f"{file}: line {number}: {name}", written, width[name])
            rows[name].append(written)
        elif re.fullmatch("[0-9]{1,18}", name) and not written:
            first = first if frames else int(name)
            if int(name) != first + frames:
                raise InputError(
                    f"{file}: line {number}: frame {name} instead of {first + frames}; frames "
                    "must follow one another"
                )
            frames += 1
        elif not name.startswith(":") or frames:
            raise InputError(
                f"{file}: line {number}: {name[:40]!r} is no bone of the skeleton; is it the right "
                ".asf, or is the file damaged?"
            )
    if not frames:
        raise InputError(f"{file}: no frames, so it is no AMC file, or it is cut off")
    resting = [name for name, listed in rows.items() if not listed and width[name]]
    for name, listed in rows.items():
        if len(listed) not in (0, frames) or (name == rig.bones[0].name and not listed):
            raise InputError(
                f"{file}: {name!r} has {len(listed)} of {frames} frames; the file is cut off"
            )
    values = [_values(file, first, bone, rows[bone.name], frames) for bone in rig.bones]
    return values, resting


def _values(file: Path, first: int, bone: Bone, rows: list[list[str]], frames: int) -> np.ndarray:
    """The numbers of one bone `(T, width)`; zeros where the file has none."""
    if not rows or not bone.width:
        return np.zeros((frames, bone.width))
    try:
        values = np.array(rows, np.float64)
        wrong = (np.abs(values) > LARGEST).any(1)  # NaN is a gap
    except ValueError:
        values, wrong = np.zeros((frames, bone.width)), np.ones(frames, bool)
    for row in np.flatnonzero(wrong):  # the slow way, to name the frame
        where = f"{file}: frame {first + row}: {bone.name}"
        values[row] = source.numbers(where, rows[row], gaps=True)
    return values


def _positions(rig: Rig, values: list[np.ndarray], degrees: bool, root_motion: bool) -> np.ndarray:
    """Positions `(T, V, 3)` of the bones' far ends."""
    frames = len(values[0])
    offsets = np.zeros((frames, len(rig.bones), 3))
    rotations = np.empty((frames, len(rig.bones), 3, 3))
    for at, bone in enumerate(rig.bones):
        angles = values[at][:, list(bone.columns)]
        turn = acting(np.deg2rad(angles) if degrees else angles, bone.order)
        rotations[:, at] = bone.axis @ turn @ bone.axis.T
        if at:  # a bone starts where its parent ends
            offsets[:, at] = rig.bones[rig.parents[at]].vector
    if root_motion:
        offsets[:, 0] = values[0][:, list(rig.bones[0].moves)]
    else:
        rotations[:, 0] = np.eye(3)
    starts, orientations = forward(offsets, rotations, rig.parents)
    vectors = np.stack([bone.vector for bone in rig.bones])
    return starts + (orientations @ vectors[..., None])[..., 0]
