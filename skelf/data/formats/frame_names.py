"""Which number in the names of a video's images counts the frames, and whose images they are.

A name may hold several numbers: `frame_0012_cam2.jpg`, `walk_12.mp4.jpg`, a date, a checksum. The
frame's is the one that varies. Where several vary, words beside them decide (frame, cam, take, and
the like), then which is unique; the others tell videos apart. Where no number can be a frame's,
images follow one another in the order of their numbers, and a note says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise
from math import gcd
from pathlib import PurePosixPath
from typing import NamedTuple

from ...errors import InputError
from . import naming

PAUSE = 30  # of frame numbers: where most images lie further apart, nothing moves between them
FRAME_WORDS = {"frame", "frames", "frm", "fr", "f", "frameno", "framenumber"}
CAMERA_WORDS = {"cam", "camera", "kinect", "view", "viewpoint"}
VIDEO_WORDS = CAMERA_WORDS | {
    "c", "v", "vid", "video", "clip", "take", "trial", "seq", "sequence", "scene", "session", "set",
    "rec", "recording", "subject", "subj", "s", "p", "person", "participant", "action", "a",
}  # fmt: skip
# What Roboflow, Label Studio and others add to names: checksums, not numbers.
_HASHES = (
    re.compile(r"\.rf\.[0-9A-Za-z]{8,}$"),
    re.compile(r"^[0-9a-f]{8}-(?=.)"),
    re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE),
    re.compile(r"(?<![0-9A-Za-z])(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{16,}(?![0-9A-Za-z])"),
)
_STAMP = (
    r"(?:19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d"
    r"(?:(?:[ T_-]+|[ _-]at[ _-])\d\d[-_.:h]?\d\d[-_.:m]?\d\d(?:\.\d+)?)(?!\d)"
)
_TOKEN = re.compile(rf"(?<!\d)(?P<stamp>{_STAMP})|(?P<decimal>\d+\.\d+(?![\d.]))|(?P<count>\d+)")


# cam01.0031: a point between two numbers of which the first is no part of a decimal.
_POINT = re.compile(
    r"(?i)((?:cam|camera|kinect|view|take|trial)[ _-]?|[a-z][ _-]?(?=0\d))(\d+)\.(?=\d{3,})"
)


class Images(NamedTuple):
    """One video's images.

    Args:
        name: what its images' names have in common, without the frame; unlike the others'.
        frames: image -> its frame, counted from 0.
        length: frames of the video.
        step: of the frames' numbers: 5 when every fifth frame is there.
        note: what a person should know of the order; "" nothing.
    """

    name: str
    frames: dict[str | int, int]
    length: int
    step: int
    note: str = ""


class _Name(NamedTuple):
    """A name cut at its numbers."""

    image: str | int
    texts: tuple[str, ...]  # before each number, and after the last; the folder first
    digits: tuple[str, ...]  # each number as it is written
    numbers: tuple[tuple[int, ...], ...]
    kinds: tuple[str, ...]


def videos(images: Sequence[str | int], where: str, sampled: bool = False) -> list[Images]:
    """Images in the videos and at the frames that their names say.

    Args:
        images: names (with folders, with or without suffix) or numbers, each once, in order.
        where: for messages.
        sampled: every frame is there, so that a common step means a lower frame rate.

    Raises:
        InputError: names without a number, two images of one frame, or several numbers of which
            any could count the frames.
    """
    by_text: dict[Hashable, list[_Name]] = {}
    for image in images:
        name = _cut(image, where)
        by_text.setdefault((name.texts, name.kinds), []).append(name)
    for group in by_text.values():
        if len(images) > 1 and not group[0].numbers:
            naming.frame_number(group[0].image, where)  # which has the words for it
    lone = [group[0] for group in by_text.values() if len(group) == 1]
    if len(by_text) > 2 and 2 * len(lone) > len(images):
        raise InputError(
            f"{where}: the names {_shown(lone)} differ in more than a number, so that the order of "
            "the frames is unknown; number the frames, as 000012.jpg"
        )
    parts = [part for group in by_text.values() for part in _split(group, where)]
    labels = _labels([label for label, _, _ in parts])
    return [
        _placed(label, names, column, f"{where}: {label}" if len(parts) > 1 else where, sampled)
        for label, (_, names, column) in zip(labels, parts, strict=True)
    ]


def note_of_several(parts: Sequence[Images]) -> str:
    """A sentence where one file holds several videos; "" otherwise."""
    if len(parts) < 2:
        return ""
    some = ", ".join(part.name for part in parts[:4]) + (", ..." if len(parts) > 4 else "")
    return f"{len(parts)} videos in one file by the names of its images ({some}); a clip each"


def _cut(image: str | int, where: str) -> _Name:
    if isinstance(image, int):
        return _Name(
            image, ("", ""), (str(image),), ((naming.frame_number(image, where),),), ("count",)
        )
    path = PurePosixPath(str(image)[:300].replace("\\", "/"))
    stem = re.sub(r"\.[A-Za-z]\w{1,4}$", "", path.name)
    for pattern in _HASHES:
        stem = pattern.sub("", stem) or stem
    texts, digits, numbers, kinds, end = [], [], [], [], 0
    for match in _TOKEN.finditer(_POINT.sub(r"\1\2_", stem)):
        texts.append(stem[end : match.start()])
        words = re.findall(r"\d+", match[0])
        kind = str(match.lastgroup)
        joined = [int("".join(words))] if kind == "stamp" else [int(word) for word in words]
        if kind == "decimal":  # 12.5 lies behind 12.45
            joined = [joined[0], int(words[1].ljust(12, "0")[:12])]
        numbers.append(tuple(joined))
        kinds.append(kind)
        digits.append(match[0])
        end = match.end()
    folder = path.parent.as_posix()
    head = "" if folder == "." else f"{folder}/"
    texts = [*texts, stem[end:]]
    heads = (head + texts[0], *texts[1:])
    return _Name(image, heads, tuple(digits), tuple(numbers), tuple(kinds))


def _split(names: list[_Name], where: str) -> list[tuple[str, list[_Name], int]]:
    """The names of one form as videos: label, names, and which number is the frame's."""
    first = names[0]
    columns = range(len(first.numbers))
    varying = [i for i in columns if len({name.numbers[i] for name in names}) > 1]
    if not varying:
        last = len(first.numbers) - 1
        return [(_label(first, last), names, last)]
    words = [_word(first, i) for i in columns]
    if len(varying) == 1 and words[varying[0]] in CAMERA_WORDS:
        return [(_label(name, -1), [name], varying[0]) for name in names]
    column = _frame_column(names, varying, words, where)
    others = [i for i in varying if i != column]
    others = _telling(names, column, others, words)
    groups: dict[Hashable, list[_Name]] = {}
    for name in names:
        groups.setdefault(tuple(name.numbers[i] for i in others), []).append(name)
    return [(_label(group[0], column), group, column) for group in groups.values()]


def _frame_column(names: list[_Name], varying: list[int], words: list[str], where: str) -> int:
    kinds = names[0].kinds
    rules: tuple[Callable[[int], bool], ...] = (
        lambda i: words[i] in FRAME_WORDS,
        lambda i: words[i] not in VIDEO_WORDS and kinds[i] == "count",
        lambda i: kinds[i] == "count",
    )
    left = varying
    for rule in rules:
        fitting = [i for i in left if rule(i)]
        if len(fitting) == 1:
            return fitting[0]
        left = fitting or left
    values = {i: sorted({name.numbers[i] for name in names}) for i in left}
    counts = {i: len(values[i]) for i in left}
    # Of equal ones that whose numbers follow one another, as those of a time beside do not.
    most = max(left, key=lambda i: (counts[i], values[i][0][-1] - values[i][-1][-1], i))
    rest = max(counts[i] for i in left if i != most) if len(left) > 1 else 0
    if counts[most] < 2 * rest and most != left[-1] and len(values[most]) < len(names):
        raise InputError(
            f"{where}: {len(left)} numbers vary in the names {_shown(names)}; which of them counts "
            "the frames cannot be told: write frame before it, as frame0012, or keep one video in "
            "a file"
        )
    return most


def _telling(names: list[_Name], column: int, others: list[int], words: list[str]) -> list[int]:
    """Of the other numbers those that tell videos apart; a score or a time does not."""
    frames = [name.numbers[column] for name in names]
    if len(set(frames)) < len(frames):  # then they must
        return others
    ordered = sorted(names, key=lambda name: name.numbers[column])

    def in_blocks(i: int) -> bool:
        if names[0].kinds[i] != "count":
            return False
        values = [name.numbers[i] for name in ordered]
        changes = sum(a != b for a, b in pairwise(values))
        return changes == len(set(values)) - 1 and 2 * len(set(values)) <= len(names)

    return [i for i in others if words[i] in VIDEO_WORDS or in_blocks(i)]


def _placed(label: str, names: list[_Name], column: int, where: str, sampled: bool) -> Images:
    keys = [name.numbers[column] if name.numbers else (0,) for name in names]
    by_key: dict[tuple[int, ...], _Name] = {}
    for name, key in zip(names, keys, strict=True):
        if key in by_key:
            raise InputError(
                f"{where}: {_shown([by_key[key], name])} are one frame by their names; keep one of "
                "them, or number the frames, as 000012.jpg"
            )
        by_key[key] = name
    frames = {name.image: key[-1] for name, key in zip(names, keys, strict=True)}
    kind = names[0].kinds[column] if names[0].kinds else "count"
    if len(names) > 1 and (kind != "count" or _far_apart(sorted(frames.values()), sampled)):
        order = sorted(by_key)
        ranks = {by_key[key].image: at for at, key in enumerate(order)}
        note = (
            f"the numbers in the names ({_shown([by_key[key] for key in order])}) count no frames; "
            f"{len(order)} images follow one another in their order, one a frame"
        )
        return Images(label, ranks, len(order), 1, note)
    indices, length, step = naming.timeline(list(frames.values()), where, sampled=sampled)
    return Images(label, dict(zip(frames, indices, strict=True)), length, step)


def _far_apart(numbers: list[int], sampled: bool) -> bool:
    gaps = sorted(b - a for a, b in pairwise(numbers))
    step = max(1, gcd(*gaps)) if sampled else 1
    return gaps[(len(gaps) - 1) // 2] > PAUSE * step


def _word(name: _Name, column: int) -> str:
    """The letters right before a number."""
    match = re.search(r"([A-Za-z]+)[ _.\-]*$", name.texts[column])
    return match[1].lower() if match else ""


def _label(name: _Name, column: int) -> str:
    """The name without its frame's number and the word before that."""
    text = name.texts[0]
    for i, digits in enumerate(name.digits):
        if i == column:
            if _word(name, i) in FRAME_WORDS:
                text = re.sub(r"[A-Za-z]+[ _.\-]*$", "", text)
        else:
            text += digits
        text += name.texts[i + 1]
    return re.sub(r"([ _.\-])[ _.\-]+", r"\1", text).strip(" _.-/")


def _labels(labels: list[str]) -> list[str]:
    """One name for each video; a lone one may have none."""
    if len(labels) == 1:
        return labels
    named: list[str] = []
    for label in labels:
        name, number = label or "video", 1
        while name in named:
            number += 1
            name = f"{label or 'video'}-{number}"
        named.append(name)
    return named


def _shown(names: Sequence[_Name]) -> str:
    some = ", ".join(ascii(str(name.image)[:60]) for name in names[:2])
    return some + (", ..." if len(names) > 2 else "")
