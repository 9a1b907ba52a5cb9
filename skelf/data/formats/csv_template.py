"""A mapping file for a CSV of one's own, from its header: what that says, what to fill in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...joints.aliases import meanings
from ...layouts import LAYOUTS
from ..joints.known import same_layout
from ..joints.names import skeleton as named_skeleton
from ..joints.order import reach
from ..joints.tree import tree_of
from ..motion.axes import UPS, nearest_axis
from ..motion.marker_tree import spanning_tree
from ..motion.markers import standing
from .csv_header import METRES, Header, read_header
from .members import Member
from .text import column

_TOP, _BOTTOM = (
    ("head", "head_top", "nose", "eye", "ear", "neck"),
    ("toe", "big_toe", "foot", "ankle", "knee"),
)
_FEW = 3  # joints that may be one of several layouts by their number alone
_HEIGHTS = ((300.0, 0.001, "millimetres"), (10.0, 0.01, "centimetres"))
"""Head to foot in the file's unit, from which on it can't be the next larger unit."""


def template(member: Member) -> str:
    """The text of a `mapping.toml` for a file; what is guessed has a comment.

    Raises:
        InputError: no readable table, or no joints in its header.
    """
    header = read_header(member)
    places = header.values()
    lines = [f"# The columns of {Path(member.name).name}, as their names say. Look at each line."]
    joints, layout = _joints(member, header, places)
    lines += joints
    lines.append(f"columns = {_text(header.columns)}")
    if header.lines:
        lines.append(f"header = {_text(header.lines)}   # lines of names, joined by _")
    lines.append(f"axes = {_texts(header.axes)}")
    if header.confidence:
        lines.append(f"confidence = {_text(header.confidence)}")
    if header.delimiter != ",":
        lines.append(f"delimiter = {_text(header.delimiter)}")
    if header.decimal != ".":
        lines.append(f"decimal = {_text(header.decimal)}")
    lines += [*_up_and_scale(header, places), *_rows(header)]
    if header.unused:
        some = ", ".join(header.unused[:12]) + (", ..." if len(header.unused) > 12 else "")
        lines.append(f"# Not read: {' '.join(some.split())}")
    lines.append('# clip = "{class}_S{subject}_*.csv"   # what names of files say')
    return "\n".join([*lines, *layout, ""])


def _joints(member: Member, header: Header, places: np.ndarray) -> tuple[list[str], list[str]]:
    """The lines about the layout: those at the top, and a table at the end."""
    words = header.words
    if all(word.isdigit() for word in words):
        first = min(int(word) for word in words)
        fitting = [n for n, layout in LAYOUTS.items() if layout.joints == len(words)]
        fitting = [n for n in fitting if (len(header.axes) == 2) == _is_plane(n)] or fitting
        fitting.sort(key=dict(zip(fitting, _reach(places, fitting), strict=True)).__getitem__)
        about = f"# Fill in what the {len(words)} numbered joints are"
        if fitting:
            about = f"# By their number, {len(words)}: {' or '.join(fitting)}. Is that so?"
        return [about, f"layout = {_text(fitting[0] if fitting else '')}", f"first = {first}"], []
    same = same_layout(words)
    if same is not None:
        layout, by_joint = same
        lines = [f"layout = {_text(layout.name)}"]
        renamed = [f"{_text(k)} = {_text(v)}" for k, v in by_joint.items() if k != v]
        return lines + ([f"joints = {{ {', '.join(renamed)} }}"] if renamed else []), []
    parents, how = tree_of(words), "by their names"
    if parents is None:
        parents, how = spanning_tree(places), "by which joints stay near each other"
    made = named_skeleton(member.file, words, tuple(parents))
    table = [
        "",
        f"[layout]  # the bones are guessed {how}: a parent for each name, \"\" for the root",
        f"names = {_texts(made.names)}",
        f"parents = {_texts([made.names[p] if p >= 0 else '' for p in made.parents])}",
        f"pairs = [{', '.join(_texts([made.names[j] for j in pair]) for pair in made.pairs)}]",
        "parts = { "
        + ", ".join(f"{_text(k)} = {_texts([made.names[j] for j in v])}"
                    for k, v in made.parts.items())
        + " }",
        f"centre = {_text(made.names[made.centre])}",
    ]  # fmt: skip
    return [], table


def _up_and_scale(header: Header, places: np.ndarray) -> list[str]:
    """Lines about the upward axis and the unit: by the names, else by how the body stands."""
    meant = [m.part for m in meanings(header.words)]
    ends = []
    for parts in (_TOP, _BOTTOM):
        part = next((part for part in parts if part in meant), "")
        seen = places[:, [i for i, word in enumerate(meant) if word == part]].reshape(
            -1, places.shape[-1]
        )
        seen = seen[~np.isnan(seen).any(axis=1) & seen.any(axis=1)]
        ends.append(np.median(seen, axis=0) if part and len(seen) else None)
    top, bottom = ends
    up, why = ("-y" if len(header.axes) == 2 else "y"), "y, -y (images), z or -z; please check"
    height, told = _span(places), "the joints span"
    if top is not None and bottom is not None:
        height, told = float(np.linalg.norm(top - bottom)), "head to foot is"
        axis = nearest_axis(top - bottom)
        if axis in UPS:
            up, why = axis, "as head and feet lie; y, -y (images), z or -z"
    elif len(header.axes) == 3:  # an upper body
        some = np.where(places.any(axis=-1, keepdims=True), places, np.nan)
        if (found := standing(header.words, some)) is not None:
            up, why = found, "as head and shoulders lie; y, -y (images), z or -z"
    lines = [f"up = {_text(up)}                 # {why}"]
    if header.unit in METRES:
        lines.append(f"scale = {METRES[header.unit]}            # {header.unit} to metres")
    elif len(header.axes) == 3:
        for least, scale, unit in _HEIGHTS:
            if height > least:
                lines.append(
                    f"scale = {scale}            # {unit}, as {told} {height:.4g}; 1 keeps the unit"
                )
                break
        else:
            lines.append("scale = 1.0              # what makes metres of the file's unit")
    return lines


def _span(places: np.ndarray) -> float:
    """The longest side of the box around the joints, in most frames; 0 where nothing was seen."""
    seen = ~np.isnan(places).any(axis=2) & places.any(axis=2)
    frames = [frame[here] for frame, here in zip(places, seen, strict=True) if here.any()]
    return float(np.median([np.ptp(frame, axis=0).max() for frame in frames])) if frames else 0.0


def _rows(header: Header) -> list[str]:
    """Lines about frames, times and recordings."""
    lines = []
    if header.recording:
        lines.append(f"recording = {_text(header.recording)}   # a clip for each value")
    if header.frame:
        lines.append(f"frame = {_text(header.frame)}")
    if header.time:
        lines.append(f"time = {_text(header.time)}            # says the frame rate")
        scale = _time_scale(header)
        if scale != 1:
            lines.append(f"time_scale = {scale:g}       # seconds in one unit of it")
    else:
        lines.append("fps = 30                 # frames a second: fill in")
    return lines


def _time_scale(header: Header) -> float:
    """Seconds in a unit of the column of times: by its name, else by how far times are apart."""
    for ending, scale in (("ms", 1e-3), ("milliseconds", 1e-3), ("us", 1e-6), ("ns", 1e-9)):
        if header.time.lower().rstrip(")] ").endswith(ending):
            return scale
    times = column(header.table, header.table.header.index(header.time))
    steps = np.diff(times)
    steps = steps[steps > 0]
    usual = float(np.median(steps)) if len(steps) else 0.0
    return 1e-9 if usual > 1e6 else 1e-6 if usual > 1e3 else 1e-3 if usual > 1 else 1.0


def _is_plane(name: str) -> bool:
    return name.startswith(("coco", "openpose", "halpe", "body_25b", "mpi", "wholebody"))


def _reach(places: np.ndarray, names: Sequence[str]) -> list[float]:
    """How long each layout's bones are in up to 100 poses; those of the right order are short."""
    step = -(-len(places) // 100)
    return np.nan_to_num(reach(places[::step], [LAYOUTS[name] for name in names])).tolist()


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _texts(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"
