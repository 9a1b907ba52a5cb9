"""Persons in one recording of markers, told by what stands before a colon: `Anna:LASI`, `Ben:LASI`.

Programs for motion capture write the subject's name in front of its markers. Subjects that share
names of markers are persons. One whose names nobody shares may be a box, or all there is of a body.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from ...errors import InputError, unknown
from ..joints.names import pairs
from .recorded import Motion

PERSON = 8  # markers that a person has at least, to be told by what stands before an underscore
ALL = "*"
_NUMBERED = re.compile(r"(?i)(marker|mk|m|point|p)?[ _-]*\d+")
"""Names that say nothing of a body: rigid bodies have markers 1, 2, 3 as well."""
_SIDES = re.compile(r"(?i)l|r|lt|rt|left|right")
_UNDERSCORE = re.compile(r"([^_]+)_(.+)")
_NUMBER = re.compile(r"([A-Za-z]*\d+)[ _.\-]?([A-Z].*)")  # P1Head_FL
_SHARED = 0.5  # of the names of the smaller of two persons: what the other has too


def persons(
    file: Path,
    motion: Motion,
    subject: str | Sequence[str],
    drop: Sequence[str] = (),
    joints: Sequence[str] = (),
) -> tuple[Motion, ...]:
    """The persons of a recording, all with the same joints, NaN where one has no such marker.

    A recording with a tree, or with one subject, is one person.

    Args:
        file: for messages.
        motion: of all subjects.
        subject: whom to take, one or several; "*": all markers as one body; "": persons are the
            subjects that share names of markers, one body where none do.
        drop: words with a colon, for names of markers with their subject, which go first.
        joints: that are wanted; where no subjects are alike, whoever has them is read.

    Raises:
        InputError: a subject that is not there.
    """
    motion = _without(motion, [word for word in drop if ":" in word])
    members = _members(motion.names)
    subjects = [name for name in members if name]
    wanted = _listed(subject)
    if motion.parents or wanted == [ALL] or (len(subjects) < 2 and not wanted):
        return (motion,)
    chosen(file, subjects, subject)
    alike = wanted or _alike(motion.names, members, subjects)
    if not alike and joints:
        needed = {name.lower() for name in joints}
        alike = [one for one in subjects
                 if needed <= {_bare(motion.names[at]).lower() for at in members[one]}]  # fmt: skip
    if not alike:
        sizes = ", ".join(f"{name} ({len(members[name])})" for name in subjects)
        note = f"subjects of different markers, read as one body: {sizes}; subject=NAME takes one"
        return (replace(motion, notes=(*motion.notes, note)),)
    left = [motion.names[at] for name in members if name not in alike for at in members[name]]
    notes = [*motion.notes]
    if len(alike) > 1:
        notes.append(f"{len(alike)} subjects are {len(alike)} persons: {', '.join(alike)}")
    if left:
        some = ", ".join(left[:4]) + (", ..." if len(left) > 4 else "")
        notes.append(f"{len(left)} markers of nobody that is read are left out: {some}")
    names = list(dict.fromkeys(_bare(motion.names[at]) for name in alike for at in members[name]))
    motion = replace(motion, notes=tuple(notes), left_out=(*motion.left_out, *left))
    return tuple(_of(motion, members[name], names) for name in alike)


def chosen(file: Path, subjects: Sequence[str], subject: str | Sequence[str]) -> list[int]:
    """Which of the subjects are wanted, in the order of the wish; all without one.

    Raises:
        InputError: a subject that is not there.
    """
    wanted = _listed(subject)
    for name in wanted:
        if name not in subjects and name != ALL:
            raise InputError(f"{file}: {unknown('subject', name, subjects)}")
    if not wanted or ALL in wanted:
        return list(range(len(subjects)))
    return [subjects.index(name) for name in wanted]


def _listed(subject: str | Sequence[str]) -> list[str]:
    words = subject.split(",") if isinstance(subject, str) else subject
    return [word.strip() for word in words if word.strip()]


def _without(motion: Motion, words: Sequence[str]) -> Motion:
    gone = {name for name in motion.names
            if ":" in name and any(fnmatchcase(name.lower(), word) for word in words)}  # fmt: skip
    if not gone or len(gone) == len(motion.names) or motion.parents:
        return motion
    staying = [at for at, name in enumerate(motion.names) if name not in gone]
    return replace(
        motion,
        joints=motion.joints[:, staying],
        names=tuple(motion.names[at] for at in staying),
        left_out=(*motion.left_out, *(name for name in motion.names if name in gone)),
    )


def _members(names: Sequence[str]) -> dict[str, list[int]]:
    """Subject -> its markers, "" for markers of none."""
    members: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        members.setdefault(name.rpartition(":")[0], []).append(at)
    words = {subject: {_bare(names[at]) for at in markers} for subject, markers in members.items()}
    plain = {s: markers for s, markers in members.items() if all(words[s])}
    return plain if len(plain) == len(members) else {"": list(range(len(names)))}


def _alike(
    names: Sequence[str], members: dict[str, list[int]], subjects: Sequence[str]
) -> list[str]:
    """The most subjects that have names of markers in common with one of them; else none."""
    words = {
        subject: {
            bare for at in members[subject] if not _NUMBERED.fullmatch(bare := _bare(names[at]))
        }
        for subject in subjects
    }

    def like(one: str) -> list[str]:
        return [
            other
            for other in subjects
            if words[other]
            and len(words[one] & words[other]) >= _SHARED * min(len(words[one]), len(words[other]))
        ]

    if all(_SIDES.fullmatch(subject) for subject in subjects):
        return []
    best = max((like(one) for one in subjects if words[one]), key=len, default=[])
    # Beside one subject with names, those with numbered markers alone are things.
    alone = len([one for one in subjects if words[one]]) == 1
    return best if len(best) > 1 or alone else []


def _of(motion: Motion, markers: Sequence[int], names: Sequence[str]) -> Motion:
    """One subject's markers under the names of all."""
    joints = np.full((len(motion.joints), len(names), 3), np.nan)
    for at in markers:
        joints[:, names.index(_bare(motion.names[at]))] = motion.joints[:, at]
    return replace(motion, joints=joints, names=tuple(names))


def _bare(name: str) -> str:
    return name.rpartition(":")[2]


def with_subjects(names: Sequence[str]) -> list[str]:
    """Names with a colon behind the person, where an underscore or a number surely ends one.

    L_Knee and R_Knee are one person: of two, each must have its left and right markers.

    Examples:
        >>> with_subjects(["L_Knee", "R_Knee"])
        ['L_Knee', 'R_Knee']
    """
    if any(":" in name for name in names):
        return list(names)
    for behind in (_UNDERSCORE, _NUMBER):
        parted = [behind.fullmatch(name) for name in names]
        of: dict[str, set[str]] = {}
        for found in parted:
            if found:
                of.setdefault(found[1], set()).add(found[2])
        sets = list(of.values())
        alike = None not in parted and len(sets) > 1 and all(one == sets[0] for one in sets)
        if alike and len(sets[0]) >= PERSON and 4 * len(pairs(sorted(sets[0]))) >= len(sets[0]):
            return [f"{found[1]}:{found[2]}" for found in parted if found]
    return list(names)
