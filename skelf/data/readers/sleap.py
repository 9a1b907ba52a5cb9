"""Reader for SLEAP: projects (`.slp`), analysis HDF5 and CSV; `formats/sleap_file.py` has more."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...settings.options import option, options
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import members, naming
from ..formats.look import Look
from ..formats.members import Member
from ..formats.naming import Class
from ..formats.sleap_file import load_tracked, told
from ..listing import Listing
from ..motion import poses
from ..motion.named import NamedLayout
from ..motion.poses import Poses
from ..motion.video import Video
from ..pool import Progress

SUFFIXES = {".slp", ".h5", ".hdf5", ".csv"}


@options("sleap")
class Sleap:
    """How SLEAP's files become clips."""

    poses: Poses = option(Poses(), "who and what stays of the poses")
    folders: naming.Folders = naming.folders_option()
    workers: int = pool.workers_option()


def read_sleap(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: Sleap = Sleap(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """SLEAP's instances, labelled or predicted: pixels with y up, and scores.

    Tracks are persons; instances without a track are told apart by where they are. A project of
    several videos gives a clip for each.

    Args:
        path: a file, or a folder (searched with its sub-folders and zips).
        layout: whose joints are found among the nodes by name, in any case. None: a built-in one,
            if the nodes are just its joints; else their own, with the file's bones if these make a
            tree.
        how: the options.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, field and remedy.
    """
    return list_sleap(path, layout, how).clips(progress=progress, scratch=scratch)


def list_sleap(
    path: str | Path, layout: str | Skeleton | None = None, how: Sleap = Sleap()
) -> Listing:
    """What `read_sleap` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    found = members.find(path, SUFFIXES)
    if path.is_dir():
        found = [member for member in found if told(Look.at(member))]
    if not found:
        raise InputError(f"{path}: no file of SLEAP; name a .slp, or an analysis .h5 or .csv")
    files = naming.by_name(found, path)
    classes = naming.folder_classes(files, how.folders, path)
    first = load_tracked(next(iter(files.values())))[0]
    named = NamedLayout.of(path, first.nodes, first.joints[..., :2], layout, first.edges)
    return poses.listing(
        path,
        [(name, member, classes[name]) for name, member in files.items()],
        partial(_read_file, named=named),
        {named.skeleton.joints: named.skeleton},
        how.poses,
        workers=how.workers,
    )


def _read_file(item: tuple[str, Member, Class], named: NamedLayout) -> list[Video]:
    name, member, class_ = item
    where = str(member)
    recordings = load_tracked(member)
    videos = []
    for number, recording in enumerate(recordings):
        order = named.order(recording.nodes, where)
        full = name if len(recordings) == 1 else f"{name}/{recording.name or number}"
        if not len(recording.frame):
            videos.append(Video(full, where, 1, *class_))
            continue
        places, length, _ = naming.timeline(recording.frame.tolist(), where)
        video = Video(full, where, length, *class_, fps=recording.fps, notes=recording.notes)
        for at, track, pose in zip(
            places, recording.track.tolist(), recording.joints[:, order], strict=True
        ):
            if not np.isnan(pose).all():
                video.add(at, pose, track)
        videos.append(video)
    return videos
