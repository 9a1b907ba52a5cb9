"""One video's poses as a reader gives them, and the classes that several videos name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import InputError
from ..listing import Told

CROWD = 256  # poses in one frame: more is no output of an estimator

ASSUMED = "frame rate assumed"
"""Attribute of sets in which a video's file does not say its frame rate."""


@dataclass
class Video:
    """One video's poses, in any order.

    Args:
        name: of the clip.
        where: the file, for messages.
        frames: its length.
        label: class; -1: unknown, or numbered by the names of all videos' classes.
        class_name: of the label, where the file says it.
        step: of the frames' numbers: 5 when the file holds every fifth frame.
        fps: frames a second that the file states; 0: it does not.
        centred: poses lie about their root, so that a joint at zero is there, if its confidence
            says so.
        frame: of each pose.
        person: the source's number of each pose, -1 where it gives none.
        joints: each `(V, C + 1)`, image axes, confidence last.
        places: like `joints`, when persons must be told apart elsewhere (in the image).
        segments: start, end (exclusive) and class name of what the file labels in it.
        notes: what a person should know of this video.
        crowd: frame -> its poses so far.
    """

    name: str
    where: str
    frames: int
    label: int = -1
    class_name: str = ""
    step: int = 1
    fps: float = 0.0
    centred: bool = False
    frame: list[int] = field(default_factory=list)
    person: list[int] = field(default_factory=list)
    joints: list[np.ndarray] = field(default_factory=list)
    places: list[np.ndarray] = field(default_factory=list)
    segments: list[tuple[int, int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    crowd: dict[int, int] = field(default_factory=dict, repr=False)

    def add(self, frame: int, joints: np.ndarray, person: int = -1) -> None:
        """One more pose; a crowd is refused as soon as it is one."""
        self.crowd[frame] = self.crowd.get(frame, 0) + 1
        refuse_crowd(self.crowd[frame], f"{self.where}: frame {frame}")
        self.frame.append(frame)
        self.person.append(person)
        self.joints.append(joints)

    @property
    def bare(self) -> Video:
        """The video without its poses."""
        return Video(
            self.name, self.where, self.frames, self.label, self.class_name, self.step,
            self.fps, self.centred, segments=self.segments, notes=self.notes,
        )  # fmt: skip


def refuse_crowd(count: int, where: str) -> None:
    """Raises InputError when one frame shows more persons than an estimator finds."""
    if count > CROWD:
        raise InputError(
            f"{where}: more than {CROWD} persons; the file is damaged, or keep the best ones"
        )


def number_classes(videos: Sequence[Video], told: Told | None = None) -> list[str]:
    """The names of all classes, by their labels; videos that only name theirs get its label.

    Args:
        videos: of all files, or of a part.
        told: takes what they say of their classes.

    Raises:
        InputError: one label with two names.
    """
    told = Told() if told is None else told
    stated = told.stated
    for video in videos:
        if video.label < 0 or not video.class_name:
            continue
        if stated.setdefault(video.label, video.class_name) != video.class_name:
            raise InputError(
                f"{video.where}: class {video.label} is {video.class_name[:60]!a} here, "
                f"{stated[video.label][:60]!a} in another file; import sets of one list of "
                "classes at a time"
            )
    told.top = max((video.label for video in videos), default=-1)
    told.named |= {video.class_name for video in videos if video.label < 0 and video.class_name}
    told.named |= {name for video in videos for _, _, name in video.segments}
    names = told.class_names()
    for video in videos:
        if video.label < 0 and video.class_name:
            video.label = names.index(video.class_name)
    return names
