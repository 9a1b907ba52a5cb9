"""Skeletons of Acclaim motion capture (`.asf`); `readers/amc.py` reads the motions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..motion.kinematics import descent, euler_rotation
from . import source
from .look import Look

INCH = 0.0254

Lines = list[tuple[int, list[str]]]
"""Line number and words of each line that has any."""


@dataclass
class Bone:
    """A bone, or the root, which has no length.

    Args:
        name: the bone's; the joint at its far end has it too.
        vector: `(3,)`, from its near to its far end at rest, in the world's axes.
        axis: `(3, 3)`, the frame in which its motion turns.
        order: axes of its rotations ("xyz") in the order in which they act.
        columns: where their angles stand among a frame's numbers.
        moves: of the root, where x, y and z of its place stand.
        width: numbers that a frame has for it.
    """

    name: str
    vector: np.ndarray = field(default_factory=lambda: np.zeros(3))
    axis: np.ndarray = field(default_factory=lambda: np.eye(3))
    order: str = ""
    columns: tuple[int, ...] = ()
    moves: tuple[int, ...] = ()
    width: int = 0


@dataclass
class Rig:
    """A skeleton: its bones with the root first and each after its parent.

    Args:
        bones: the root and the bones.
        parents: of each, -1 for the root.
        scale: metres in one unit.
        degrees: whether angles are degrees, radians else.
        notes: what a user should know about the file.
    """

    bones: list[Bone]
    parents: tuple[int, ...]
    scale: float
    degrees: bool
    notes: tuple[str, ...]


def acting(angles: np.ndarray, order: str) -> np.ndarray:
    """Matrices `(..., 3, 3)` of rotations by `angles` `(..., K)` radians; `order[0]` acts first."""
    return euler_rotation(order[::-1], angles[..., ::-1])


def lines(file: Path) -> tuple[Lines, tuple[str, ...]]:
    """A text file's lines without comments, and notes about its text."""
    text, notes = source.text(file)
    split = (
        (number, line.partition("#")[0].split())
        for number, line in enumerate(re.split(r"\r\n?|\n", text), 1)
    )
    worded = [(number, words) for number, words in split if words]
    ascii_only = all(word.isascii() for _, words in worded for word in words)
    return worded, () if ascii_only else notes


def load_asf(file: Path) -> Rig:
    """Reads a skeleton.

    Raises:
        InputError: damaged, cut off, or no ASF.
    """
    sections, encoding = _sections(file)
    units = {words[0].lower(): words[1:] for _, words in sections.get("units", [])}
    length = source.numbers(f"{file}: units: length", units.get("length", ["1"]), 1)[0]
    if length <= 0:
        raise InputError(f"{file}: units: length {length:g}; give a number above 0")
    degrees = not "".join(units.get("angle", [])[:1]).lower().startswith("rad")
    root, notes = _root(file, sections.get("root", []), degrees)
    bones = [root, *_bones(file, sections.get("bonedata", []), degrees)]
    if len(bones) < 2:
        raise InputError(f"{file}: no bones (:bonedata), so it is no ASF skeleton")
    parents = _parents(file, sections.get("hierarchy", []), [bone.name for bone in bones])
    order = descent(parents)
    place = {bone: at for at, bone in enumerate(order)} | {-1: -1}
    return Rig(
        bones=[bones[at] for at in order],
        parents=tuple(place[parents[at]] for at in order),
        scale=INCH / float(length),
        degrees=degrees,
        notes=(*encoding, *notes),
    )


def _sections(file: Path) -> tuple[dict[str, Lines], tuple[str, ...]]:
    """The lines below each ":keyword", and notes about the text."""
    if not file.is_file():
        raise InputError(f"{file}: no such file; give the .asf skeleton of the motions")
    sections: dict[str, Lines] = {}
    current: Lines = []
    listed, notes = lines(file)
    for number, words in listed:
        if words[0].startswith(":"):
            current = sections.setdefault(words[0][1:].lower(), [])
        else:
            current.append((number, words))
    if "bonedata" not in sections or "hierarchy" not in sections:
        raise InputError(
            f"{file}: no :bonedata or no :hierarchy, so it is no ASF skeleton, or it is cut off"
        )
    return sections, notes


def _root(file: Path, listed: Lines, degrees: bool) -> tuple[Bone, tuple[str, ...]]:
    order, turns, orientation = ["tx", "ty", "tz", "rx", "ry", "rz"], "XYZ", ["0"] * 3
    notes: tuple[str, ...] = ()
    for number, words in listed:
        where, key = f"{file}: line {number}: root", words[0].lower()
        if key == "order":
            order = [word.lower() for word in words[1:]]
        elif key == "axis":
            turns = words[1] if len(words) == 2 else ""
        elif key == "orientation":
            orientation = words[1:]
            source.numbers(where, orientation, 3)
        elif key == "position" and source.numbers(where, words[1:], 3).any():
            notes = ("the skeleton's root position is not zero; the motion's own replaces it",)
    if sorted(order) != ["rx", "ry", "rz", "tx", "ty", "tz"]:
        raise InputError(f"{file}: root: order needs TX TY TZ RX RY RZ, each once, not {order}")
    axis = _axis(f"{file}: root", [*orientation, turns], degrees)
    # The letters of `axis` say in which order the root's three rotations act.
    bone = Bone("root", axis=axis, order=turns.lower(), width=6)
    bone.columns = tuple(order.index(f"r{letter}") for letter in bone.order)
    bone.moves = tuple(order.index(f"t{letter}") for letter in "xyz")
    return bone, notes


def _bones(file: Path, listed: Lines, degrees: bool) -> list[Bone]:
    blocks: list[Lines] = []
    open_ = False
    for number, words in listed:
        key = words[0].lower()
        if (key == "begin") == open_ or len(blocks) > source.JOINTS:
            raise InputError(
                f"{file}: line {number}: bones stand between 'begin' and 'end', at most "
                f"{source.JOINTS} of them; mend the file"
            )
        if key == "begin":
            blocks.append([])
        blocks[-1].append((number, words))
        open_ = key != "end"
    if open_:
        raise InputError(f"{file}: ends inside a bone; it is cut off, copy it again")
    return [_bone(file, block, degrees) for block in blocks]


def _bone(file: Path, listed: Lines, degrees: bool) -> Bone:
    fields = {words[0].lower(): words[1:] for _, words in listed}
    where = f"{file}: bone at line {listed[0][0]}"
    for key in ("name", "direction", "length"):
        if not fields.get(key):
            raise InputError(f"{where}: field {key!r} is missing; add it")
    where += f" ({fields['name'][0]})"
    direction = source.numbers(f"{where}: direction", fields["direction"], 3)
    length = source.numbers(f"{where}: length", fields["length"], 1)
    dof = [word.lower() for word in fields.get("dof", [])]
    if len(set(dof)) < len(dof) or not set(dof) <= {"rx", "ry", "rz"}:
        raise InputError(f"{where}: dof {' '.join(dof)[:60]!r}: only rx, ry and rz, each once")
    return Bone(
        name=fields["name"][0],
        vector=source.believed(where, direction * length),
        axis=_axis(f"{where}: axis", fields.get("axis", ["0", "0", "0", "XYZ"]), degrees),
        order="".join(word[1] for word in dof),
        columns=tuple(range(len(dof))),
        width=len(dof),
    )


def _axis(where: str, words: list[str], degrees: bool) -> np.ndarray:
    """`x y z XYZ`: the matrix of three angles and the order in which they act."""
    if len(words) != 4 or sorted(words[3].lower()) != ["x", "y", "z"]:
        raise InputError(f"{where}: {' '.join(words)[:60]!r}: needs three angles and XYZ")
    angles = source.numbers(where, words[:3])
    order = words[3].lower()
    ordered = angles[["xyz".index(axis) for axis in order]]
    return acting(np.deg2rad(ordered) if degrees else ordered, order)


def _parents(file: Path, listed: Lines, names: list[str]) -> list[int]:
    index = {name: at for at, name in enumerate(names)}
    if len(index) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{file}: bone {twice!r} stands twice; names must differ")
    parents: dict[int, int] = {0: -1}
    for number, words in listed:
        if words[0].lower() in ("begin", "end") and len(words) == 1:
            continue
        where = f"{file}: line {number}: hierarchy"
        for name in words:
            if name not in index:
                raise InputError(f"{where}: no bone {name[:40]!r} in :bonedata; mend the file")
        for name in words[1:]:
            if index[name] in parents:
                raise InputError(f"{where}: bone {name!r} has a parent already; give each one")
            parents[index[name]] = index[words[0]]
    lost = [name for name in names if index[name] not in parents]
    if lost:
        raise InputError(f"{file}: hierarchy: bone {lost[0]!r} has no parent; it may be cut off")
    parent_of_bone = [parents[at] for at in range(len(names))]
    try:
        descent(parent_of_bone)
    except InputError:
        raise InputError(f"{file}: hierarchy: bones form a cycle; mend the file") from None
    return parent_of_bone


def told_amc(look: Look) -> str:
    """Why a file is an Acclaim motion: its keywords, which come before the first frame."""
    words = (":FULLY", ":DEGREES", ":RADIANS")
    if any(line.strip().upper().startswith(words) for line in look.lines[:20]):
        return "it has :FULLY-SPECIFIED or :DEGREES, as Acclaim's motions"
    return ""
