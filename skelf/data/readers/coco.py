"""Reader for COCO-style keypoint annotations: images, annotations, categories in one JSON.

    {"images": [{"id": 1, "file_name": "walk/000001.jpg", "video_id": 7, "frame_id": 0}, ...],
     "annotations": [{"image_id": 1, "keypoints": [x, y, v, ...], "track_id": 0}, ...],
     "categories": [{"id": 1, "name": "person", "keypoints": ["nose", ...]}]}

PoseTrack's files (`vid_id`, `track_id`) are of this form. Source: the data format of COCO (Lin et
al., ECCV 2014).
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import numpy as np

from ...errors import InputError
from ...layouts import LAYOUTS
from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import members, naming
from ..formats.text import instance, member_of, numbers, read_json
from ..motion import poses
from ..motion.poses import Poses, Video
from ..pool import Progress

VIDEO = ("video_id", "vid_id")
FRAME = ("frame_id", "frame_number", "frame_index")
PERSON = ("track_id", "instance_id")


@options("coco")
class Coco:
    """How annotations become clips."""

    poses: Poses = option(Poses(), "who and what stays of the poses")


def read_coco(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: Coco = Coco(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """COCO-style annotations of videos: `(x, y, confidence)` with y up, in pixels.

    Images belong to one clip when they share `video_id` (or `vid_id`), else the folder of
    `file_name`; in it they are ordered by `frame_id`, else by the number in the file's name.
    A visibility of 0, 1 or 2 becomes the confidence 0, 0.5 or 1.

    Args:
        path: one annotation file.
        layout: None: the built-in one that has the category's joints, in any order.
        how: the options.
        progress: called with videos done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, field and remedy.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: a folder; name one annotation file")
    files = members.find(path, {".json"})
    if len(files) != 1:
        raise InputError(f"{path}: {len(files)} .json files in it; name one annotation file")
    content, where = read_json(files[0]), str(files[0])
    if isinstance(content, list):
        raise InputError(f"{where}: a list of results; import it as alphapose, one file a video")
    skeleton, order = _layout(content, layout, where)
    bodies, scale = _annotations(content, skeleton, where)
    videos = _videos(content, where)

    def read_video(item: tuple[str, list[tuple[int, int | str]]]) -> Video:
        name, images = item
        here = f"{where}: {name}"
        ids = [naming.frame_number(number, here) for _, number in images]
        indices, length, step = naming.timeline(ids, here, sampled=True)
        video = Video(name, here, length, step=step)
        for at, (image, _) in zip(indices, images, strict=True):
            for person, joints in bodies.get(image, ()):
                video.add(at, joints[order] * (1, 1, scale), person)
        return video

    items = list(videos.items())
    by_size = {skeleton.joints: skeleton}
    return poses.build(
        path, items, read_video, by_size, how.poses, progress=progress, scratch=scratch
    )


def _layout(
    content: object, layout: str | Skeleton | None, where: str
) -> tuple[Skeleton, list[int]]:
    """The skeleton, and where each of its joints stands in the file."""
    categories = member_of(content, "categories", list, where)
    at = next(
        (i for i, c in enumerate(categories) if isinstance(c, dict) and c.get("keypoints")), None
    )
    if at is None:
        raise InputError(f"{where}: categories: none has keypoints; these are no poses")
    here = f"{where}: categories[{at}]"
    names = [_plain(str(name)) for name in member_of(categories[at], "keypoints", list, here)]
    if layout is not None:
        (skeleton,) = poses.skeletons(layout, ()).values()
        poses.refuse_joints(len(names), {skeleton.joints: skeleton}, f"{here}: keypoints")
    else:
        fitting = [s for s in LAYOUTS.values() if sorted(map(_plain, s.names)) == sorted(names)]
        if not fitting:
            raise InputError(
                f"{here}: keypoints: no built-in layout has these {len(names)} joints "
                f"({', '.join(names[:6])}, ...); describe them in a TOML file and name it with "
                "--layout"
            )
        skeleton = fitting[0]
    layout_names = [_plain(name) for name in skeleton.names]
    same = sorted(layout_names) == sorted(names) and len(set(layout_names)) == len(layout_names)
    order = [names.index(name) for name in layout_names] if same else list(range(len(names)))
    return skeleton, order


def _annotations(
    content: object, skeleton: Skeleton, where: str
) -> tuple[dict[int, list[tuple[int, np.ndarray]]], float]:
    """Poses by image, and what makes a confidence of the file's visibility."""
    bodies: dict[int, list[tuple[int, np.ndarray]]] = {}
    flags = True
    highest = 0.0
    for i, row in enumerate(member_of(content, "annotations", list, where)):
        here = f"{where}: annotations[{i}]"
        image = member_of(row, "image_id", int, here)
        if not row.get("keypoints"):  # a box alone
            continue
        joints = numbers(member_of(row, "keypoints", list, here), 3, f"{here}: keypoints")
        poses.refuse_joints(len(joints), {skeleton.joints: skeleton}, f"{here}: keypoints")
        flags = flags and bool(np.isin(joints[:, 2], (0, 1, 2)).all())
        highest = max(highest, float(joints[:, 2].max()))
        track = next((row[key] for key in PERSON if isinstance(row.get(key), int)), -1)
        bodies.setdefault(image, []).append((track if 0 <= track < 1 << 40 else -1, joints))
    return bodies, 0.5 if flags and highest == 2 else 1.0


def _videos(content: object, where: str) -> dict[str, list[tuple[int, int | str]]]:
    """Images and their numbers, by video."""
    videos: dict[str, list[tuple[int, int | str]]] = {}
    for i, image in enumerate(member_of(content, "images", list, where)):
        here = f"{where}: images[{i}]"
        image_id = member_of(image, "id", int, here)
        number = next((image[key] for key in FRAME if isinstance(image.get(key), int)), None)
        video = next((image[key] for key in VIDEO if image.get(key) is not None), None)
        file = PurePosixPath("images", str(image_id))
        if "file_name" in image:
            file_name = member_of(image, "file_name", str, here)
            file = PurePosixPath("images", file_name.replace("\\", "/"))
        name = file.parent.as_posix().removeprefix("images/")
        if video is not None:
            kind = int if isinstance(video, int) else str
            name = str(instance(video, kind, f"{here}: video"))
        videos.setdefault(name[:300], []).append(
            (image_id, file.name if number is None else number)
        )
    return videos


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
