"""Reader for MediaPipe Pose: landmarks as JSON, CSV, arrays or text, one file for each video.

MediaPipe writes no files itself; these are the forms in which its results are usually saved.

JSON, a list of frames or `{"frames": [...]}` (`formats/landmark_json.py` has all forms); a frame is
an object of the result's own fields:

    {"frame": 0, "pose_landmarks": [{"x": , "y": , "z": , "visibility": }, ... 33],
                 "pose_world_landmarks": [...]}

where a field is null or [] when nobody is there, a list of 33 landmarks, `{"landmark": [...]}`, or
a list of such for several persons; camelCase names of the web API do too.

CSV, one row a frame: columns `left_hip_x` or `x_left_hip` or `x_23` or `landmark_23_x` (numbered
from 0 or 1) for x, y, z and visibility (or `formats.landmark_columns.SURE`); or one row a landmark:
columns frame, landmark (name or number), x, y, z, visibility. A part of the landmarks does too.

NumPy, `(T, 33, 4)` or rows of 132 numbers; text, as `print(results.pose_landmarks)` writes it.
Source: MediaPipe's documentation (Bazarevsky et al., 2020).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ...errors import InputError
from ...layouts import MEDIAPIPE33
from ...settings.options import option, options, unchecked
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import (
    landmark_arrays,
    landmark_axes,
    landmark_csv,
    landmark_json,
    landmark_rows,
    landmark_signs,
    landmark_text,
    members,
    naming,
)
from ..formats.landmark_subset import subset
from ..formats.look import Look
from ..formats.members import Member
from ..formats.naming import Class
from ..listing import Listing
from ..motion import poses
from ..motion.poses import Poses
from ..motion.video import Video
from ..pool import Progress

SURE_OF = {".json", ".jsonl", ".csv"}
LOOKED_AT = {".tsv", ".txt", ".npy", ".npz"}
TABLES = {".csv", ".tsv", ".txt"}
ONE_PERSON = unchecked(Poses, persons=1)


@options("mediapipe")
class MediaPipe:
    """How MediaPipe's landmarks become clips; of each video one person."""

    landmarks: landmark_json.Kind = option(
        "auto",
        "world (metres about the hips), image (shares of its width and height), or auto: world "
        "where the file has both; a file that has one kind is taken as it is",
    )
    source: landmark_rows.Source = option(
        "auto",
        "what wrote a CSV: mediapipe (y down, metres or shares of the image) or freemocap "
        "(millimetres, z up); auto: freemocap where it has its columns and no others",
    )
    up: landmark_axes.Up = option(
        "auto",
        "the file's upward axis: -y as in images, y where a program turned it; auto: -y, and a "
        "question where a body stands on its head",
    )
    row_labels: landmark_csv.RowLabels = option(
        "clips",
        "of a CSV with a class on every row: clips (each run of one class), segments (of one "
        "recording) or none (passed over, as with folders=class)",
    )
    poses: Poses = option(ONE_PERSON, "who and what stays of the poses")
    folders: naming.Folders = naming.folders_option()
    workers: int = pool.workers_option()


def read_mediapipe(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: MediaPipe = MediaPipe(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """MediaPipe's landmarks: `(x, y, z, visibility)`, y up and z towards the camera.

    A CSV without z gives `(x, y, visibility)`.

    Args:
        path: a file, or a folder (searched with its sub-folders and zips) or a zip of them.
        layout: None for `mediapipe33`; another one must fit the files' landmarks.
        how: the options.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, field and remedy.
    """
    return list_mediapipe(path, layout, how).clips(progress=progress, scratch=scratch)


def list_mediapipe(
    path: str | Path, layout: str | Skeleton | None = None, how: MediaPipe = MediaPipe()
) -> Listing:
    """What `read_mediapipe` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = naming.by_name(_files(path), path)
    if not files:
        raise InputError(f"{path}: no .json and no .csv file; name the folder of the landmarks")
    classes = naming.folder_classes(files, how.folders, path)
    chosen = poses.skeletons(layout, (MEDIAPIPE33,))
    have = () if layout else _part(list(files.values()), how)
    if have:
        part = subset(MEDIAPIPE33, have)
        chosen = {part.joints: part, **chosen}
    return poses.listing(
        path,
        [(name, member, classes[name]) for name, member in files.items()],
        partial(_read_videos, chosen=chosen, have=have, how=how),
        chosen,
        how.poses,
        workers=how.workers,
    )


def _files(path: Path) -> list[Member]:
    """The files of landmarks; of texts and arrays in a folder those that are MediaPipe's."""
    found = members.find(path, {*SURE_OF, *LOOKED_AT})
    if path.is_file() and path.suffix.lower() != ".zip":
        return found
    chosen: list[Member] = []
    other: list[Member] = []
    for member in found:
        sure = member.name.suffix.lower() in SURE_OF or landmark_signs.told(Look.at(member))
        (chosen if sure else other).append(member)
    if chosen and other:
        few = ", ".join(member.name.name for member in other[:3]) + ", ..." * (len(other) > 3)
        warnings.warn(f"{path}: left out, no landmarks in them: {few}", stacklevel=3)
    return chosen


def _part(files: Sequence[Member], how: MediaPipe) -> tuple[int, ...]:
    """The landmarks of the first table, where they are a part of all."""
    table = next((file for file in files if file.name.suffix.lower() in TABLES), None)
    if table is None or landmark_text.told(Look.at(table)):
        return ()
    have = landmark_csv.landmarks_of(table, MEDIAPIPE33, how.source)
    return have if len(have) < MEDIAPIPE33.joints else ()


def _read_videos(
    item: tuple[str, Member, Class],
    chosen: dict[int, Skeleton],
    have: tuple[int, ...],
    how: MediaPipe,
) -> list[Video]:
    name, member, class_ = item
    whole = chosen.get(MEDIAPIPE33.joints) or next(iter(chosen.values()))
    suffix = member.name.suffix.lower()
    if suffix in TABLES and not landmark_text.told(Look.at(member)):
        kinds = how.landmarks != "image"
        videos = landmark_csv.read_landmarks(
            name, member, class_, whole, how.row_labels, how.source, kinds, have
        )
        what = landmark_axes.unit(videos, _names(videos, chosen))
        if what and not any("FreeMoCap" in note for note in videos[0].notes):
            videos[0].notes.append(f"nothing says a unit: taken for {what}, y down (up=, source=)")
    elif suffix in TABLES:
        videos = landmark_text.read_landmarks(name, member, class_, whole)
    elif suffix in (".npy", ".npz"):
        videos = landmark_arrays.read_landmarks(name, member, class_, whole)
    else:
        one = {whole.joints: whole}
        videos = landmark_json.read_landmarks(name, member, class_, one, how.landmarks)
    what = landmark_axes.unit(videos, _names(videos, chosen))
    if suffix not in TABLES and what.startswith("up to"):
        videos[0].notes.append(f"numbers {what}, kept as they are")
    landmark_axes.turned(videos, _names(videos, chosen), how.up, str(member))
    return videos


def _names(videos: Sequence[Video], chosen: dict[int, Skeleton]) -> tuple[str, ...]:
    count = next((len(video.joints[0]) for video in videos if video.joints), 0)
    return chosen[count].names if count in chosen else ()
