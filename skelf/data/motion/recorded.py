"""One recording of motion capture, and its joints: renamed, dropped, in the order of a layout."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from ...errors import InputError, unknown
from ...skeleton import Skeleton
from ..joints import names as joint_names
from .axes import Up
from .marker_tree import spanning_tree


@dataclass(frozen=True)
class Motion:
    """One file's content, in its own unit and axes.

    Args:
        joints: `(T, V, 3)`; NaN where a marker was not seen; float32 where that holds all digits.
        names: of the joints.
        parents: index of each joint's parent, -1 for a root; none where the file has no tree.
        fps: frames a second.
        scale: metres in one unit.
        up: the axis that points up.
        notes: what a user should know about the file.
        left_out: labels that a user may want to drop and that are left out already.
    """

    joints: np.ndarray
    names: tuple[str, ...]
    parents: tuple[int, ...]
    fps: float
    scale: float
    up: Up = "y"
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Selection:
    """Which joints of the files stay, and under which names; the same for all files of an import.

    A word of `drop` or `rename` takes what is there. One that no file has is refused at the end.

    Args:
        layout: whose joints are wanted; None: those of the first file, after `drop`.
        drop: names, with * and ?, in any case.
        rename: name in the file -> name to use.
    """

    def __init__(
        self, layout: Skeleton | None, drop: Sequence[str], rename: Mapping[str, str]
    ) -> None:
        self.layout = layout
        self.drop = drop
        self.rename = rename
        self._unused = {("drop", word) for word in drop} | {("rename", name) for name in rename}
        self._first: Path | None = None  # the file that the layout comes from
        self._names: dict[str, None] = {}  # of joints in the first file
        self._given = layout is not None

    @property
    def skeleton(self) -> Skeleton:
        """The layout, once a motion was seen."""
        assert self.layout is not None
        return self.layout

    @property
    def wanted(self) -> tuple[str, ...]:
        """Names of the joints that a layout of the user's asks for."""
        return self.layout.names if self.layout is not None and self._given else ()

    def apply(self, file: Path, motion: Motion) -> Motion:
        """The motion with the layout's joints in the layout's order.

        Raises:
            InputError: another skeleton than the first file's, a joint that is not there.
        """
        self._names = self._names or dict.fromkeys((*motion.names, *motion.left_out))
        motion = self._renamed(motion)
        if not self._given:
            motion = self._without(file, motion)
            if self.layout is None:
                parents = motion.parents or tuple(spanning_tree(motion.joints))
                self.layout = joint_names.skeleton(file, motion.names, parents)
                self._first = file
            _refuse_other(file, motion, self._first or file, self.layout)
            motion = replace(motion, notes=(*motion.notes, *_still_root(motion)))
        assert self.layout is not None
        order = _order(file, motion.names, self.layout, self._given)
        return replace(motion, joints=taken(motion.joints, order))

    @property
    def unused(self) -> set[tuple[str, str]]:
        """Words of `drop` and `rename` that no file has so far, each behind its option."""
        return {(o, word) for o, word in self._unused if o == "rename" or not self._given}

    def refuse_unused(self, path: Path) -> None:
        """Raises InputError for a word of `drop` or `rename` that no file has."""
        for option, word in sorted(self.unused):
            raise InputError(f"{path}: {option}: {unknown('joint', word, self._names)}")

    def _renamed(self, motion: Motion) -> Motion:
        """Without a prefix that the names share up to a colon, then by `rename`."""
        names = _bare(motion.names)
        self._unused -= {("rename", name) for name in (*names, *motion.names)}
        renamed = (
            self.rename.get(bare, self.rename.get(name, bare))
            for name, bare in zip(motion.names, names, strict=True)
        )
        return replace(motion, names=tuple(renamed))

    def _without(self, file: Path, motion: Motion) -> Motion:
        """Without the joints of `drop`; their children go to the next joint up."""
        names, parents = motion.names, motion.parents
        for word in self.drop:
            if any(fnmatchcase(name.lower(), word) for name in (*names, *motion.left_out)):
                self._unused.discard(("drop", word))
        staying = [
            joint
            for joint, name in enumerate(names)
            if not any(fnmatchcase(name.lower(), word) for word in self.drop)
        ]
        if not staying:
            raise InputError(f"{file}: drop leaves nothing; keep exactly one root and what follows")
        motion = replace(
            motion,
            joints=taken(motion.joints, staying),
            names=_bare(tuple(names[joint] for joint in staying)),
        )
        if not parents:
            return motion
        place = {joint: at for at, joint in enumerate(staying)} | {-1: -1}
        parents_left = []
        for joint in staying:
            above = parents[joint]
            while above not in place:
                above = parents[above]
            parents_left.append(place[above])
        if parents_left.count(-1) != 1:
            roots = [name for name, up in zip(motion.names, parents_left, strict=True) if up < 0]
            raise InputError(f"{file}: drop leaves {roots} as roots; keep exactly one")
        return replace(motion, parents=tuple(parents_left))


def taken(joints: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """Some joints; without a copy where they are all of them as they stand."""
    return joints if [*order] == [*range(joints.shape[1])] else joints[:, order]


def _bare(names: tuple[str, ...]) -> tuple[str, ...]:
    """Without the one prefix up to a colon that there is, if names then still differ."""
    if len({name.partition(":")[0] for name in names if ":" in name}) != 1:
        return names
    bare = tuple(name.partition(":")[2] if ":" in name else name for name in names)
    repeated = len(set(bare)) < len(set(names)) or not all(bare)
    return names if repeated else bare


def _refuse_other(file: Path, motion: Motion, first: Path, skeleton: Skeleton) -> None:
    """Raises InputError where joints or parents differ; markers have no parents to differ in."""

    def tree(names: Sequence[str], parents: Sequence[int]) -> dict[str, str]:
        if not motion.parents:
            return dict.fromkeys(names, "")
        return {n: names[p] if p >= 0 else "" for n, p in zip(names, parents, strict=True)}

    mine, theirs = tree(motion.names, motion.parents), tree(skeleton.names, skeleton.parents)
    if len(mine) == len(motion.names) and mine == theirs:
        return
    odd = sorted(name for name in mine | theirs if mine.get(name) != theirs.get(name))
    raise InputError(
        f"{file}: another skeleton than {first.name if first.parent == file.parent else first} "
        f"(differs in {odd[:4]}); import them apart, bring each store to one layout by "
        "`skelf data map` and join them, or give a --layout whose joints all files have"
    )


def _order(file: Path, names: Sequence[str], skeleton: Skeleton, named: bool) -> list[int]:
    """Where each joint of the layout stands in the file; in any case where the user named it."""
    spell = str.lower if named else str
    spelt = [spell(name) for name in names]
    place = {name: at for at, name in enumerate(spelt)}
    for name in skeleton.names:
        if spelt.count(spell(name)) > 1:
            raise InputError(f"{file}: joint {name!r} stands twice; rename or mend one in the file")
    missing = [name for name in skeleton.names if spell(name) not in place]
    if missing:
        have = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        raise InputError(
            f"{file}: no joint {missing[0]!r}, which the layout {skeleton.name!r} needs (the file "
            f'has {have}); rename={{"name in the file" = "{missing[0]}"}} maps one; or leave '
            "--layout out and bring the store to the layout by `skelf data map`"
        )
    return [place[spell(name)] for name in skeleton.names]


def _still_root(motion: Motion) -> list[str]:
    """A note about a root that is the scene's rather than the body's."""
    if not motion.parents:
        return []
    root = motion.parents.index(-1)
    if motion.parents.count(root) != 1 or (motion.joints[:, root] != motion.joints[:1, root]).any():
        return []
    if not (motion.joints != motion.joints[:1]).any():
        return []
    name = motion.names[root]
    drop = shlex.quote(f"drop={name}")
    return [f"the root {name!r} never moves; if it is the scene's, leave it out: {drop}"]
