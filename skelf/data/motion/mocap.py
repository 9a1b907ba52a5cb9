"""From joint positions of motion capture files to a ClipSet: what `bvh`, `amc` and `c3d` share."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import numpy as np

from ...errors import InputError, unknown
from ...layouts import layout as named_layout
from ...settings.options import option, options
from ...settings.ranges import Positive, Range
from ...skeleton import Skeleton
from ..clips import ClipSet, utf8
from ..frames import Frames
from ..joints import names as joint_names
from ..pool import Progress
from .axes import Up, upright
from .resample import LARGEST, resample

Folders = Literal["class", "subject", "none"]
Scale = Annotated[float, Range(gt=0, le=LARGEST)]


@dataclass(frozen=True)
class Motion:
    """One file's content, in its own unit and axes.

    Args:
        joints: `(T, V, 3)`; NaN where a marker was not seen.
        names: of the joints.
        parents: index of each joint's parent, -1 for a root.
        fps: frames a second.
        scale: metres in one unit.
        up: the axis that points up.
        notes: what a user should know about the file.
    """

    joints: np.ndarray
    names: tuple[str, ...]
    parents: tuple[int, ...]
    fps: float
    scale: float
    up: Up = "y"
    notes: tuple[str, ...] = ()


class _Table(TypedDict, total=False):
    """Columns that files and folders give."""

    name: list[str]
    label: list[int]
    class_names: list[str]
    subject: list[int]


@options("mocap")
class Mocap:
    """What the readers of motion capture share.

    Joints are renamed before a layout or `drop` looks for them. A layout finds its joints in the
    files by name, in any case.
    """

    fps: Positive | None = option(
        None, "frames a second to resample to, linearly; none keeps the file's"
    )
    scale: Scale | None = option(
        None,
        "metres in one unit of the file; none is what the file says, in bvh 0.01, in amc an inch "
        "divided by the length that :units states, so 0.0254 / 0.45 for CMU",
    )
    up: Up | None = option(
        None, "the file's upward axis; none is y, in c3d what POINT:Y_SCREEN says, else z"
    )
    drop: str | tuple[str, ...] = option(
        (), "joints to leave out, with * and ?, any case; a list, or one text with commas"
    )
    rename: dict[str, str] | None = option(None, "names of joints in the file = names to use")


def folders_option(default: Folders) -> Any:  # a field, as of `option`
    """The field `folders` of a reader's options."""
    return option(
        default,
        "what a subfolder's name is: the class of the files that it holds, their subject (its "
        "number), or none of both",
    )


def collect(
    path: Path,
    files: Sequence[Path],
    load: Callable[[Path], Motion],
    layout: str | Skeleton | None,
    how: Mocap,
    *,
    folders: Folders,
    progress: Progress | None,
    scratch: str | Path | None,
) -> ClipSet:
    """One clip for each file, in metres with y up.

    Args:
        path: what the user named.
        files: in it.
        load: reads one of them.
        layout: a name, a TOML file or a Skeleton; None: the files' own hierarchy.
        how: the options that readers of motion capture share.
        folders: what a subfolder's name is.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: a file that cannot be read, another skeleton than the first file's, a joint
            that is not there.
    """
    wanted = named_layout(layout) if isinstance(layout, str) else layout
    dropped = how.drop.split(",") if isinstance(how.drop, str) else how.drop
    patterns = [pattern.strip().lower() for pattern in dropped if pattern.strip()]
    length, rates, skeleton = [], [], wanted
    notes: dict[str, list[Path]] = {}
    gaps: dict[Path, tuple[int, int]] = {}  # positions that are gaps, and all
    with ExitStack() as stack:
        for done, file in enumerate(files):
            motion = _renamed(file, load(file), how.rename or {})
            if wanted is None:
                motion = _without(file, motion, patterns)
                skeleton = skeleton or joint_names.skeleton(file, motion.names, motion.parents)
                _refuse_other(file, motion, files[0], skeleton)
                motion = replace(motion, notes=(*motion.notes, *_still_root(motion)))
            assert skeleton is not None
            joints = motion.joints[:, _order(file, motion.names, skeleton, wanted is not None)]
            rates.append(motion.fps if how.fps is None else how.fps)
            if how.fps is not None:
                joints = resample(joints, motion.fps, how.fps)
            clip, unseen = _metres(joints, how.scale or motion.scale, how.up or motion.up)
            if unseen.any():
                gaps[file] = int(unseen.sum()), unseen.size
            if not done:
                frames = stack.enter_context(Frames((1, *clip.shape[1:]), scratch))
            frames.add(clip[:, None])
            length.append(len(clip))
            for note in motion.notes:
                notes.setdefault(note, []).append(file)
            if progress:
                progress(done + 1, len(files))
        mapped = frames.array()
    _warn(notes, gaps)
    assert skeleton is not None
    clips = ClipSet.build(
        mapped,
        length,
        skeleton,
        fps=np.array(rates, np.float32),
        attributes={"title": path.stem, "source": path.name, "unit": "metre"},
        path=path,
        **_table(path, files, folders),
    )
    return replace(clips, path=None)  # it was for the messages; the set itself is in memory


def _renamed(file: Path, motion: Motion, rename: Mapping[str, str]) -> Motion:
    """Without a prefix that all names share up to a colon, then by `rename`."""
    names = motion.names
    if len({name.partition(":")[0] for name in names}) == 1 and all(":" in name for name in names):
        names = tuple(name.partition(":")[2] for name in names)
    for name in rename:
        if name not in names:
            raise InputError(f"{file}: rename: {unknown('joint', name, names)}")
    return replace(motion, names=tuple(rename.get(name, name) for name in names))


def _without(file: Path, motion: Motion, patterns: Sequence[str]) -> Motion:
    """Without the joints whose names fit a pattern; their children go to the next joint up."""
    names, parents = motion.names, list(motion.parents)
    for pattern in patterns:
        if not any(fnmatchcase(name.lower(), pattern) for name in names):
            raise InputError(f"{file}: drop: {unknown('joint', pattern, names)}")
    staying = [
        joint
        for joint, name in enumerate(names)
        if not any(fnmatchcase(name.lower(), pattern) for pattern in patterns)
    ]
    place = {joint: at for at, joint in enumerate(staying)} | {-1: -1}
    parents_left = []
    for joint in staying:
        above = parents[joint]
        while above not in place:
            above = parents[above]
        parents_left.append(place[above])
    if parents_left.count(-1) != 1:
        roots = [
            names[joint] for joint, parent in zip(staying, parents_left, strict=True) if parent < 0
        ]
        raise InputError(f"{file}: drop leaves {roots or 'nothing'} as roots; keep exactly one")
    return replace(
        motion,
        joints=motion.joints[:, staying],
        names=tuple(names[joint] for joint in staying),
        parents=tuple(parents_left),
    )


def _refuse_other(file: Path, motion: Motion, first: Path, skeleton: Skeleton) -> None:
    def tree(names: Sequence[str], parents: Sequence[int]) -> dict[str, str]:
        return {n: names[p] if p >= 0 else "" for n, p in zip(names, parents, strict=True)}

    mine, theirs = tree(motion.names, motion.parents), tree(skeleton.names, skeleton.parents)
    if len(mine) == len(motion.names) and mine == theirs:
        return
    odd = sorted(name for name in mine | theirs if mine.get(name) != theirs.get(name))
    raise InputError(
        f"{file}: another skeleton than {first.name} (differs in {odd[:4]}); import them apart, or "
        "give a --layout whose joints all files have"
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
            f'has {have}); rename={{"name in the file" = "{missing[0]}"}} maps one, or leave '
            "--layout out"
        )
    return [place[spell(name)] for name in skeleton.names]


def _still_root(motion: Motion) -> list[str]:
    """A note about a root that is the scene's rather than the body's."""
    root = motion.parents.index(-1)
    moves = (motion.joints != motion.joints[:1]).any(0)
    if motion.parents.count(root) != 1 or moves[root].any() or not moves.any():
        return []
    name = motion.names[root]
    return [f"the root {name!r} never moves; if it is the scene's, leave it out: drop={name}"]


def _metres(joints: np.ndarray, scale: float, up: Up) -> tuple[np.ndarray, np.ndarray]:
    """`(T, V, 3)` float32 in metres with y up, gaps as zeros; and `(T, V)` where those are."""
    joints = upright(joints, up)
    unseen = np.isnan(joints).any(-1)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite: refused as such
        return np.where(unseen[..., None], 0, joints * scale).astype(np.float32), unseen


def _warn(notes: Mapping[str, Sequence[Path]], gaps: Mapping[Path, tuple[int, int]]) -> None:
    """One line for each note, whatever the number of its files."""
    told = dict(notes)
    if gaps:
        count, size = (sum(numbers) for numbers in zip(*gaps.values(), strict=True))
        note = f"{count} of {size} joint positions are gaps ({count / size:.1%}), set to zeros"
        told[note] = list(gaps)
    for note, files in told.items():
        others = f" (and {len(files) - 1} more files)" if len(files) > 1 else ""
        warnings.warn(f"{files[0]}{others}: {note}", stacklevel=4)


def _table(path: Path, files: Sequence[Path], folders: Folders) -> _Table:
    """Names, and labels or subjects by the folders that hold the files."""
    if not path.is_dir():
        return {"name": [utf8(path.stem)]}
    name = [utf8(file.relative_to(path).with_suffix("").as_posix()) for file in files]
    folder_of = ["" if file.parent == path else utf8(file.parent.name) for file in files]
    folders_used = sorted(set(folder_of) - {""})
    if folders == "none" or not folders_used:
        return {"name": name}
    number = {folder: at for at, folder in enumerate(folders_used)} | {"": -1}
    if folders == "class":
        return {
            "name": name,
            "label": [number[folder] for folder in folder_of],
            "class_names": folders_used,
        }
    if all(re.fullmatch("[0-9]{1,18}", folder) for folder in folders_used):
        number = {folder: int(folder) for folder in folders_used} | {"": -1}
    return {"name": name, "subject": [number[folder] for folder in folder_of]}
