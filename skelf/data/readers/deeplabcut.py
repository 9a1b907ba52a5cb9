"""Reader for DeepLabCut: its CSV and HDF5 files, of one or several individuals, in two or three
dimensions; a file is a video. `formats/deeplabcut_file.py` has the form."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...settings.options import option, options
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import frame_names, members, naming
from ..formats.deeplabcut_file import Estimates, load_estimates
from ..formats.look import Look
from ..formats.members import Member
from ..formats.naming import Class
from ..listing import Listing
from ..motion import poses
from ..motion.named import NamedLayout
from ..motion.poses import Poses
from ..motion.video import Video
from ..pool import Progress

SUFFIXES = {".csv", ".h5", ".hdf5"}


@options("deeplabcut")
class DeepLabCut:
    """How DeepLabCut's files become clips."""

    poses: Poses = option(Poses(), "who and what stays of the poses")
    folders: naming.Folders = naming.folders_option()
    workers: int = pool.workers_option()


def read_deeplabcut(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: DeepLabCut = DeepLabCut(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """DeepLabCut's estimates, and images that somebody labelled: pixels with y up, likelihood.

    Individuals are persons, under the numbers that the file gives. Labelled images go to the frames
    that their names say; an image's folder is its video. Of a CSV and an HDF5 file of one name the
    HDF5 file is read.

    Args:
        path: a file, or a folder (searched with its sub-folders and zips).
        layout: whose joints are found among the body parts by name, in any case. None: a built-in
            one, if the parts are just its joints; else their own, whose bones follow from names, or
            from which parts stay near each other.
        how: the options.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, field and remedy.
    """
    return list_deeplabcut(path, layout, how).clips(progress=progress, scratch=scratch)


def list_deeplabcut(
    path: str | Path, layout: str | Skeleton | None = None, how: DeepLabCut = DeepLabCut()
) -> Listing:
    """What `read_deeplabcut` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = _files(path)
    classes = naming.folder_classes(files, how.folders, path)
    first = load_estimates(next(iter(files.values())))
    flat = first.joints[..., :-1].swapaxes(0, 1).reshape(-1, *first.joints.shape[2:-1],
                                                        first.joints.shape[-1] - 1)  # fmt: skip
    named = NamedLayout.of(path, first.parts, flat, layout)
    return poses.listing(
        path,
        [(name, member, classes[name]) for name, member in files.items()],
        partial(_read_file, named=named),
        {named.skeleton.joints: named.skeleton},
        how.poses,
        workers=how.workers,
    )


def _files(path: Path) -> dict[str, Member]:
    """Clip name -> file."""
    found = members.find(path, SUFFIXES)
    if path.is_dir():  # other tables lie beside them: lengths of bones, options
        from ..formats.deeplabcut_file import told

        found = [member for member in found if told(Look.at(member))]
        hdf = {member.name.with_suffix("") for member in found if member.name.suffix != ".csv"}
        found = [m for m in found if m.name.suffix != ".csv" or m.name.with_suffix("") not in hdf]
    if not found:
        raise InputError(f"{path}: no .csv or .h5 of DeepLabCut; name its folder of videos")
    return naming.by_name(found, path)


def _read_file(item: tuple[str, Member, Class], named: NamedLayout) -> list[Video]:
    name, member, class_ = item
    where = str(member)
    estimates = load_estimates(member)
    joints = estimates.joints[:, :, named.order(estimates.parts, where)]
    videos: list[Video] = []
    video_of: dict[str | int, tuple[Video, int]] = {}
    for part in _timelines(estimates, where):
        full = f"{name}/{part.name}" if part.name and len(videos) else name
        videos.append(Video(full, where, part.length, *class_, step=part.step))
        videos[-1].notes += [part.note] if part.note else []
        video_of |= {image: (videos[-1], at) for image, at in part.frames.items()}
    videos[0].notes += estimates.notes
    if isinstance(estimates.index[0], str):
        frames = sum(video.frames for video in videos)
        videos[0].notes.append(
            f"{len(estimates.index)} images that somebody labelled, in {frames} frames by their "
            "names; the others are gaps"
        )
    seen = ~np.isnan(joints).all(axis=(2, 3))  # (R, M)
    for row, person in np.argwhere(seen).tolist():
        video, at = video_of[estimates.index[row]]
        video.add(at, joints[row, person], person)
    return videos


def _timelines(estimates: Estimates, where: str) -> list[frame_names.Images]:
    index: list[str | int] = [*estimates.index]
    if len(set(index)) < len(index):
        twice = next(name for name in index if index.count(name) > 1)
        raise InputError(f"{where}: row {twice!r} stands twice; is it of two videos? Cut it there")
    return frame_names.videos(index, where)
