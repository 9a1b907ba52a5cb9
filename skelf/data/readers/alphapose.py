"""Reader for AlphaPose: one `alphapose-results.json` for each video.

    [{"image_id": "12.jpg", "category_id": 1, "keypoints": [x, y, c, ...], "score": 2.9,
      "box": [...], "idx": 1}, ...]

or, of `--format cmu` and `--format open`, an object of images, each with "bodies" of "joints" or
"people" of "pose_keypoints_2d". COCO's own keypoint results have the first form. Source:
AlphaPose's documentation of its output (Fang et al., TPAMI 2022).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ...errors import InputError
from ...layouts import COCO17, HALPE26, OPENPOSE18
from ...settings.options import option, options
from ...skeleton import Skeleton
from .. import pool
from ..clips import ClipSet
from ..formats import members, naming
from ..formats.members import Member
from ..formats.naming import Class
from ..formats.text import instance, member_of, numbers, read_json
from ..motion import poses
from ..motion.poses import Poses, Video
from ..pool import Progress

FORMS = {"bodies": "joints", "people": "pose_keypoints_2d"}


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
    the last one.

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
    path = Path(path)
    files = naming.by_name(members.find(path, {".json"}), path, "alphapose-results")
    if not files:
        raise InputError(f"{path}: no .json file; name AlphaPose's output")
    classes = naming.folder_classes(files, how.folders, path)
    chosen = poses.skeletons(layout, (COCO17, HALPE26, OPENPOSE18))

    return poses.build(
        path,
        [(name, member, classes[name]) for name, member in files.items()],
        partial(_read_video, chosen=chosen),
        chosen,
        how.poses,
        workers=how.workers,
        progress=progress,
        scratch=scratch,
    )


def _read_video(item: tuple[str, Member, Class], chosen: dict[int, Skeleton]) -> Video:
    name, member, class_ = item
    where = str(member)
    detections = list(_found(read_json(member), where))
    if not detections:
        return Video(name, where, 1, *class_)
    ids = [naming.frame_number(image, here) for image, _, _, here in detections]
    indices, length, step = naming.timeline(ids, where)
    video = Video(name, where, length, *class_, step=step)
    for at, (_, person, values, here) in zip(indices, detections, strict=True):
        pose = numbers(values, 3, here)
        poses.refuse_joints(len(pose), chosen, here)
        video.add(at, pose, person)
    return video


def _found(content: object, where: str) -> Iterator[tuple[str | int, int, list[object], str]]:
    """Image, person, keypoints and place of each pose, in any of the three forms."""
    if isinstance(content, list):
        for i, row in enumerate(content):
            here = f"{where}: [{i}]"
            values = member_of(row, "keypoints", list, here)
            image = row.get("image_id")
            if not isinstance(image, int):
                image = member_of(row, "image_id", str, here)
            yield image, _number(row.get("idx")), values, f"{here}: keypoints"
        return
    for image, row in instance(content, dict, where).items():
        here = f"{where}: {image[:60]!a}"
        form = next((key for key in FORMS if key in instance(row, dict, here)), "bodies")
        for i, body in enumerate(member_of(row, form, list, here)):
            place = f"{here}: {form}[{i}]"
            values = member_of(body, FORMS[form], list, place)
            yield image, -1, values, f"{place}: {FORMS[form]}"


def _number(idx: object) -> int:
    """The tracker's number; without a tracker there is none, or a list."""
    if not isinstance(idx, int | float) or isinstance(idx, bool):
        return -1
    return int(idx) if 0 <= idx < 1 << 40 else -1
