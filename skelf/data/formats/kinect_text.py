"""The `.skeleton` text of the Kinect v2 sets: every body that the sensor listed, frame by frame."""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from .look import Look
from .words import Words

JOINTS, FIELDS, HEADER = 25, 12, 11  # of a body: joints, numbers a joint, words before them
SIZE = HEADER + JOINTS * FIELDS  # words of a body
# The sensor tracks six bodies, clips have 300 frames: what is far beyond is no such file.
MOST_BODIES, MOST_FRAMES, MOST_BYTES = 6, 10_000, 1 << 24
REMEDY = "the file is damaged: copy it again, or leave it out with exclude=FILE"


def parse_kinect(text: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Joints and tracks of one file.

    The text is a count of frames; a frame is a count of bodies; a body is 10 words (its track
    first), a count of joints, and 12 numbers a joint, of which the first three are x, y and z.
    What stands after the last frame is not looked at.

    Args:
        text: the file.
        where: its name in messages.

    Returns:
        `(T, S, 25, 3)` float32 in metres, bodies in the file's order, and `(T, S)` int64 numbers of
        their tracks, counted from 0 as they come, -1 where nobody is; `S` is at least 1. Joints
        that were not seen are NaN, where the file says so.

    Raises:
        InputError: no such file, cut off, another number of joints, or a word that is no number.
    """
    words = Words(text)
    if not len(words):
        raise InputError(f"{where}: empty; copy the file again")
    frames = _count(words, 0, MOST_FRAMES, where, "frames")
    listed = [np.empty((3, 0), np.int64)]  # of each body: frame, place, first word
    at, frame = 1, 0
    while frame < frames:
        count = _bodies(words, at, f"{where}: frame {frame}")
        step = 1 + count * SIZE
        run = 1 + _alike(words, at + step, count, frames - frame - 1)
        bodies = np.empty((3, run, count), np.int64)
        bodies[0] = (frame + np.arange(run))[:, None]
        bodies[1] = np.arange(count)
        bodies[2] = at + 1 + np.arange(run)[:, None] * step + bodies[1] * SIZE
        listed.append(bodies.reshape(3, -1))
        at, frame = at + run * step, frame + run
    return _arranged(words, frames, np.concatenate(listed, axis=1), where)


def _bodies(words: Words, at: int, here: str) -> int:
    """How many bodies the frame at word `at` has, all of them whole."""
    count = _count(words, at, MOST_BODIES, here, "bodies")
    for first in range(at + 1, at + 1 + count * SIZE, SIZE):
        joints = _count(words, first + HEADER - 1, 1 << 20, here, "joints")
        if joints != JOINTS:
            raise InputError(f"{here}: a body of {joints} joints, NTU has {JOINTS}; {REMEDY}")
        if first + SIZE > len(words):
            raise InputError(f"{here}: cut off; {REMEDY}")
    return count


def _alike(words: Words, at: int, count: int, most: int) -> int:
    """How many frames from word `at` on are whole and have `count` bodies; looks at all at once."""
    step = 1 + count * SIZE
    heads = at + np.arange(min(most, (len(words) - at) // step)) * step
    alike = words.single(heads, b"%d" % count)
    for place in range(count):
        alike &= words.single(heads + place * SIZE + HEADER, b"%d" % JOINTS)
    return len(alike) if alike.all() else int(alike.argmin())


def _count(words: Words, at: int, most: int, where: str, what: str) -> int:
    if at >= len(words):
        raise InputError(f"{where}: cut off before the count of {what}; {REMEDY}")
    word = words[at]
    if not word.isdigit() or len(word) > 9:
        raise InputError(f"{where}: {word[:20]!r} stands for the count of {what}; {REMEDY}")
    if int(word) > most:
        raise InputError(f"{where}: {int(word)} {what}, above {most}; {REMEDY}")
    return int(word)


def _arranged(
    words: Words, frames: int, listed: np.ndarray, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of all bodies in their places; what `parse_kinect` returns."""
    frame, place, first = listed
    within = HEADER + np.arange(JOINTS)[:, None] * FIELDS + np.arange(3)  # 25, 3
    try:
        numbers = words.numbers((first[:, None, None] + within).ravel())
    except ValueError as error:
        raise InputError(f"{where}: a coordinate is no number ({error}); {REMEDY}") from None
    with np.errstate(over="ignore"):
        values = numbers.reshape(-1, JOINTS, 3).astype(np.float32)
    infinite = np.isinf(values)
    if infinite.any():
        at = frame[infinite.any((1, 2)).argmax()]
        raise InputError(f"{where}: frame {at}: a coordinate is infinite; {REMEDY}")
    tracks: dict[bytes, int] = {}
    track = [tracks.setdefault(word, len(tracks)) for word in words.some(first)]
    places = int(place.max(initial=0)) + 1
    joints = np.zeros((frames, places, JOINTS, 3), np.float32)
    ids = np.full((frames, places), -1, np.int64)
    joints[frame, place], ids[frame, place] = values, track
    return joints, ids


def told_ntu(look: Look) -> str:
    """Why a file is of NTU's form: counts of frames and bodies, then a body's words."""
    lines = [words for line in look.lines if (words := line.split())]
    counts = [len(words) == 1 and words[0].isdigit() for words in lines[:2]]
    if len(lines) < 2 or not all(counts) or int(lines[1][0]) > MOST_BODIES:
        return ""
    first = next((words for words in lines[2:] if len(words) > 1), [])
    if len(first) != HEADER - 1:
        return ""
    return "it begins with counts of frames and bodies and a body's words, as NTU's skeletons"


def told_pkummd(look: Look) -> str:
    """Why a file is of PKU-MMD's form: two bodies of numbers on each line."""
    first = next((words for line in look.lines if (words := line.split())), [])
    if len(first) != 2 * JOINTS * 3 or any(mark in look.lines[0] for mark in ",;|"):
        return ""
    return "its lines are 150 numbers, two bodies of 25 joints, as PKU-MMD's skeletons"
