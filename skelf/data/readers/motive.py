"""Reader for the CSV that OptiTrack's Motive exports: bones of skeletons, markers, rigid bodies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from ...errors import InputError
from ...layouts import MOTIVE21
from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import source
from ..formats.file_columns import columns
from ..formats.labels import numbered
from ..formats.motive_file import Part, Take, load_take, told
from ..formats.table_files import of_format
from ..joints.tree import tree_of
from ..listing import Listing
from ..motion import mocap_listing, rigs, subjects
from ..motion.kinematics import descent, forward, quaternion_rotation
from ..motion.markers import UNITS
from ..motion.mocap import Folders, Mocap, folders_option
from ..motion.recorded import Motion
from ..pool import Progress

What = Literal["auto", "bones", "markers", "bodies"]
HIP = "Hip"
BONE, BODY = "Bone", "Rigid Body"
MARKERS = ("Marker", "Bone Marker", "Rigid Body Marker")
"""Measured markers, then those of a skeleton's and of a rigid body's model."""
_UNLABELLED = re.compile(r"(?i)unlabel.*|active \d+|")
_BODY = dict(zip(MOTIVE21.names, MOTIVE21.parents, strict=True))
_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")
# Bone -> what it hangs off, where the file has no row Parent.
_ABOVE = {bone: MOTIVE21.names[up] for bone, up in _BODY.items() if up >= 0} | {
    f"{side}{finger}{at}": f"{side}{finger}{at - 1}" if at > 1 else f"{side}Hand"
    for side in "LR"
    for finger in _FINGERS
    for at in (1, 2, 3)
}


@options("motive")
class Motive:
    """How Motive's CSV files become clips."""

    mocap: Mocap = option(Mocap(), "units, axes, joints and frame rate")
    folders: Folders = folders_option("class")
    what: What = option(
        "auto",
        "whose positions: bones of skeletons, markers, bodies (rigid ones); auto is the first of "
        "these that a file has",
    )


def read_motive(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: Motive = Motive(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Reads a `.csv` of Motive, or all of a folder and below, as one clip each, in metres, y up.

    Each skeleton is a person. Empty cells are gaps. Motive's axes have y up unless they were
    changed in the export, which a file does not tell: then give up.

    Args:
        path: the file or folder.
        layout: name of a layout, a TOML file, or a Skeleton, whose joints are found by name, in
            any case. None: the bones' own hierarchy; markers and rigid bodies have none, so each
            hangs off the one that stays nearest (`spanning_tree`).
        how: the options.
        progress: called with files done and files in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: a file that is damaged, has no positions or an unknown unit.
    """
    return list_motive(path, layout, how).clips(progress=progress, scratch=scratch)


def list_motive(
    path: str | Path, layout: str | Skeleton | None = None, how: Motive = Motive()
) -> Listing:
    """What `read_motive` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = of_format(path, (".csv", ".txt"), told, "Motive")
    return mocap_listing.listing(
        path,
        files,
        partial(_stood, how=how),
        layout,
        how.mocap,
        columns=columns(path, files, how.folders, how.mocap.clip),
    )


def _stood(file: Path, how: Motive) -> Motion | tuple[Motion, ...]:
    motions = load_motive(file, how.what, how.mocap.scale, how.mocap.subject)
    return rigs.stood(motions, how.mocap.up)


def load_motive(
    file: Path,
    what: What = "auto",
    scale: float | None = None,
    subject: str | Sequence[str] = "",
) -> Motion | tuple[Motion, ...]:
    """One file's persons.

    Raises:
        InputError: damaged, nothing to read in it, or a unit that is not known.
    """
    take = load_take(file)
    unit = take.said.get("length units", "").lower()
    if unit not in UNITS and scale is None:
        raise InputError(
            f"{file}: its Length Units are {unit or 'not stated'}; give scale=METRES in one unit, "
            "as scale=0.001 for millimetres"
        )
    scale = UNITS.get(unit, 1.0)
    parts = {kind: [p for p in take.parts if p.position and p.kind == kind]
             for kind in (BONE, BODY, *MARKERS)}  # fmt: skip
    labelled = _labelled(parts)
    if what == "auto":
        bodies = {part.name for part in parts[BODY]}
        own = [p for p in labelled if p.name.rpartition(":")[0] not in bodies]
        what = "bones" if parts[BONE] else "markers" if own else "bodies"
    chosen = {"bones": parts[BONE], "markers": labelled, "bodies": parts[BODY]}[what]
    if not chosen and what != "bones" and parts["Marker"]:
        raise InputError(
            f"{file}: its {len(parts['Marker'])} markers are unlabelled, and change their names "
            "when they are lost for a while; label them in Motive and export again"
        )
    if not chosen:
        has = ", ".join(sorted({part.kind for part in take.parts})) or "nothing"
        raise InputError(
            f"{file}: no positions of {what} in it (it has {has}); export them, or give what="
        )
    if len(chosen) > source.JOINTS:
        raise InputError(f"{file}: {len(chosen)} {what}; a recording has at most {source.JOINTS}")
    notes = (*take.notes, *_left_out(parts, chosen, what))
    if what == "bones":
        return _skeletons(take, chosen, scale, notes, subject)
    _refuse_local(take, what)
    names, more = numbered([part.name for part in chosen])
    return Motion(_positions(take, chosen), names, (), take.fps, scale, "y", (*notes, *more),
                  tuple(part.name for part in take.parts if part not in chosen))  # fmt: skip


def _labelled(parts: dict[str, list[Part]]) -> list[Part]:
    """Measured markers that have a name, else those of the models."""
    for kind in MARKERS:
        named = [p for p in parts[kind] if not _UNLABELLED.fullmatch(p.name.rpartition(":")[2])]
        if named:
            return named
    return []


def _left_out(parts: dict[str, list[Part]], chosen: Sequence[Part], what: str) -> list[str]:
    words = {BONE: "bones", BODY: "rigid bodies"}
    others = {
        kind: len([part for part in some if part not in chosen]) for kind, some in parts.items()
    }
    left = [f"{n} {words.get(kind, f'{kind}s')}" for kind, n in others.items() if n]
    return [f"read are {len(chosen)} {what}; left out: {', '.join(left)}"] if left else []


def _skeletons(
    take: Take,
    bones: Sequence[Part],
    scale: float,
    notes: tuple[str, ...],
    subject: str | Sequence[str],
) -> tuple[Motion, ...]:
    """A motion for each skeleton, all with the joints of all."""
    named: dict[str, list[tuple[str, Part]]] = {}
    for part in bones:
        skeleton, _, bone = _spelt(part.name, bones).rpartition(":")
        # The first bone may be called as its skeleton: an option of Motive 3's export.
        named.setdefault(skeleton, []).append((HIP if bone == skeleton else bone, part))
    skeletons = [*named]
    skeletons = [skeletons[at] for at in subjects.chosen(take.file, skeletons, subject)]
    if not subject:
        skeletons, more = _persons({name: [b for b, _ in named[name]] for name in named})
        notes += more
    motions = []
    for skeleton in skeletons:
        names = [bone for bone, _ in named[skeleton]]
        if len(set(names)) < len(names):
            raise InputError(f"{take.file}: two bones of {skeleton!r} have one name; rename one")
        parents = _parents(take, names, [part for _, part in named[skeleton]])
        joints = _bones(take, [part for _, part in named[skeleton]], parents)
        motions.append(Motion(joints, tuple(names), parents, take.fps, scale, "y", notes))
    most = max(motions, key=lambda motion: len(motion.names))
    return tuple(_alike(take.file, motion, most) for motion in motions)


def _persons(bones: dict[str, list[str]]) -> tuple[list[str], tuple[str, ...]]:
    """Skeletons whose bones are mostly those of the fullest body, and a note about others.

    Things that Motive learned the markers of have bones as well.
    """
    known = {*_ABOVE, HIP}
    body = max(bones, key=lambda name: (len(known & {*bones[name]}), len(bones[name])))
    persons = [
        name for name in bones if 2 * len({*bones[name]} & {*bones[body]}) >= len(bones[name])
    ]
    others = [f"{name} ({len(bones[name])})" for name in bones if name not in persons]
    left = f"bones of other names are left out: {', '.join(others)}; subject=NAME takes one"
    return persons, (left,) if others else ()


def _alike(file: Path, motion: Motion, fullest: Motion) -> Motion:
    """The joints of the skeleton that has the most; NaN where there is no such bone, as fingers."""
    odd = [bone for bone in motion.names if bone not in fullest.names]
    if odd:
        raise InputError(
            f"{file}: two skeletons have other bones ({', '.join(odd[:4])}); take one with "
            "subject=NAME, or export them apart"
        )
    joints = np.full(fullest.joints.shape, np.nan)
    joints[:, [fullest.names.index(bone) for bone in motion.names]] = motion.joints
    return replace(fullest, joints=joints)


def _spelt(name: str, bones: Sequence[Part]) -> str:
    """A bone's name with a colon behind the skeleton's; Motive 1 wrote `Skeleton 001_Hip`."""
    if ":" in name or not all("_" in part.name for part in bones):
        return name
    known = {*_ABOVE, HIP}
    if all(part.name.rpartition("_")[2] in known for part in bones):
        return ":".join(name.rsplit("_", 1))
    return name


def _parents(take: Take, names: Sequence[str], parts: Sequence[Part]) -> tuple[int, ...]:
    """By the row Parent, else by the names that Motive gives; none where neither says it."""
    place = {name: at for at, name in enumerate(names)}
    by_full = {part.name: at for at, part in enumerate(parts)}
    if any(part.parent for part in parts):
        parents = [by_full.get(part.parent, -1) for part in parts]
    elif all(name in _ABOVE or name == HIP for name in names):
        parents = [_nearest(name, place) for name in names]
    else:
        parents = tree_of(names) or []
    if parents.count(-1) != 1:
        return ()
    descent(parents)
    return tuple(parents)


def _nearest(name: str, place: dict[str, int]) -> int:
    while name in _ABOVE:
        name = _ABOVE[name]
        if name in place:
            return place[name]
    return -1


def _bones(take: Take, bones: Sequence[Part], parents: tuple[int, ...]) -> np.ndarray:
    """Positions `(T, V, 3)` in the world's axes."""
    positions = _positions(take, bones)
    if not _is_local(take):
        return positions
    turns = [part.rotation for part in bones]
    if not parents or not any(part.parent for part in bones) or any(len(t) != 4 for t in turns):
        _refuse_local(take, "bones")
    quaternions = take.read([column for turn in turns for column in turn])
    rotations = quaternion_rotation(quaternions.reshape(len(positions), -1, 4)[..., [3, 0, 1, 2]])
    return forward(positions, rotations, parents)[0]


def _is_local(take: Take) -> bool:
    return take.said.get("coordinate space", "").lower() == "local"


def _refuse_local(take: Take, what: str) -> None:
    if _is_local(take):
        raise InputError(
            f"{take.file}: its Coordinate Space is Local, so {what} cannot be placed (without "
            "parents and quaternions); export it with Global"
        )


def _positions(take: Take, parts: Sequence[Part]) -> np.ndarray:
    for part in parts:
        if len(part.position) != 3:
            raise InputError(
                f"{take.file}: {part.name!r} has {len(part.position)} columns of its position "
                "instead of X, Y, Z; copy or export the file again"
            )
    values = take.read([column for part in parts for column in part.position])
    positions = values.reshape(len(values), len(parts), 3)
    positions[~positions.any(-1)] = np.nan  # some versions write 0 0 0 for what is not tracked
    return positions
