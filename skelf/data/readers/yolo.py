"""Reader for YOLO's pose models (Ultralytics): label files of `save_txt`, or results as JSON.

The forms are those of `formats.yolo_text` and `formats.yolo_results`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...layouts import COCO17
from ...settings.options import option, options
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import frame_files, members, naming, yolo_dataset, yolo_results, yolo_text
from ..formats.frame_files import Frames
from ..formats.members import Member
from ..formats.naming import Class
from ..formats.text import read_json
from ..formats.yolo_dataset import Dataset
from ..listing import Listing
from ..motion import poses
from ..motion.poses import Poses
from ..motion.video import Video
from ..pool import Progress

SPLIT = {"train": 1, "val": 2, "valid": 2, "test": 2}
SAMPLED = 10  # files from which a common step of their numbers is one of the frames
STRETCHED = (
    "positions are shares of the image's width and height, so that shapes are stretched unless it "
    "is square; size=1920x1080 (yours) makes pixels"
)


@options("yolo")
class Yolo:
    """How YOLO's label files become clips."""

    size: str = option("", "of the images, as 1920x1080: positions become pixels")
    objects: str = option(
        "", "the class that is a person, by its number, or all; empty: what data.yaml calls person"
    )
    poses: Poses = option(Poses(), "who and what stays of the poses")
    folders: naming.Folders = naming.folders_option()
    workers: int = pool.workers_option()


def read_yolo(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: Yolo = Yolo(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """YOLO's poses: `(x, y, confidence)` with y up, in shares of the image, or in pixels.

    A clip is all files of one folder whose names differ in their frame number alone; a number that
    is left out is a frame without anybody. Persons are followed by the track numbers where there
    are any. Folders `train` and `val` make the split "official".

    Args:
        path: a folder (searched with its sub-folders and zips), a zip, or a file.
        layout: None for `coco17`; a `data.yaml` in or above the folder says whether joints have two
            or three numbers, else their count does.
        how: the options.
        progress: called with videos done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, field and remedy.
    """
    return list_yolo(path, layout, how).clips(progress=progress, scratch=scratch)


def list_yolo(
    path: str | Path, layout: str | Skeleton | None = None, how: Yolo = Yolo()
) -> Listing:
    """What `read_yolo` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    size = _size(how.size)
    files = _files(path)
    videos = frame_files.gathered(
        files, path, _is_whole, inner="labels", sampled=len(files) >= SAMPLED
    )
    classes = naming.folder_classes(videos, how.folders, path)
    chosen = poses.skeletons(layout, (COCO17,))
    return poses.listing(
        path,
        [(name, videos[name], classes[name]) for name in sorted(videos)],
        partial(
            _read_videos, chosen=chosen, size=size, only=how.objects, data=yolo_dataset.find(path)
        ),
        chosen,
        how.poses,
        workers=how.workers,
        finish=_official,
    )


def _official(clips: ClipSet) -> ClipSet:
    """With the split that the folders' names make, if they do."""
    sides = [max(SPLIT.get(part, 0) for part in name.split("/")) for name in clips.names]
    return replace(clips, splits={"official": np.array(sides, np.int8)}) if any(sides) else clips


def _files(path: Path) -> list[Member]:
    """Label files; where there are none, JSON."""
    texts = members.find(path, {".txt"})
    if path.suffix.lower() == ".json":
        return texts
    labels = [member for member in texts if not yolo_text.is_other(member)]
    files = labels or [m for m in members.find(path, {".json"}) if m.name.suffix.lower() == ".json"]
    if not files:
        raise InputError(f"{path}: no label files (.txt) and no .json; name the folder labels")
    return files


def _is_whole(member: Member) -> bool:
    """Whether a JSON holds the frames of a video."""
    if member.name.suffix.lower() != ".json":
        return False
    head = member.head(4096).lstrip()
    return re.match(rb"\[\s*(\[|\{\s*\"frame)|\{\s*\"frames\"", head) is not None


def _read_videos(
    item: tuple[str, Frames, Class],
    chosen: dict[int, Skeleton],
    size: np.ndarray | None,
    only: str,
    data: Dataset,
) -> list[Video]:
    name, frames, class_ = item
    length, step = frames.images.length, frames.images.step
    video = Video(name, str(frames.files[0]), length, *class_, step=step)
    video.notes += [frames.images.note] if frames.images.note else []
    if frames.files[0].name.suffix.lower() == ".json":
        _add_results(video, frames, chosen)
        return [video]
    _add_labels(video, frames, chosen, only, data)
    if size is None:
        video.notes.append(STRETCHED)
    else:
        for joints in video.joints:
            joints[:, :2] *= size
    return [video]


def _add_labels(
    video: Video, frames: Frames, chosen: dict[int, Skeleton], only: str, data: Dataset
) -> None:
    tables = [yolo_text.table_of(member) for member in frames.files]
    widths = {table.shape[1] for table in tables if len(table)}
    if not widths:
        return
    shape = yolo_text.width_of(widths, chosen, data.shape, video.where)
    poses.refuse_joints(shape[0], chosen, video.where)
    rest = np.full(
        (sum(map(len, tables)), max(widths) - yolo_text.BOX - shape[0] * shape[1]), np.nan
    )
    rows, at, parts = 0, [], []
    for member, table, frame in zip(
        frames.files, tables, frames.images.frames.values(), strict=True
    ):
        if not len(table):
            continue
        part = yolo_text.rows_of(table, *shape)
        rest[rows : rows + len(table), : part.rest.shape[1]] = part.rest
        rows += len(table)
        at += [frame] * len(table)
        parts.append((member, part))
    persons = yolo_text.persons_of(rest, np.array(at))
    classes = np.concatenate([part.classes for _, part in parts])
    kept = _kept(classes, only, data, video)
    joints, edge = yolo_text.confidences(np.concatenate([part.joints for _, part in parts]))
    if (np.abs(joints[..., :2]) > 2).any():
        raise InputError(
            f"{video.where}: positions up to {np.nanmax(np.abs(joints[..., :2])):.4g}; label files "
            "hold shares of the image, from 0 to 1: these are pixels, divide them by its size"
        )
    start = 0
    for member, part in parts:
        end = start + len(part.classes)
        yolo_text.refuse_appended(part, persons[start:end], member)
        start = end
    for i in np.flatnonzero(kept):
        video.add(at[i], joints[i], int(persons[i]))
    if edge:
        video.notes.append(
            f"{edge} joints lie on the image's edge, where positions outside are cut off to; taken "
            "as not seen"
        )


def _kept(classes: np.ndarray, only: str, data: Dataset, video: Video) -> np.ndarray:
    """Which lines are persons' by their class."""
    present = sorted({int(value) for value in classes})
    if only == "all" or (len(present) == 1 and not only):
        return np.ones(len(classes), bool)
    person = yolo_text.person_class(data.names)
    if only:
        if not only.isdecimal():
            raise InputError(f"objects={only}: give the number of a class, or all")
        person = int(only)
    if person is None:
        names = ", ".join(f"{at} {data.names.get(at, '')}".strip() for at in present[:6])
        raise InputError(
            f"{video.where}: objects of {len(present)} classes ({names}), and which are persons is "
            "not said; objects=0 takes one, objects=all takes all"
        )
    kept = classes == person
    if left := int((~kept).sum()):
        video.notes.append(f"{left} objects of other classes than {person} are passed over")
    return kept


def _add_results(video: Video, frames: Frames, chosen: dict[int, Skeleton]) -> None:
    """Adds what is in JSON: a file a frame, or one with all frames."""
    found: list[tuple[int, yolo_results.Detection, str]] = []
    for member, at in zip(frames.files, frames.images.frames.values(), strict=True):
        where = str(member)
        listed = yolo_results.frames_of(read_json(member), where)
        if None not in listed and listed:
            numbers = [naming.frame_number(number or 0, where) for number in listed]
            indices, video.frames, video.step = naming.timeline(numbers, where, sampled=True)
        else:
            indices = [at]
        for index, rows in zip(indices, listed.values(), strict=False):
            for i, row in enumerate(rows):
                one = yolo_results.detection(row, f"{where}: [{i}]")
                if one is not None:
                    found.append((index, one, f"{where}: [{i}]"))
    of_persons = any(one.name.lower() == "person" for _, one, _ in found)
    for index, one, where in found:
        if not of_persons or one.name.lower() == "person":
            poses.refuse_joints(len(one.joints), chosen, where)
            video.add(index, one.joints, one.person)
    left = sum(of_persons and one.name.lower() != "person" for _, one, _ in found)
    if left:
        video.notes.append(f"{left} objects that are no person are passed over")


def _size(text: str) -> np.ndarray | None:
    if not text:
        return None
    match = re.fullmatch(r"([1-9]\d{0,5})[x,* ]([1-9]\d{0,5})", text.strip().lower())
    if match is None:
        raise InputError(f"size={text}: give width and height of the images, as 1920x1080")
    return np.array([int(match[1]), int(match[2])], float)
