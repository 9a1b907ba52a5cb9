"""The text of BVH: the hierarchy of joints and the numbers of the frames; `readers/bvh.py` uses it.

Words make the hierarchy, wherever lines end. Lines that start with `#`, `//` or `;` are comments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ..motion.resample import LARGEST
from . import source
from .frame_time import frames_a_second
from .look import Look
from .words import Words

_CHANNEL = re.compile(r"([XYZ])(position|rotation)", re.IGNORECASE)
_WORD = re.compile(r"\s*([{}]|[^\s{}]+)")
_NAME = re.compile(r"\s*([^{}\n]*)")
_HEADS = re.compile(r"(?:\s*Frames\s*:[ \t]*([^\n]*?)(?=\s*\n|\s+Frame))?\s*Frame\s*Time\s*:", re.I)
_OF_NUMBERS = b"0123456789+-.eE \t\n"
_KEYS = {"HIERARCHY", "ROOT", "JOINT", "END", "OFFSET", "CHANNELS", "MOTION", "{", "}"}


@dataclass
class Joint:
    """A joint or an end site.

    Args:
        name: an end site's is that of its joint and `_end`.
        parent: its index, -1 for the root.
        offset: `(3,)`, None before it was read.
        channels: as ("x", "rotation"), in the order of the file.
        end: an end site.
    """

    name: str
    parent: int
    offset: np.ndarray | None = None
    channels: list[tuple[str, str]] = field(default_factory=list)
    end: bool = False


class BvhFile(NamedTuple):
    """What a file holds.

    Args:
        joints: parents first.
        values: `(T, channels)`; NaN where the file has it.
        fps: frames a second.
        notes: what a user should know about the file.
    """

    joints: list[Joint]
    values: np.ndarray
    fps: float
    notes: tuple[str, ...]


def load_bvh_file(file: Path) -> BvhFile:
    """Reads a file.

    Raises:
        InputError: damaged or no BVH; the message names the line.
    """
    text, notes = source.text(file)
    if "\r" in text:
        text = re.sub(r"\r\n?", "\n", text)
    text = _with_points(_without_comments(text))
    notes = () if text.isascii() else notes
    if not re.match(r"\s*HIERARCHY\b", text, re.IGNORECASE):
        raise InputError(f"{file}: no HIERARCHY at its start, so it is no BVH file")
    joints, at = _hierarchy(file, text)
    fps, values, more = _motion(file, text, at, sum(len(joint.channels) for joint in joints))
    return BvhFile(joints, values, fps, notes + more)


def _without_comments(text: str) -> str:
    """Empty lines for comments; names may hold a `#`."""
    if not any(mark in text for mark in ("#", "/", ";")):
        return text
    text = re.sub(r"(?m)^[ \t]*(?:#|//|;).*$", "", text)
    if "#" not in text and "//" not in text:
        return text
    named = re.compile(r"\s*(ROOT|JOINT|END)\b", re.IGNORECASE)
    lines = (n if named.match(n) else re.split(r"\s(?:#|//)", n)[0] for n in text.split("\n"))
    return "\n".join(lines)


def _with_points(text: str) -> str:
    """Decimal commas as points, and without commas after a number, where nothing is in doubt.

    A file in which a number has a point, or two commas, keeps its commas: they may be anything.
    """
    if "," not in text:
        return text
    named = re.compile(r"\s*(?:ROOT|JOINT|END)\b", re.IGNORECASE)
    lines = text.split("\n")
    counted = [at for at, line in enumerate(lines) if "," in line and not named.match(line)]
    for at in counted:
        lines[at] = re.sub(r"(?<=\S),(?=\s|$)", " ", lines[at])
    numbers = "\n".join(line for line in lines if not named.match(line))
    if re.search(r"\d\.\d|\d,\d*,\d|[.,][.,]", numbers):
        return "\n".join(lines)
    for at in counted:
        lines[at] = re.sub(r"(?<=\d),(?=\d)", ".", lines[at])
    return "\n".join(lines)


def _hierarchy(file: Path, text: str) -> tuple[list[Joint], int]:
    """The joints, parents first, and where the word MOTION ends."""
    joints: list[Joint] = []
    above: list[int] = []  # joints whose braces are open
    at, line, counted = 0, 1, 0
    while word := _WORD.match(text, at):
        line, counted = line + text.count("\n", counted, word.start(1)), word.start(1)
        where, key, at = f"{file}: line {line}", word[1].upper(), word.end()
        if key == "MOTION":
            if above or not joints:
                raise InputError(f"{where}: MOTION before the hierarchy's last '}}'")
            return joints, at
        if key in ("ROOT", "JOINT", "END"):
            name = _NAME.match(text, at)
            joints.append(_named(where, key, name[1] if name else "", joints, above))
            brace = _WORD.match(text, name.end() if name else at)
            if not brace:
                break
            if brace[1] != "{":
                raise _stray_brace(where)
            above.append(len(joints) - 1)
            at = brace.end()
        elif key == "{":
            raise _stray_brace(where)
        elif key == "}" and above:
            if joints[above.pop()].offset is None:
                raise InputError(f"{where}: '}}' closes a joint without OFFSET; add it")
        elif key == "OFFSET" and above:
            words, at = _words(text, at, 3)
            joints[above[-1]].offset = source.numbers(where, words, 3)
        elif key == "CHANNELS" and above and not joints[above[-1]].end:
            count, at = _words(text, at, 1)
            stated = int(count[0]) if count and re.fullmatch("[0-9]{1,4}", count[0]) else 0
            words, at = _words(text, at, stated)
            joints[above[-1]].channels = _channels(where, [*count, *words])
        elif key != "HIERARCHY":
            raise InputError(f"{where}: {word[1][:40]!r} does not belong here in a BVH file")
    raise InputError(f"{file}: ends before MOTION; it is cut off, copy or export it again")


def _stray_brace(where: str) -> InputError:
    return InputError(f"{where}: '{{' belongs after ROOT, JOINT and End Site alone")


def _words(text: str, at: int, count: int) -> tuple[list[str], int]:
    """The next words, as many as are wanted and there before a keyword, and where they end."""
    words: list[str] = []
    while len(words) < count and (word := _WORD.match(text, at)) and word[1].upper() not in _KEYS:
        words.append(word[1])
        at = word.end()
    return words, at


def _named(where: str, key: str, name: str, joints: list[Joint], above: list[int]) -> Joint:
    if len(joints) >= source.JOINTS:
        raise InputError(f"{where}: more than {source.JOINTS} joints; this is no person's skeleton")
    if key == "ROOT" and joints:
        raise InputError(f"{where}: a second ROOT; keep one person a file")
    if key != "ROOT" and (not above or joints[above[-1]].end):
        raise InputError(f"{where}: {key} stands outside a joint's braces; mend the file")
    parent = above[-1] if above else -1
    if key == "END":
        return Joint(f"{joints[parent].name}_end", parent, end=True)
    name = " ".join(name.split())
    if not name:
        raise InputError(f"{where}: {key} without a name; add one")
    return Joint(name, parent)


def _channels(where: str, words: list[str]) -> list[tuple[str, str]]:
    matches = [match for match in map(_CHANNEL.fullmatch, words[1:]) if match]
    channels = [(match[1].lower(), match[2].lower()) for match in matches]
    if words[:1] != [str(len(words) - 1)] or len(channels) != len(words) - 1:
        raise InputError(
            f"{where}: CHANNELS needs their number, then so many of Xposition, Yposition, "
            "Zposition, Xrotation, Yrotation, Zrotation"
        )
    if len(set(channels)) < len(channels):
        raise InputError(f"{where}: CHANNELS names one twice; each stands once at most")
    return channels


def _motion(
    file: Path, text: str, at: int, width: int
) -> tuple[float, np.ndarray, tuple[str, ...]]:
    """Frames a second, the channels' values `(T, width)`, and notes."""
    heads = _HEADS.match(text, at)
    if not heads:
        raise InputError(f"{file}: after MOTION come 'Frames: N' and 'Frame Time: seconds'")
    time, _, below = text[heads.end() :].partition("\n")
    fps = source.rate(f"{file}: Frame Time", frames_a_second(str(file), time.strip()))
    if not width:
        raise InputError(f"{file}: no joint has CHANNELS, so nothing moves; export it again")
    plain = _plain(below, width)
    if plain is not None and len(plain) == _count(heads[1]):
        return fps, plain, ()
    first = text.count("\n", 0, heads.end()) + 2
    rows = [(n, line) for n, line in enumerate(below.split("\n"), first) if line.strip()]
    values = _values(file, rows, width, heads[1])
    wrong = np.isinf(values) | (np.abs(values) > LARGEST)
    if wrong.any():
        row = int(wrong.any(1).argmax())
        source.believed(f"{file}: line {rows[min(row, len(rows) - 1)][0]} (frame {row})",
                        values[row][wrong[row]])  # fmt: skip
    if heads[1] is None:
        return fps, values, (f"no 'Frames:' after MOTION; all {len(values)} are read",)
    if int(heads[1]) < len(values):
        more = f"Frames says {int(heads[1])}, but {len(values)} follow; all are read"
        return fps, values, (more,)
    return fps, values, ()


def _plain(below: str, width: int) -> np.ndarray | None:
    """The numbers of a text that holds a frame a line and nothing odd, else None."""
    if not below.isascii():
        return None
    raw = below.encode("ascii")
    if raw.translate(None, _OF_NUMBERS):
        return None
    words = Words(raw)
    if not np.isin(words.by_line(), (0, width)).all():
        return None
    try:
        values = words.numbers().reshape(-1, width)
    except ValueError:
        return None
    return values if len(values) and np.abs(values).max() <= LARGEST else None  # no NaN


def _values(file: Path, rows: list[tuple[int, str]], width: int, stated: str | None) -> np.ndarray:
    """The numbers of all frames `(T, width)`; a frame may go over several lines."""
    widths = [len(line.split()) for _, line in rows]
    wrapped = sum(widths) == width * _count(stated) and set(widths) != {width}
    frames = _count(stated) if wrapped else len(rows)
    if stated is not None and (frames < _count(stated) or not re.fullmatch("[0-9]{1,18}", stated)):
        raise InputError(
            f"{file}: Frames says {stated[:40]!r}, but {len(rows)} lines of numbers follow; it may "
            "be cut off"
        )
    if not rows:
        raise InputError(f"{file}: holds no frames, only a skeleton; export the motion with it")
    for (number, line), count in zip(rows, widths, strict=True):
        if count != width and not wrapped:
            source.numbers(f"{file}: line {number}", line.split(), width)
    try:
        if wrapped:
            return np.array(" ".join(line for _, line in rows).split(), np.float64).reshape(
                -1, width
            )
        return np.loadtxt([line for _, line in rows], comments=None, ndmin=2)
    except ValueError:
        for number, line in rows:  # the slow way, to name the line
            source.numbers(f"{file}: line {number}", line.split(), gaps=True)
        raise InputError(f"{file}: lines after Frame Time must be numbers; mend the file") from None


def _count(stated: str | None) -> int:
    return int(stated) if stated and re.fullmatch("[0-9]{1,18}", stated) else -1


def told(look: Look) -> str:
    """Why a file is a BVH: its first word, comments aside."""
    lines = (line.strip().lstrip("\ufeff") for line in look.lines)
    first = next((line for line in lines if line and not line.startswith(("#", "//", ";"))), "")
    return "it begins with HIERARCHY, as BVH does" if first[:9].upper() == "HIERARCHY" else ""
