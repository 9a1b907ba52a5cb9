"""Landmarks of MediaPipe Pose in a CSV: a row for each frame, or for each landmark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

import numpy as np

from ...errors import InputError
from ...skeleton import Skeleton
from ..motion.axes import upright
from ..motion.video import Video
from . import frame_names, landmark_columns, naming
from .frame_time import nearest_usual
from .landmark_columns import FRAME, IMAGE, LABEL, PERSON, TIME, VIDEO, place_of
from .landmark_rows import Rows, Source, frame_numbers, read_rows
from .look import Look
from .members import Member
from .text import Table, column, read_csv

RowLabels = Literal["clips", "segments", "none"]
"""What becomes of a column of classes that change: a clip for each run of one class, segments of
one recording, or nothing."""


class _Part(NamedTuple):
    """One video's rows: its name below the file's, their places in `Rows`, their frames."""

    name: str
    rows: list[int]
    frames: list[int]
    step: int = 1
    note: str = ""


def read_landmarks(
    name: str,
    member: Member,
    class_: naming.Class,
    skeleton: Skeleton,
    row_labels: RowLabels = "clips",
    source: Source = "auto",
    world: bool = True,
    kept: Sequence[int] = (),
) -> list[Video]:
    """The videos of one file; what has no number was not seen.

    Args:
        name: of the clip.
        member: the file.
        class_: of the clip; where it has one, a column of classes is passed over.
        skeleton: names and number of the landmarks.
        row_labels: what becomes of classes on every row.
        source: what wrote the file; auto: what its columns and numbers say.
        world: of two sets of landmarks the one in metres, else the one in the image.
        kept: the landmarks that the files of this import have, where they are not all.

    Raises:
        InputError: columns that are missing, landmarks that do not exist, cells without a number,
            frame numbers that begin again, or other landmarks than the first file's.
    """
    table = read_table(member)
    header = [landmark_columns.plain(cell) for cell in table.header]
    rows = read_rows(table, header, skeleton, source, world)
    poses, notes = _poses(rows)
    if len(rows.have) < skeleton.joints:
        poses = poses[:, rows.have]
        if kept and rows.have != tuple(kept):
            raise InputError(
                f"{member}: other landmarks than the first file has; import files of one kind at a "
                "time"
            )
        lacking = [name for i, name in enumerate(skeleton.names) if i not in rows.have]
        few = ", ".join(lacking[:4]) + (", ..." if len(lacking) > 4 else "")
        notes.append(
            f"{len(rows.have)} of {skeleton.joints} landmarks, a layout of their own: {few} "
            "are not in the file"
        )
    fps = frames_a_second(table, header)
    persons = _persons(table, header, rows)
    parts = _parts(table, header, rows)
    at = place_of(header, LABEL)
    labels = [""] * len(rows.at)
    if at is not None and class_[0] < 0 and row_labels != "none":
        labels = [table.rows[i][at].strip()[:100] if at < len(table.rows[i]) else ""
                  for i in rows.at]  # fmt: skip
    videos = []
    for part in parts:
        whole = f"{name}/{part.name}" if len(parts) > 1 else name
        for video, chosen in _labelled(whole, part, labels, table.where, class_, row_labels):
            video.fps = fps / part.step
            for i, frame in chosen:
                video.add(frame, poses[part.rows[i]], persons[part.rows[i]])
            video.notes += [part.note] if part.note else []
            videos.append(video)
    if len(parts) > 1:
        notes.append(f"{len(parts)} videos in one file; a clip each")
    if len(videos) > len(parts):
        notes.append(
            f"a class on every row: {len(videos)} runs of one class, a clip each "
            "(row_labels=segments: one recording)"
        )
    if fps:
        notes.append(f"{fps:g} frames a second, as its column of times says")
    videos[0].notes += notes
    return videos


def landmarks_of(member: Member, skeleton: Skeleton, source: Source) -> tuple[int, ...]:
    """The landmarks that a file has.

    Args:
        member: the file.
        skeleton: names and number of the landmarks.
        source: what wrote it.

    Raises:
        InputError: see `read_landmarks`.
    """
    table = read_table(member)
    header = [landmark_columns.plain(cell) for cell in table.header]
    return read_rows(table, header, skeleton, source).have


def read_table(member: Member) -> Table:
    """The table of a file, whatever stands between its cells: commas, tabs or semicolons.

    Raises:
        InputError: see `read_csv`.
    """
    first = Look.at(member).lines[:1] or [""]
    counts = {mark: first[0].count(mark) for mark in (",", "\t", ";")}
    delimiter = max(counts, key=lambda mark: counts[mark])
    return read_csv(member, delimiter, decimal="," if delimiter == ";" else ".")


def frames_a_second(table: Table, header: list[str]) -> float:
    """By a column of times that grow evenly; 0 where there is none.

    Args:
        table: of the file.
        header: its header, plain.

    Raises:
        InputError: a cell of it that is no number.
    """
    at = place_of(header, TIME)
    if at is None:
        return 0.0
    times = _times(table, at)
    if times is None:
        return 0.0
    frame = place_of(header, FRAME)
    numbers = column(table, frame) if frame is not None else np.arange(len(times), dtype=float)
    known = ~np.isnan(numbers + times)
    numbers, times = numbers[known], times[known]
    back = np.flatnonzero((np.diff(numbers) < 0) | (np.diff(times) < 0))
    if len(back):  # another video begins
        numbers, times = numbers[: back[0] + 1], times[: back[0] + 1]
    if not len(numbers) or numbers[-1] == numbers[0] or times[-1] == times[0]:
        return 0.0
    step = float((times[-1] - times[0]) / (numbers[-1] - numbers[0]))
    name = header[at]
    scale = 1e-3 if name.endswith(("ms", "milliseconds")) else 1e-6 if name.endswith("us") else 1.0
    if scale == 1 and step > 1:
        scale = 1e-3 if step < 1e3 else 1e-6
    return nearest_usual(1 / (step * scale))


def _times(table: Table, at: int) -> np.ndarray | None:
    """A column of times: numbers as they stand, dates in seconds; None where it is neither."""
    try:
        return column(table, at)
    except InputError:
        pass
    cells = [row[at].strip() if at < len(row) else "" for row in table.rows]
    try:
        dates = np.array(cells, "datetime64[us]")
    except ValueError:
        return None
    return (dates - dates[0]) / np.timedelta64(1, "s")


def _labelled(
    name: str,
    part: _Part,
    labels: Sequence[str],
    where: str,
    class_: naming.Class,
    row_labels: RowLabels,
) -> Iterator[tuple[Video, list[tuple[int, int]]]]:
    """The clips of one part, each with its rows (by place in the part) and their frames."""
    length = max(part.frames) + 1
    order = sorted(range(len(part.rows)), key=lambda i: part.frames[i])
    runs: list[tuple[str, list[int]]] = []
    for i in order:
        label = labels[part.rows[i]]
        if not runs or runs[-1][0] != label:
            runs.append((label, []))
        runs[-1][1].append(i)
    if len(runs) == 1 or row_labels == "segments":
        video = Video(name, where, length, *class_, step=part.step)
        if len(runs) == 1 and runs[0][0]:
            video.class_name = runs[0][0]
        elif len(runs) > 1:
            ends = [part.frames[run[0]] for _, run in runs[1:]] + [length]
            video.segments = [
                (part.frames[run[0]], end, label)
                for (label, run), end in zip(runs, ends, strict=True)
                if label
            ]
        yield video, [(i, part.frames[i]) for i in order]
        return
    counts: dict[str, int] = {}
    for label, run in runs:
        counts[label] = counts.get(label, 0) + 1
        number = f"-{counts[label]}" if counts[label] > 1 else ""
        first = part.frames[run[0]]
        video = Video(
            f"{name}/{label or 'none'}{number}",
            where,
            part.frames[run[-1]] - first + 1,
            class_name=label,
            step=part.step,
        )
        yield video, [(i, part.frames[i] - first) for i in run]


def _poses(rows: Rows) -> tuple[np.ndarray, list[str]]:
    """`(R, V, C + 1)` in image axes, confidence last, and notes."""
    joints, notes = rows.joints, [*rows.notes]
    flat = np.isnan(joints[:, :, 2]).all()  # no z anywhere
    seen = ~np.isnan(joints[:, :, :2] if flat else joints[:, :, :3]).any(axis=2)
    # Without a column of visibility, what has a place was seen.
    sure = np.where(seen, np.where(np.isnan(joints[:, :, 3]), 1.0, joints[:, :, 3]), 0.0)
    places = np.where(seen[..., None], joints[:, :, : 2 if flat else 3], 0)
    if rows.metres:
        m = rows.metres
        places = upright(places, "z") * (m, -m, -m)  # back to image axes
        unit = "millimetres" if m < 1 else "metres"
        notes.append(
            "no visibility and all landmarks by name, as FreeMoCap writes them: taken for "
            f"{unit} with z up, stored as metres with y up (source=mediapipe leaves them)"
        )
    return np.concatenate([places, sure[..., None]], axis=2), notes


def _persons(table: Table, header: list[str], rows: Rows) -> list[int]:
    """The number of each row's person; -1 where the file names none."""
    at = place_of(header, PERSON)
    if at is None:
        return [-1] * len(rows.at)
    cells = [table.rows[i][at].strip() if at < len(table.rows[i]) else "" for i in rows.at]
    numbers = {cell: number for number, cell in enumerate(dict.fromkeys(cells))}
    return [numbers[cell] for cell in cells]


def _parts(table: Table, header: list[str], rows: Rows) -> list[_Part]:
    """The videos of the file: by its column of videos or images, else one."""
    at = place_of(header, VIDEO)
    cells = [""] * len(rows.at)
    if at is not None:
        cells = [table.rows[i][at].strip() if at < len(table.rows[i]) else "" for i in rows.at]
    by_cell: dict[str, list[int]] = {}
    for i, cell in enumerate(cells):
        by_cell.setdefault(cell, []).append(i)
    named = place_of(header, FRAME) is None
    if not named and at is not None and header[at] in IMAGE:
        by_cell = {}  # an image for each frame: its folder is the video
        for i, cell in enumerate(cells):
            folder = cell.replace("\\", "/").rpartition("/")[0]
            by_cell.setdefault(folder, []).append(i)
    if named and len(by_cell) > 1 and 2 * len(by_cell) > len(cells):  # a name for each image
        return [
            _Part(
                part.name,
                [i for image in part.frames for i in by_cell[str(image)]],
                [frame for image, frame in part.frames.items() for _ in by_cell[str(image)]],
                part.step,
                part.note,
            )
            for part in frame_names.videos(list(by_cell), table.where, sampled=True)
        ]
    parts = []
    for cell, chosen in by_cell.items():
        numbers = frame_numbers(table, header, rows.at[chosen])
        _refuse_restart(table, header, rows.at[chosen], numbers)
        indices, _, step = naming.timeline(numbers, table.where, sampled=True)
        name = PurePosixPath(cell.replace("\\", "/")).with_suffix("").name if cell else "none"
        parts.append(_Part(name[:200], chosen, indices, step))
    return parts


def _refuse_restart(
    table: Table, header: list[str], at: np.ndarray, numbers: Sequence[int]
) -> None:
    """Refuses a frame that comes again later; rows right behind one another are persons."""
    if place_of(header, PERSON) is not None:
        return
    seen: set[int] = set()
    for i, number in enumerate(numbers):
        if i and number == numbers[i - 1]:
            continue
        if number in seen:
            raise InputError(
                f"{table.where}: line {table.lines[at[i]]}: frame {number} comes again; a file of "
                "several videos needs a column video, one of several persons a column person"
            )
        seen.add(number)
