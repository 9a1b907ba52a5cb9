"""Reader for COCO-style keypoint annotations: images, annotations, categories in one JSON.

    {"images": [{"id": 1, "file_name": "walk/000001.jpg", "video_id": 7, "frame_id": 0}, ...],
     "annotations": [{"image_id": 1, "keypoints": [x, y, v, ...], "track_id": 0}, ...],
     "categories": [{"id": 1, "name": "person", "keypoints": ["nose", ...]}]}

PoseTrack's files (`vid_id`, `track_id`) are of this form. Source: the data format of COCO (Lin et
al., ECCV 2014).
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...layouts import LAYOUTS, WHOLEBODY133
from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import frame_names, members, naming
from ..formats.frame_names import Images
from ..formats.text import instance, member_of, numbers, read_json
from ..formats.whole_body import WHOLE
from ..motion import poses
from ..motion.poses import Poses
from ..motion.video import Video
from ..pool import Progress

VIDEO = ("video_id", "vid_id")
FRAME = ("frame_id", "frame_number", "frame_index")
PERSON = ("track_id", "instance_id")
PARTS = ("foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts")
"""Of COCO-WholeBody, whose category names the body's joints alone."""
PEOPLE = {"person", "people", "human", "pedestrian", "player", "athlete"}


class _Category(NamedTuple):
    """A category with keypoints."""

    id: object
    name: str
    names: list[str]  # of its joints, plain
    where: str


class _Image(NamedTuple):
    """An image, and its frame where the file says it."""

    id: int
    name: str
    frame: int | None


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
    `file_name`; in it they are ordered by `frame_id`, else by the number in the files' names that
    varies. Annotations of other categories than the persons' are passed over. A visibility of 0, 1
    or 2 becomes the confidence 0, 0.5 or 1.

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
    category = _category(content, layout, where)
    wanted = next(iter(poses.skeletons(layout, ()).values()), None)
    if wanted == WHOLEBODY133 and len(category.names) == WHOLE[133].joints:
        category = category._replace(names=[_plain(name) for name in WHOLEBODY133.names])
    skeleton, order = _layout(category, layout)
    bodies, scale, notes = _annotations(content, category, where)
    if len(order) < len(category.names):
        note = f"of {len(category.names)} joints the {len(order)} of {skeleton.name} are read"
        whole = WHOLE.get(len(category.names))
        notes.append(f"{note}; --layout {whole.name} reads all" if whole and whole.name else note)
    videos = list(_videos(content, where).items())

    def read_videos(item: tuple[str, list[_Image]]) -> list[Video]:
        name, images = item
        parts = _parts(images, f"{where}: {name}")
        video_list = []
        for part in parts:
            full = f"{name}/{part.name}".removeprefix("/") if len(parts) > 1 else name
            video = Video(full, f"{where}: {full}", part.length, step=part.step)
            video.notes += [part.note] if part.note else []
            for image, at in part.frames.items():
                for person, joints in bodies.get(int(image), ()):
                    video.add(at, joints[order] * (1, 1, scale), person)
            video_list.append(video)
        if several := frame_names.note_of_several(parts):
            video_list[0].notes.append(several)
        return video_list

    by_size = {skeleton.joints: skeleton}
    clips = poses.build(
        path, videos, read_videos, by_size, how.poses, progress=progress, scratch=scratch
    )
    for note in notes:
        warnings.warn(f"{path}: {note}", stacklevel=2)
    return clips


def _category(content: object, layout: str | Skeleton | None, where: str) -> _Category:
    """The persons' category: of several one of the layout's size, and one called person."""
    categories = []
    for i, row in enumerate(member_of(content, "categories", list, where)):
        if isinstance(row, dict) and row.get("keypoints"):
            here = f"{where}: categories[{i}]"
            names = [_plain(str(name)) for name in member_of(row, "keypoints", list, here)]
            categories.append(_Category(row.get("id"), str(row.get("name", "")), names, here))
    if not categories:
        raise InputError(f"{where}: categories: none has keypoints; these are no poses")
    sizes = poses.skeletons(layout, ())
    fitting = [c for c in categories if len(c.names) in sizes] or categories
    return next((c for c in fitting if c.name.strip().lower() in PEOPLE), fitting[0])


def _layout(category: _Category, layout: str | Skeleton | None) -> tuple[Skeleton, list[int]]:
    """The skeleton, and where each of its joints stands in the file."""
    names = category.names
    if layout is not None:
        (skeleton,) = poses.skeletons(layout, ()).values()
        if not set(map(_plain, skeleton.names)) <= set(names):
            poses.refuse_joints(
                len(names), {skeleton.joints: skeleton}, f"{category.where}: keypoints"
            )
    else:
        # Whole bodies have hands and a face besides: the largest layout of a body is taken.
        bodies = [s for s in LAYOUTS.values() if s.joints not in WHOLE]
        fitting = [s for s in bodies if set(map(_plain, s.names)) <= set(names)]
        if not fitting:
            raise InputError(
                f"{category.where}: keypoints: no built-in layout has these {len(names)} joints "
                f"({', '.join(names[:6])}, ...); describe them in a TOML file and name it with "
                "--layout"
            )
        skeleton = max(fitting, key=lambda s: s.joints)
    layout_names = [_plain(name) for name in skeleton.names]
    if not set(layout_names) <= set(names) or len(set(layout_names)) < len(layout_names):
        return skeleton, list(range(len(names)))
    return skeleton, [names.index(name) for name in layout_names]


def _annotations(
    content: object, category: _Category, where: str
) -> tuple[dict[int, list[tuple[int, np.ndarray]]], float, list[str]]:
    """Poses by image, what makes a confidence of the file's visibility, and notes."""
    bodies: dict[int, list[tuple[int, np.ndarray]]] = {}
    foreign: Counter[str] = Counter()
    flags, highest, passed = True, 0.0, 0
    for i, row in enumerate(member_of(content, "annotations", list, where)):
        here = f"{where}: annotations[{i}]"
        image = member_of(row, "image_id", int, here)
        if not row.get("keypoints"):  # a box alone
            continue
        if category.id is not None and row.get("category_id", category.id) != category.id:
            foreign[str(row["category_id"])[:20]] += 1
            continue
        values = member_of(row, "keypoints", list, here)
        if any(row.get(part) for part in PARTS):
            if len(category.names) == WHOLEBODY133.joints:
                parts = [member_of(row, part, list, here) for part in PARTS]
                values = [*values, *(value for part in parts for value in part)]
            else:
                passed += 1
        joints = numbers(values, 3, f"{here}: keypoints")
        if len(joints) != len(category.names):
            raise InputError(
                f"{here}: keypoints: {len(joints)} joints, expected the {len(category.names)} of "
                f"category {category.name!r}; name the layout of this data (--layout NAME or "
                "FILE.toml)"
            )
        seen = joints[~np.isnan(joints[:, 2]), 2]
        flags = flags and bool(np.isin(seen, (0, 1, 2)).all())
        highest = max(highest, float(seen.max(initial=0)))
        track = next((row[key] for key in PERSON if isinstance(row.get(key), int)), -1)
        bodies.setdefault(image, []).append((track if 0 <= track < 1 << 40 else -1, joints))
    notes = []
    if foreign:
        listed = ", ".join(f"{count} of category {key}" for key, count in foreign.items())
        notes.append(
            f"{sum(foreign.values())} annotations are no {category.name!a} (category "
            f"{category.id}) and are passed over: {listed}"
        )
    if passed:
        notes.append(
            f"feet, face and hands of {passed} annotations are passed over; --layout wholebody133 "
            "reads them"
        )
    return bodies, 0.5 if flags and highest == 2 else 1.0, notes


def _videos(content: object, where: str) -> dict[str, list[_Image]]:
    """Images by video."""
    videos: dict[str, list[_Image]] = {}
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
        videos.setdefault(name[:300], []).append(_Image(image_id, file.name, number))
    return videos


def _parts(images: Sequence[_Image], where: str) -> list[Images]:
    """The images of one video in time; several where the names are of several."""
    numbered = {image.id: image.frame for image in images if image.frame is not None}
    if len(numbered) == len(images):
        ids = list(numbered)
        frames = [naming.frame_number(number, where) for number in numbered.values()]
        naming.refuse_twice(frames, where)
        indices, length, step = naming.timeline(frames, where, sampled=True)
        return [Images("", dict(zip(ids, indices, strict=True)), length, step)]
    ids_by_name: dict[str | int, int] = {}
    for image in images:
        if image.name in ids_by_name:
            raise InputError(f"{where}: two images are called {image.name[:60]!a}; keep one")
        ids_by_name[image.name] = image.id
    parts = frame_names.videos(list(ids_by_name), where, sampled=True)
    return [
        part._replace(frames={ids_by_name[name]: at for name, at in part.frames.items()})
        for part in parts
    ]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
