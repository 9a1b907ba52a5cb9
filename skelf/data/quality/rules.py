"""Findings about frames, tracking, scale and axes; each threshold says why it is what it is."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..clips import ClipSet
from ..motion.axes import nearest_axis
from .finding import Finding
from .remedies import imported, scaled, turned

GONE = 0.5
"""Share of frames without anybody from which a clip is doubtful: half of it shows nothing."""
MISSING = 0.3
"""Share of missing joints from which a clip is doubtful; two hidden legs of 20 joints are 0.4."""
REPEATED = 0.3
"""Share of frames that equal the one before: 0.5 is video doubled from 15 to 30 a second, and one
in ten happens to Kinect."""
BONE = 0.25
"""Change of a bone, in body heights (40 cm), that no soft tissue and no usual noise makes."""
SPEED = 15.0
"""Joint speed in body heights a second (25 m/s); hands of boxers reach 10 m/s, of pitchers 20."""
LEAP = 10.0
"""Speed of a whole body in heights a second (17 m/s): a sprinter has 6."""
STEP = 0.2
"""Least step in body heights (35 cm) of a jump: at a high frame rate noise alone is fast."""
TALL = (0.5, 2.5)
"""Metres from head to foot along the bones: an infant, and more than the tallest person."""
UNITS = {
    "centimetres": (50.0, 250.0, 0.01),
    "millimetres": (500.0, 2500.0, 0.001),
    "metres taken for centimetres": (0.005, 0.025, 100.0),
    "metres taken for millimetres": (0.0005, 0.0025, 1000.0),
    "millimetres taken for centimetres": (5.0, 25.0, 0.1),
}
ODD = 3.0
"""Factor to the set's median height: children next to adults differ by 2.5, units by 10."""
CLEAR = 0.8
"""Length of the mean up vector along its axis from which that axis is up: a tilt of 37 degrees."""
UPSIDE = -0.7
"""Cosine to the set's up axis below which a clip is upside down; who lies has 0."""
MIRRORED = -0.5
"""Median cosine of toes and shoulders: sound sets have above 0.5, mirrored ones below -0.5."""


def frames(clips: ClipSet, rows: np.ndarray) -> list[Finding]:
    """Empty, one-frame, repeated and frozen clips, missing persons and joints."""
    findings: list[Finding] = []
    present, some = rows["present"], rows["present"] > 0
    gone = some & (present < 1 - GONE)
    drop = "drop them, or look why the source has nothing there"
    _add(findings, "empty", "warning", "nobody in any frame", ~some, drop)
    _add(findings, "one-frame", "warning", "a single frame: no motion", clips.length == 1, drop)
    _add(
        findings, "absent", "warning", f"nobody in more than {GONE:.0%} of the frames", gone,
        "cut the empty frames off before the import", present,
    )  # fmt: skip
    _add(
        findings, "constant", "warning", "nothing moves in the whole clip", some & ~rows["moves"],
        "drop them: a frozen sensor or a copied pose",
    )  # fmt: skip
    _add(
        findings, "start", "warning", "first frames that are no motion: a T-pose, a calibration",
        rows["start"] > 0,
        imported(clips, "skip_start", "true", "cut them off before the import") + ", or look",
        -rows["start"], np.zeros(len(rows), np.int64),
    )  # fmt: skip
    repeated = rows["moves"] & (rows["repeated"] > REPEATED)
    _add(
        findings, "repeated", "warning", f"over {REPEATED:.0%} of frames repeat the one before",
        repeated,
        "the true frame rate is lower: take every second frame before the import",
        -rows["repeated"],
    )  # fmt: skip
    _add(
        findings, "missing-joints", "warning", f"over {MISSING:.0%} of the joints are missing",
        rows["missing"] > MISSING,
        imported(clips, "missing", "linear", "fill them before the import") + ", or drop them",
        -rows["missing"],
    )  # fmt: skip
    _add(
        findings, "doubtful-confidence", "note", "missing joints with a confidence above 0",
        rows["doubt"] > 0, "give missing joints the confidence 0", -rows["doubt"],
    )  # fmt: skip
    _add(
        findings, "second-only", "note", "a second person without the first, in some frames",
        rows["second"] > 0,
        "methods of one person see nobody there: put who is there first before the import",
        -rows["second"],
    )  # fmt: skip
    return findings + _never_seen(clips, rows)


def _never_seen(clips: ClipSet, rows: np.ndarray) -> list[Finding]:
    """Joints that are zero in the whole set: its origin, or never tracked."""
    bones = np.isfinite(rows["bones"]).any(axis=0)
    edges = clips.skeleton.edges
    if not (rows["present"] > 0).any() or not edges or bones.all():
        return []
    seen = {joint for edge, there in zip(edges, bones, strict=True) if there for joint in edge}
    never = [name for joint, name in enumerate(clips.skeleton.names) if joint not in seen]
    if not never:
        return []
    what = f"zero in every frame: {', '.join(never[:5])}{' ...' if len(never) > 5 else ''}"
    remedy = "import joints that are not centred on it, or another layout"
    if clips.skeleton.name == "custom" and len(never) <= 5:  # a built-in layout needs all joints
        remedy = imported(clips, "drop", ",".join(never), remedy)
    remedy = f"it counts as missing: {remedy}"
    return [Finding("never-seen", "warning", what, np.zeros(0, int), remedy)]


def tracking(clips: ClipSet, rows: np.ndarray) -> list[Finding]:
    """Frozen joints, jumping bones, joints and bodies that teleport."""
    findings: list[Finding] = []
    names = clips.skeleton.names
    frozen = rows["frozen"] > 0
    often = np.bincount(rows["frozen_joint"][frozen], minlength=1)
    what = f"joints that never move while others do, {names[int(often.argmax())]} above all"
    _add(
        findings, "frozen-joint", "warning", what, frozen,
        "a lost marker (mark the joint missing: zeros), or joints relative to a turned root",
        -rows["frozen"],
    )  # fmt: skip
    stretched = rows["bone"] > BONE
    often = np.bincount(rows["bone_joint"][stretched], minlength=1)
    what = f"bones that change by more than {BONE:.0%} of the body, {names[int(often.argmax())]}"
    what += " above all"
    _add(
        findings, "bone", "warning", what, stretched,
        "lost tracking or mixed-up joints: look, drop", -rows["bone"], rows["bone_frame"],
    )  # fmt: skip
    least = STEP * clips.fps  # the least step as a speed
    jumps = (rows["jump"] > SPEED) & (rows["jump"] > least)
    _add(
        findings, "jump", "warning", f"joints faster than {SPEED:g} body heights a second", jumps,
        "tracking that jumps, or frames left out: look, smooth, or drop; is the frame rate right?",
        -rows["jump"], rows["jump_frame"],
    )  # fmt: skip
    leaps = (rows["leap"] > LEAP) & (rows["leap"] > least)
    _add(
        findings, "leap", "warning", f"bodies faster than {LEAP:g} body heights a second", leaps,
        "another person was taken up, or a cut: cut them there before the import, or drop them",
        -rows["leap"], rows["leap_frame"],
    )  # fmt: skip
    return findings


def space(clips: ClipSet, rows: np.ndarray) -> list[Finding]:
    """Scale, up axis, mirrored axes."""
    findings: list[Finding] = []
    height = rows["height"]
    measured = np.isfinite(height) & (height > 0)
    if measured.any():
        middle = float(np.median(height[measured]))
        if not TALL[0] <= middle <= TALL[1]:
            findings.append(Finding("scale", "warning", *_scale(clips, middle)))
        ratio = np.where(measured, height / middle, 1)
        _add(
            findings, "odd-scale", "warning",
            f"bodies {ODD:g} times the median height, or 1/{ODD:g}",
            (ratio > ODD) | (ratio < 1 / ODD), "mixed units, or lost tracking: scale or drop them",
            -np.abs(np.log(ratio)),
        )  # fmt: skip
    return findings + _axes(clips, rows) + _mirror(clips, rows)


def _scale(clips: ClipSet, height: float) -> tuple[str, np.ndarray, str]:
    what = f"a body is {height:.4g} units from head to foot, not {TALL[0]:g} to {TALL[1]:g} metres"
    for unit, (low, high, factor) in UNITS.items():
        if low <= height <= high:
            return what, np.zeros(0, int), f"{unit}? {scaled(clips, factor)}"
    remedy = "pixels or scaled numbers? fine alone; before mixing sets normalise with centre+scale"
    return what, np.zeros(0, int), remedy


def _axes(clips: ClipSet, rows: np.ndarray) -> list[Finding]:
    findings: list[Finding] = []
    up = up_axis(rows)
    if up is None:
        return findings
    name, clear = up
    along = rows["up"][:, "xyz".index(name[-1])] * (-1 if name[0] == "-" else 1)
    flat = clips.coordinates == 2
    wanted = ("y", "-y") if flat else ("y",)  # of images both are in use: pyskl keeps theirs
    nothing = np.zeros(0, int)
    if clear < CLEAR:
        what = f"no clear up axis: heads lie about {name}, {clear:.0%} of the way"
        remedy = "a tilted camera or people lying down; turn it upright where that is wrong"
        findings.append(Finding("tilted", "note", what, nothing, remedy))
    elif name not in wanted:
        what = f"heads point along {name}, feet the other way; skelf expects y up"
        findings.append(Finding("up", "warning", what, nothing, turned(clips, name)))
    _add(
        findings, "upside-down", "warning", "clips upside down against the rest", along < UPSIDE,
        "look: joints in another order, a turned camera, or a handstand", along,
    )  # fmt: skip
    return findings


def up_axis(rows: np.ndarray) -> tuple[str, float] | None:
    """Name and length (1: all agree) of the median up vector of all clips; None where unknown."""
    vectors = rows["up"][np.isfinite(rows["up"]).all(axis=1)]
    if not len(vectors):
        return None
    up = np.median(vectors, axis=0)
    return nearest_axis(up), float(np.abs(up).max())


def clear_up(rows: np.ndarray) -> str:
    """The axis that clearly points up, as "-y"; "" where none does."""
    up = up_axis(rows)
    return up[0] if up is not None and up[1] >= CLEAR else ""


def _mirror(clips: ClipSet, rows: np.ndarray) -> list[Finding]:
    front = rows["front"][np.isfinite(rows["front"])]
    if not len(front) or np.median(front) > MIRRORED:
        return []
    what = "toes point backwards: left and right are swapped, or one axis is mirrored"
    remedy = "check the layout's left and right, and that the axes are right-handed; flip one axis"
    return [Finding("mirrored", "warning", what, np.zeros(0, int), remedy)]


def _add(
    findings: list[Finding],
    code: str,
    severity: Literal["warning", "note"],
    what: str,
    wrong: np.ndarray,
    remedy: str,
    order: np.ndarray | None = None,
    frame: np.ndarray | None = None,
) -> None:
    """Adds a finding where any clip is wrong; `order` ascends from the worst."""
    indices = np.flatnonzero(wrong)
    if not len(indices):
        return
    if order is not None:
        indices = indices[np.argsort(order[indices], kind="stable")]
    frames = None if frame is None else frame[indices]
    findings.append(Finding(code, severity, what, indices, remedy, frames))
