"""Reader for AlphaPose: one `alphapose-results.json` for each video.

    [{"image_id": "12.jpg", "category_id": 1, "keypoints": [x, y, c, ...], "score": 2.9,
      "box": [...], "idx": 1}, ...]

or, of `--format cmu` and `--format open`, an object of images, each with "bodies" of "joints" or
"people" of "pose_keypoints_2d", or of PoseFlow's an object of images, each a list of poses with
"idx". COCO's own keypoint results have the first form. Source: AlphaPose's documentation of its
output (Fang et al., TPAMI 2022).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from ...layouts import COCO17, HALPE26, OPENPOSE18
from ...settings.options import option, options
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import frame_names, members, naming, whole_body
from ..formats.members import Member
from ..formats.naming import Class
from ..formats.text import instance, member_of, numbers, read_json
from ..listing import Listing
from ..motion import poses
from ..motion.poses import Poses
from ..motion.video import Video
from ..pool import Progress

FORMS = {"bodies": "joints", "people": "pose_keypoints_2d"}


class _Row(NamedTuple):
    """One pose of a file, as it stands there."""

    image: str | int
    person: int
    category: int
    keypoints: list[object]
    where: str


@options("alphapose")
class AlphaPose:
    """How AlphaPose's files become clips."""

    poses: Poses = option(Poses(), "who and what stays of the poses")
    folders: naming.Folders = naming.folders_option()
    workers: int = pool.workers_option()


def read_alphapose(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: AlphaPose = AlphaPose(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """AlphaPose's results, one file a video: `(x, y, confidence)` with y up, in pixels.

    Frames without anybody are not in the file: a clip runs from the first frame with a person to
    the last one. Images of two cameras or videos in one file become a clip each. Of whole bodies
    (133, 136 or 68 joints) the body stays, without hands and face, unless the layout is theirs.

    Args:
        path: a file, or a folder (searched with its sub-folders and zips) or a zip of them.
        layout: None: `coco17`, `halpe26` or (formats cmu and open) `openpose18`, by the number of
            joints.
        how: the options.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, field and remedy.
    """
    return list_alphapose(path, layout, how).clips(progress=progress, scratch=scratch)


def list_alphapose(
    path: str | Path, layout: str | Skeleton | None = None, how: AlphaPose = AlphaPose()
) -> Listing:
    """What `read_alphapose` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    files = naming.by_name(members.find(path, {".json"}), path, "alphapose-results")
    if not files:
        raise InputError(f"{path}: no .json file; name AlphaPose's output")
    classes = naming.folder_classes(files, how.folders, path)
    chosen = poses.skeletons(layout, (COCO17, HALPE26, OPENPOSE18))

    return poses.listing(
        path,
        [(name, member, classes[name]) for name, member in files.items()],
        partial(_read_file, chosen=chosen),
        chosen,
        how.poses,
        workers=how.workers,
    )


def _read_file(item: tuple[str, Member, Class], chosen: dict[int, Skeleton]) -> list[Video]:
    name, member, class_ = item
    where = str(member)
    rows, notes = _of_persons(list(_rows(read_json(member), where)))
    if not rows:
        return [Video(name, where, 1, *class_, notes=notes)]
    parts = frame_names.videos(list(dict.fromkeys(row.image for row in rows)), where)
    if several := frame_names.note_of_several(parts):
        notes.append(several)
    videos: list[Video] = []
    video_of = {}
    for part in parts:
        full = f"{name}/{part.name}" if len(parts) > 1 else name
        videos.append(Video(full, where, part.length, *class_, step=part.step))
        videos[-1].notes += [part.note] if part.note else []
        video_of.update({image: (videos[-1], at) for image, at in part.frames.items()})
    videos[0].notes += notes
    for row in rows:
        video, at = video_of[row.image]
        pose, note = whole_body.of_body(numbers(row.keypoints, 3, row.where), chosen)
        video.notes += [note] if note and note not in video.notes else []
        poses.refuse_joints(len(pose), chosen, row.where)
        video.add(at, pose, row.person)
    return videos


def _of_persons(rows: list[_Row]) -> tuple[list[_Row], list[str]]:
    """The poses of one category: persons are 1 in COCO's lists, else the first that comes."""
    categories = [row.category for row in rows]
    if len(set(categories)) < 2:
        return rows, []
    persons = 1 if 1 in categories else categories[0]
    of_persons = [row for row in rows if row.category == persons]
    left = ", ".join(map(str, sorted(set(categories) - {persons})))
    note = (
        f"{len(rows) - len(of_persons)} poses of category {left} left out, {persons} is a person's"
    )
    return of_persons, [note]


def _rows(content: object, where: str) -> Iterator[_Row]:
    """Each pose of a file in any of the three forms."""
    if isinstance(content, list):
        for i, row in enumerate(content):
            here = f"{where}: [{i}]"
            values = member_of(row, "keypoints", list, here)
            image = row.get("image_id")
            if not isinstance(image, int):
                image = member_of(row, "image_id", str, here)
            category = row.get("category_id")
            category = category if isinstance(category, int) else 1
            yield _Row(image, _number(row.get("idx")), category, values, f"{here}: keypoints")
        return
    for image, row in instance(content, dict, where).items():
        here = f"{where}: {image[:60]!a}"
        if isinstance(row, list):  # PoseFlow's, which follows persons
            for i, body in enumerate(row):
                values = member_of(body, "keypoints", list, f"{here}[{i}]")
                yield _Row(image, _number(body.get("idx")), 1, values, f"{here}[{i}]: keypoints")
            continue
        form = next((key for key in FORMS if key in instance(row, dict, here)), "bodies")
        for i, body in enumerate(member_of(row, form, list, here)):
            place = f"{here}: {form}[{i}]"
            values = member_of(body, FORMS[form], list, place)
            yield _Row(image, -1, 1, values, f"{place}: {FORMS[form]}")


def _number(idx: object) -> int:
    """The tracker's number; without a tracker there is none, or a list."""
    if not isinstance(idx, int | float) or isinstance(idx, bool):
        return -1
    return int(idx) if 0 <= idx < 1 << 40 else -1
