"""Writes CSV, a row a frame, and the mapping by which `data import csv` reads a folder of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...files import writing
from ...layouts import LAYOUTS
from ..clips import ClipSet
from .person import Notes

ROWS = 1024  # of text at once
AXES = "xyz"
CONFIDENCE = "confidence"


def write_csv(clips: ClipSet, number: int, path: Path) -> Notes:
    """Writes a clip as CSV, atomically; all persons of it side by side.

    Nine digits, so that float32 comes back to the bit. A joint that was not seen is an empty cell.

    Args:
        clips: of any number of coordinates up to three.
        number: of the clip.
        path: the `.csv`.

    Returns:
        Nothing to know.
    """
    clip = np.array(clips.clip(number), np.float64)  # (T, M, V, C)
    there = clip[..., : clips.coordinates].any(axis=-1, keepdims=True)
    clip = np.where(there, clip, np.nan)
    with writing(path) as write:
        write(",".join(["frame", "time", *_columns(clips)]) + "\n")
        for text in _rows(clip, float(clips.fps[number])):
            write(text)
    return {}


def mapping(clips: ClipSet) -> str:
    """The text of the `mapping.toml` that reads such files back; the set must have one rate."""
    persons = [str(person + 1) for person in range(clips.persons)]
    several = clips.persons > 1
    lines = [
        f"columns = {_quoted('p{person}_{joint}_{axis}' if several else '{joint}_{axis}')}",
        f"axes = {_quoted(list(AXES[: clips.coordinates]))}",
        f"fps = {float(clips.fps[0])!r}",
        'frame = "frame"',
    ]
    if (clips.fps != clips.fps[0]).any():
        lines[-2:] = ['time = "time"']
    if several:
        lines.append(f"persons = {_quoted(persons)}")
    if clips.confidence:
        lines.append(f"confidence = {_quoted(CONFIDENCE)}")
    skeleton = clips.skeleton
    if LAYOUTS.get(skeleton.name) == skeleton:
        return "\n".join([f"layout = {_quoted(skeleton.name)}", *lines]) + "\n"
    parts = (f"{key} = {_quoted(value)}" for key, value in skeleton.to_dict().items()
             if key != "parts")  # fmt: skip
    table = (f"{_quoted(part)} = {_quoted(joints)}" for part, joints in skeleton.parts.items())
    return "\n".join([*lines, "", "[layout]", *parts, "", "[layout.parts]", *table]) + "\n"


def _columns(clips: ClipSet) -> list[str]:
    axes = [*AXES[: clips.coordinates], *([CONFIDENCE] if clips.confidence else [])]
    before = [f"p{person + 1}_" for person in range(clips.persons)] if clips.persons > 1 else [""]
    names = [
        f"{p}{joint}_{axis}" for p in before for joint in clips.skeleton.names for axis in axes
    ]
    return [f'"{name}"' if "," in name or '"' in name else name for name in names]


def _rows(clip: np.ndarray, fps: float) -> Iterator[str]:
    flat = clip.reshape(len(clip), -1)
    form = "%d,%.9g," + ",".join(["%.9g"] * flat.shape[1]) + "\n"
    for start in range(0, len(flat), ROWS):
        text = "".join(
            form % (start + at, (start + at) / fps, *row)
            for at, row in enumerate(flat[start : start + ROWS].tolist())
        )
        yield text.replace("nan", "")


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=True)  # which TOML reads as well
