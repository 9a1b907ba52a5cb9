"""What to do about a finding, by the options that the reader of the set's format really has."""

from __future__ import annotations

import shlex

import numpy as np

from ...settings.options import table
from ..clips import ClipSet
from ..formats.csv_mapping import CsvMapping
from ..motion.axes import UPS, Up, nearest_axis, upright
from ..readers import READERS, reader_options


def imported(clips: ClipSet, key: str, value: str, otherwise: str) -> str:
    """To import again with an option, where the format of the set has it.

    Args:
        clips: the set; its attribute `format` is written by `skelf data import`.
        key: the option.
        value: for it.
        otherwise: what to do where there is no such option.
    """
    format_ = clips.attributes.get("format", "")
    if format_ not in READERS:
        return f"import again with {key}={value}, if the format has this option; else {otherwise}"
    cls = reader_options(format_)
    if cls is not None and key in table(cls):
        return f"import again with {shlex.quote(f'{key}={value}')}"
    if format_ == "csv" and key in CsvMapping.__annotations__:
        return f"import again, with {key} = {value} in the mapping file"
    return otherwise


def turned(clips: ClipSet, heads: str) -> str:
    """What makes y point up.

    Args:
        clips: the set.
        heads: the axis that heads point along now, as "-z".
    """
    turn = "turn the joints before the import (a turn, no mirror: keep left and right)"
    if clips.coordinates < 3:
        return turn
    was = next((up for up in UPS if up == clips.attributes.get("up", "y")), UPS[0])
    axis = _in_file(heads, was)
    return imported(clips, "up", axis, turn) if axis in UPS else turn


def scaled(clips: ClipSet, factor: float) -> str:
    """What multiplies the joints by a factor."""
    by_hand = f"multiply the joints by {factor:g} before the import"
    written = clips.attributes.get("scale", "")
    try:
        value = f"{float(written) * factor:g}"
    except ValueError:  # the set does not say which scale it was read with
        value = f"{factor:g}" if clips.attributes.get("format") else f"(the one used) x {factor:g}"
    return imported(clips, "scale", value, by_hand)


def _in_file(heads: str, was: Up) -> str:
    """The axis in the file of an axis in a set that was imported with `up=was`."""
    for axis in ("x", "-x", "y", "-y", "z", "-z"):
        direction = np.zeros(3)
        direction["xyz".index(axis[-1])] = -1.0 if axis[0] == "-" else 1.0
        if nearest_axis(upright(direction, was)) == heads:
            return axis
    return heads
