"""What an exported file says of itself, read from its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "skelf."
FORMAT = 1


@dataclass(frozen=True)
class About:
    """What a model takes and gives.

    Args:
        kind: classifier, detector or encoder.
        rows: what it gives a row for: clip, frame or step.
        class_names: in the order of the probabilities; a detector's first column is of none.
        joints: names, in the order in which they are taken.
        parents: of each joint the index of its parent; -1: the root.
        channels: numbers of a joint: its coordinates, and a confidence where it has one.
        confidence: whether the last of them is one.
        persons: most persons that it looks at.
        stream: joint, motion or bone.
        fps: lowest and highest frame rate of what it was trained on; None: not known.
        unit: of its coordinates, as "metre"; None: not known.
        up: the axis that pointed up; None: not known.
        unknown_below: a probability below which the answer is "unknown".
        windows: how a detector reads a recording; None: it is none.
        version: of the skelf that wrote it.
    """

    kind: str
    rows: str
    class_names: tuple[str, ...]
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    channels: int
    confidence: bool
    persons: int
    stream: str
    fps: tuple[float, float] | None
    unit: str | None
    up: str | None
    unknown_below: float
    windows: Mapping[str, object] | None
    version: str


def read_about(metadata: Mapping[str, str], path: str) -> About:
    """The metadata of a file, checked.

    Args:
        metadata: text by name, as onnxruntime gives it.
        path: what messages call the file.

    Raises:
        ValueError: it was not exported by skelf, or by a later one.
    """
    said = {k.removeprefix(PREFIX): v for k, v in metadata.items() if k.startswith(PREFIX)}
    if "format" not in said:
        raise ValueError(f"{path}: not a model that skelf exported; make one by skelf export")
    try:
        # Any: what JSON holds; the fields below say what each is.
        values: dict[str, Any] = {key: json.loads(text) for key, text in said.items()}
        if values["format"] > FORMAT:
            raise ValueError(f"{path}: exported by a later skelf; update skelf-runtime")
        fps = values["fps"]
        return About(
            kind=values["kind"],
            rows=values["rows"],
            class_names=tuple(values["class_names"]),
            joints=tuple(values["joints"]),
            parents=tuple(values["parents"]),
            channels=values["channels"],
            confidence=values["confidence"],
            persons=values["persons"],
            stream=values["stream"],
            fps=None if fps is None else (fps[0], fps[1]),
            unit=values["unit"],
            up=values["up"],
            unknown_below=values.get("unknown_below", 0.0),
            windows=values.get("windows"),
            version=values["version"],
        )
    except (KeyError, TypeError, IndexError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: its metadata is damaged ({error}); export it again") from None
