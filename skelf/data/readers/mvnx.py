"""Reader for Xsens' MVNX: the origins of the segments of one or several persons."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...settings.options import option, options, unchecked
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import source
from ..formats.file_columns import columns
from ..formats.mvnx_file import Subject, load_subjects, places_of
from ..formats.number_rows import places, spread
from ..joints.tree import tree_of
from ..listing import Listing
from ..motion import mocap_listing
from ..motion.kinematics import descent, quaternion_rotation
from ..motion.mocap import Folders, Mocap, folders_option
from ..motion.recorded import Motion
from ..motion.subjects import chosen
from ..pool import Progress


@options("mvnx")
class MVNX:
    """How MVNX files become clips; the format is in metres with z up."""

    mocap: Mocap = option(unchecked(Mocap, scale=1.0, up="z"), "units, axes, joints and frame rate")
    folders: Folders = folders_option("class")


def read_mvnx(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: MVNX = MVNX(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """Reads a `.mvnx` file, or all of a folder and below, as one clip each, in metres with y up.

    A joint is the origin of its segment, so RightUpperArm is the right shoulder. Frames that are no
    motion (identity, tpose) are left out. Each subject of a file is a person of its clip.

    Args:
        path: the file or folder.
        layout: name of a layout, a TOML file, or a Skeleton, whose joints are found by name, in
            any case. None: the file's own segments and what connects them.
        how: the options.
        progress: called with files done and files in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: a file that is damaged, cut off or no MVNX.
    """
    return list_mvnx(path, layout, how).clips(progress=progress, scratch=scratch)


def list_mvnx(
    path: str | Path, layout: str | Skeleton | None = None, how: MVNX = MVNX()
) -> Listing:
    """What `read_mvnx` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = source.find(path, ".mvnx")
    return mocap_listing.listing(
        path,
        files,
        partial(load_mvnx, subject=how.mocap.subject),
        layout,
        how.mocap,
        columns=columns(path, files, how.folders, how.mocap.clip),
    )


def load_mvnx(file: Path, subject: str | Sequence[str] = "") -> tuple[Motion, ...]:
    """One file's persons, those without a frame of motion left out.

    Raises:
        InputError: damaged, no MVNX, no frame of motion, persons at different rates.
    """
    people = load_subjects(file)
    wanted = chosen(file, [person.label for person in people], subject)
    people = [people[at] for at in wanted if people[at].frames]
    if not people:
        raise InputError(f"{file}: no frame of motion (type normal) in it; export it again")
    rates = {person.rate for person in people}
    if len(rates) > 1:
        raise InputError(f"{file}: its subjects have frame rates {', '.join(sorted(rates))}; "
                         "export them apart")  # fmt: skip
    read = [places_of(person, file) for person in people]
    # Persons of one recording share its frames, though one may begin or end before the other.
    every = np.unique(np.concatenate([indices for indices, _ in read]))
    at, length = places(f"{file}: frame index", every)
    motions = []
    for person, (indices, values) in zip(people, read, strict=True):
        places(f"{file}: frame index", indices)
        own = at[np.searchsorted(every, indices)]
        motions.append(_motion(file, person, spread(values, own, length)))
    return tuple(motions)


def _motion(file: Path, subject: Subject, values: np.ndarray) -> Motion:
    if len(set(subject.segments)) < len(subject.segments):
        raise InputError(f"{file}: two segments of {subject.label!r} have one name; mend the file")
    links = _links(file, subject)
    names, parents = _tree(subject.segments, links)
    notes = _notes(subject)
    if len(names) < len(subject.segments):
        left = ", ".join(name for name in subject.segments if name not in names)
        notes.append(f"segments that no joint connects to the body are left out: {left}")
    values = values[:, [subject.segments.index(name) for name in names]]
    if values.shape[-1] == 4:
        values = _hung(file, subject, values, names, parents, links)
        notes.append(
            "no positions were exported: they follow from the orientations and the body's size, "
            "with the first segment at 0, so the way through the room is not there"
        )
    return Motion(
        joints=values,
        names=tuple(names),
        parents=tuple(parents),
        fps=_rate(file, subject),
        scale=1.0,
        up="z",
        notes=tuple(notes),
    )


def _links(file: Path, subject: Subject) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """(segment, point) of parent and child for each joint; fingers have theirs elsewhere."""
    links = [(_end(file, parent), _end(file, child)) for parent, child in subject.joints]
    known = set(subject.segments)
    return [link for link in links if link[0][0] in known and link[1][0] in known]


def _tree(
    segments: Sequence[str], links: Sequence[tuple[tuple[str, str], tuple[str, str]]]
) -> tuple[list[str], list[int]]:
    """Segments that hang together with the first one, and their parents; none without joints."""
    above = {below: parent for (parent, _), (below, _) in links}
    if not above:
        return [*segments], tree_of(segments) or []

    def root(name: str) -> str:
        seen = {name}
        while name in above and above[name] not in seen:
            name = above[name]
            seen.add(name)
        return name

    body = root(segments[0])
    names = [name for name in segments if root(name) == body]
    parents = [names.index(above[name]) if name in above else -1 for name in names]
    descent(parents)  # refuses a circle
    return names, parents


def _end(file: Path, text: str) -> tuple[str, str]:
    segment, sign, point = text.partition("/")
    if not sign:
        raise InputError(f"{file}: connector {text[:40]!r}: write it as SEGMENT/POINT")
    return segment, point


def _notes(subject: Subject) -> list[str]:
    notes = []
    if subject.still:
        notes.append(f"frames that are no motion are left out: {', '.join(sorted(subject.still))}")
    if subject.configuration and "full" not in subject.configuration.lower():
        notes.append(f"its configuration is {subject.configuration}: the rest was not measured")
    if subject.fingers:
        notes.append("fingers are left out")
    return notes


def _rate(file: Path, subject: Subject) -> float:
    try:
        fps = float(subject.rate)
    except ValueError:
        raise InputError(f"{file}: frameRate {subject.rate[:40]!r} is no number") from None
    return source.rate(f"{file}: frameRate", fps)


def _hung(
    file: Path,
    subject: Subject,
    orientations: np.ndarray,
    names: Sequence[str],
    parents: Sequence[int],
    links: Sequence[tuple[tuple[str, str], tuple[str, str]]],
) -> np.ndarray:
    """Positions `(T, V, 3)` from orientations `(T, V, 4)`: joints are where two points meet."""
    ends = [end for link in links for end in link]
    if not parents or any(end not in subject.points for end in ends):
        raise InputError(
            f"{file}: neither positions nor the segments' points are in it; export it with Position"
        )
    turns = quaternion_rotation(orientations)
    place = {name: at for at, name in enumerate(names)}
    link_of = {place[child[0]]: (parent, child) for parent, child in links if child[0] in place}
    positions = np.zeros((*orientations.shape[:2], 3))
    for joint in descent(parents):
        if joint not in link_of:
            positions[:, joint] += 0 * turns[:, joint, 0]  # NaN where the turn is
            continue
        above, below = link_of[joint]
        up, down = (np.array(subject.points[end]) for end in (above, below))
        parent = place[above[0]]
        positions[:, joint] = positions[:, parent] + turns[:, parent] @ up - turns[:, joint] @ down
    return positions
