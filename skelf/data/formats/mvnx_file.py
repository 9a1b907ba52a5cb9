"""Xsens' MVNX (MVN Studio, Analyze, Animate), read as a stream: hours take no more than positions.

Each subject has segments with points, joints that connect them, and frames. The first frames are no
motion: identity, tpose and tpose-isb. Axes: x north, y west, z up; metres; origins of segments.
Source: MVN User Manual, "MVNX file format", versions 3 and 4, and files of MVN 2018 to 2023.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

import numpy as np

from ...errors import InputError
from . import source
from .look import Look

CHUNK = 1 << 20
MOST_TEXT = 1 << 20  # letters of one element: 200 segments have 2,000 numbers at most
# Version 3 has pos_s instead of pos_b: the arms' points are of a T-pose there, while orientations
# count from hanging arms, so that both together put the elbows half a metre off.
_TEXTS = ("position", "orientation", "pos_b", "connector1", "connector2")


@dataclass
class Subject:
    """One person.

    Args:
        label: the person's or the suit's name.
        rate: as the attribute frameRate has it.
        configuration: "FullBody", "UpperBody", ...; "" where it is not said.
        segments: names, in the order of numbers in a frame.
        points: (segment, point) -> its place in the segment's axes.
        joints: pairs of (segment, point), the parent's and the child's.
        frames: how many frames of motion there are.
        indices: number of each frame.
        positions: of all segments, frame after frame; empty where they were not exported.
        orientations: kept where no frame has positions.
        still: types of frames that are no motion, and were passed over.
        fingers: whether there is finger data.
    """

    label: str
    rate: str
    configuration: str
    segments: list[str] = field(default_factory=list)
    points: dict[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)
    joints: list[tuple[str, str]] = field(default_factory=list)
    frames: int = 0
    indices: array[float] = field(default_factory=lambda: array("d"))
    positions: array[float] = field(default_factory=lambda: array("d"))
    orientations: array[float] = field(default_factory=lambda: array("d"))
    still: set[str] = field(default_factory=set)
    fingers: bool = False


def told(look: Look) -> str:
    """Why a file is such an export, or ""."""
    is_one = "<mvnx" in look.text[:4096] and look.text.lstrip().startswith("<")
    return "it is XML whose root is mvnx, as Xsens writes" if is_one else ""


def load_subjects(file: Path) -> list[Subject]:
    """The persons of a file.

    Raises:
        InputError: no MVNX, cut off, damaged, or XML with entities of its own.
    """
    reading = _Reading(file)
    try:
        with file.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                reading.parser.Parse(chunk)
                if reading.letters > MOST_TEXT:
                    reading.refuse("an element is longer than any frame")
            reading.parser.Parse(b"", True)
    except expat.ExpatError as error:
        cut = "is it cut off? " if reading.depth else ""
        raise InputError(
            f"{file}: line {error.lineno}: no whole XML ({expat.ErrorString(error.code)}); {cut}"
            "copy or export it again"
        ) from None
    except (LookupError, UnicodeError) as error:  # an encoding that Python does not have
        raise InputError(f"{file}: {error}; save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{file}: cannot read: {error.strerror}") from None
    if not reading.is_mvnx:
        raise InputError(f"{file}: its root is not mvnx; is it Xsens' MVNX?")
    return reading.subjects


class _Reading:
    """What expat calls; the state of a file that is read."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.subjects: list[Subject] = []
        self.is_mvnx = False
        self.depth = 0
        self.letters = 0
        self._text: list[str] | None = None  # of the element whose text counts
        self._segment = self._point = ""
        self._ends: list[str] = []  # of a joint
        self._in_motion = self._outside = False
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._letters
        self.parser.EntityDeclHandler = self._entity

    def refuse(self, what: str) -> NoReturn:
        raise InputError(
            f"{self.file}: line {self.parser.CurrentLineNumber}: {what}; copy or export it again"
        )

    def _entity(self, *_: object) -> None:
        raise InputError(
            f"{self.file}: it declares entities of its own, which may unpack to anything; no "
            "program writes such an MVNX, take them out"
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if not self.depth:
            self.is_mvnx = name == "mvnx"
        self.depth += 1
        if name == "subject":
            self.subjects.append(
                Subject(
                    attributes.get("label", ""),
                    attributes.get("frameRate", ""),
                    attributes.get("configuration", ""),
                )
            )
        if not self.subjects:
            return
        subject = self.subjects[-1]
        if name.startswith("fingerTracking"):
            subject.fingers = self._outside = True  # its segments are listed apart
        elif name == "segment" and not self._outside:
            self._segment = attributes.get("label", "")
            subject.segments.append(self._segment)
            if len(subject.segments) > source.JOINTS:
                self.refuse("more segments than a body has")
        elif name == "point":
            self._point = attributes.get("label", "")
        elif name == "frame":
            self._frame(subject, attributes)
        elif name in _TEXTS and (self._in_motion or name not in _TEXTS[:2]):
            self._text = []
        self.letters = 0

    def _frame(self, subject: Subject, attributes: dict[str, str]) -> None:
        kind = attributes.get("type", "normal")
        self._in_motion = kind == "normal"
        if not self._in_motion:
            subject.still.add(kind)
            return
        index = attributes.get("index", "")
        try:
            subject.indices.append(float(index) if index else subject.frames)
        except ValueError:
            self.refuse(f"frame index {index[:40]!r} is no number")
        subject.frames += 1

    def _letters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)
            self.letters += len(text)

    def _end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        self.depth -= 1
        if name.startswith("fingerTracking"):
            self._outside = False
        if name == "frame":
            self._in_motion = False
        if self._text is None or name not in _TEXTS:
            return
        text, self._text = "".join(self._text), None
        subject = self.subjects[-1]
        if name == "pos_b":
            subject.points[self._segment, self._point] = tuple(self._numbers(text, 3))
        elif name.startswith("connector"):
            self._ends.append(text.strip())
            if name == "connector2":
                if len(self._ends) == 2:
                    subject.joints.append((self._ends[0], self._ends[1]))
                self._ends = []
        else:
            self._add(subject, name, text)

    def _add(self, subject: Subject, name: str, text: str) -> None:
        """The numbers of one frame; all frames have them, or none."""
        kept = subject.positions if name == "position" else subject.orientations
        if name == "orientation" and subject.positions:
            return  # they are read only where there are no positions
        wide = (3 if name == "position" else 4) * len(subject.segments)
        if len(kept) != wide * (subject.frames - 1):
            self.refuse(f"not every frame has one element {name}")
        kept.extend(self._numbers(text, wide))

    def _numbers(self, text: str, count: int) -> array[float]:
        words = text.split()
        if len(words) != count:
            self.refuse(f"{len(words)} numbers instead of {count}")
        try:
            return array("d", map(float, words))
        except ValueError:
            self.refuse("a word that is no number")


def places_of(subject: Subject, file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the frames `(R,)`, and positions `(R, V, 3)`, or orientations `(R, V, 4)`.

    Raises:
        InputError: neither is in every frame, or a number that nothing measures.
    """
    for kept, wide in ((subject.positions, 3), (subject.orientations, 4)):
        values = np.frombuffer(kept, np.float64) if kept else np.zeros(0)
        if len(values) and len(values) == subject.frames * wide * len(subject.segments):
            source.believed(f"{file}: frames", values[~np.isnan(values)])
            return (np.frombuffer(subject.indices, np.float64),
                    values.reshape(subject.frames, len(subject.segments), wide))  # fmt: skip
    raise InputError(
        f"{file}: not every frame has positions (or orientations); export it with Position, or "
        "copy it again"
    )
