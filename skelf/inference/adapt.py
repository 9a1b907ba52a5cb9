"""Recordings brought to what a model was trained on; what does not fit is one clear error.

In this order: coordinates and confidence, joints by name, unit, upward axis, frame rate, persons.
What is changed is said in a line each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..data import check
from ..data.clips import ClipSet
from ..data.frames import Frames
from ..data.joints.mapping import mapped
from ..data.paging import let_go
from ..data.quality.stature import Stature, looked_at, stature
from ..errors import InputError
from ..protocols.fitting import same_layout
from .needs import Needs
from .persons import chosen_persons, parted
from .rate import retimed
from .space import placed

NEAR = 0.1
"""Difference of frame rates, as a share, that makes no difference."""
Say = Callable[[str], None]


def adapted(
    clips: ClipSet,
    needs: Needs,
    *,
    unit: str | None = None,
    up: str | None = None,
    say: Say = lambda text: None,
    scratch: str | Path | None = None,
    bodies: Stature | None = None,
) -> ClipSet:
    """The clips as a model can take them; those that are so already come back as they are.

    Clips keep their order; where the model looks at one person and more are there, each person is
    a clip of its own, and the column "person" says which. Frames of the file that clips at another
    rate come from: `rate.in_file`.

    Args:
        clips: as they were read, without a normalisation.
        needs: of the model.
        unit: of the clips' coordinates, see `space.UNITS`; None: as their attribute says.
        up: the axis that points up in the clips, as "z"; None: as the bodies stand.
        say: told in one line what is changed.
        scratch: folder for the frames of large sets meanwhile; None: the system's.
        bodies: of a set that these are some clips of, by `bodies_of`; None: they are all.

    Raises:
        InputError: nothing in them, another number of coordinates, another layout without common
            joints, another unit that nothing explains; the message says what to do.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.layouts import NTU25
        >>> clips = generate(clips=12)
        >>> clips.skeleton.name, set(clips.fps.tolist())
        ('kinect20', {30.0})
        >>> needs = Needs(NTU25, 3, False, 2, "centre", fps=(15.0, 15.0))
        >>> ready = adapted(clips, needs, say=print)  # doctest: +ELLIPSIS
        joints: kinect20 brought to ntu25 by name; stand-in: SpineMid; between: Neck; nearest: ...
        frame rate: 30 to 15 a second, as the model was trained
        >>> ready.skeleton.name, set(ready.fps.tolist())
        ('ntu25', {15.0})
    """
    _refuse_empty(clips, some=bodies is not None)
    clips = _coordinates(clips, needs, say, scratch)
    clips = _joints(clips, needs, say, scratch)
    clips = placed(clips, needs, unit=unit, up=up, say=say, scratch=scratch, bodies=bodies)
    clips = _rate(clips, needs, say, scratch)
    return chosen_persons(clips, needs.persons, say, scratch)


def bodies_of(clips: ClipSet, needs: Needs) -> Stature:
    """The bodies of a set as a model knows their joints: what some of its clips are placed by."""
    some = clips.take(looked_at(clips))
    quiet: Say = lambda text: None  # noqa: E731
    return stature(_joints(_coordinates(some, needs, quiet, None), needs, quiet, None))


def _refuse_empty(clips: ClipSet, some: bool) -> None:
    if not len(clips) or (clips.length < 1).any():
        raise InputError(f"{clips}: there are no frames in it; is the recording cut off?")
    wrong = ~(np.isfinite(clips.fps) & (clips.fps > 0))
    if wrong.any():
        at = int(wrong.argmax())
        raise InputError(
            f"{clips}: {clips.name[at]}: {clips.fps[at]:g} frames a second; say the true rate with "
            "fps=RATE where the format has this option, or mend the file"
        )
    stored = clips.stored is not None and clips.stored.joints is clips.joints
    seen = False
    for indices, frames in clips.blocks():
        if not stored:  # a store's were looked at when it was written
            check.finite(clips, indices, frames)
        # Part by part: of a long recording the first one tells, and the others stay on the disk.
        seen = seen or any(part[..., : clips.coordinates].any() for part in parted(frames))
        let_go(clips.joints)
        if (seen or some) and stored:
            break
    if not (seen or some):
        raise InputError(
            f"{clips}: nobody is in any of its {clips.frames_total:,} frames (all coordinates are "
            "missing or 0); record again, or look whether the format is right"
        )


def _coordinates(clips: ClipSet, needs: Needs, say: Say, scratch: str | Path | None) -> ClipSet:
    here, wanted = clips.coordinates, needs.coordinates
    if here < wanted:
        raise InputError(
            f"{clips}: in {here}D, and {needs.name} was trained in {wanted}D: what lies behind "
            "cannot be told from an image. Give recordings in 3D, or a model that was trained on "
            "2D poses"
        )
    if here > wanted:
        raise InputError(
            f"{clips}: in {here}D, and {needs.name} was trained in {wanted}D poses of a camera. "
            "Give the camera's 2D poses, a model that was trained in 3D, or a projection: of a CSV "
            'axes = ["x", "y"] in its mapping.toml, in Python ClipSet.build(joints[..., :2], ...)'
        )
    if clips.confidence == needs.confidence or needs.any_layout:
        return clips
    attributes = {key: text for key, text in clips.attributes.items() if key != "confidence"}
    if clips.confidence:
        say(f"confidence: left out, {needs.name} was trained without")
    else:
        say(f"confidence: 1 for each joint that is there, {needs.name} was trained with one")
        attributes["confidence"] = "true"
    shape = (*clips.joints.shape[1:3], here + (not clips.confidence))
    with Frames(shape, scratch) as frames:
        for _, block in clips.blocks():
            sure = (block != 0).any(axis=3, keepdims=True).astype(np.float32)
            frames.add(block[..., :here] if clips.confidence else np.append(block, sure, axis=3))
        joints = frames.array()
    start = np.cumsum(clips.length) - clips.length
    return replace(clips, joints=joints, start=start, attributes=attributes, path=None)


def _joints(clips: ClipSet, needs: Needs, say: Say, scratch: str | Path | None) -> ClipSet:
    if needs.any_layout:
        return clips
    try:
        same_layout(needs.skeleton, clips)
    except InputError:
        pass
    else:
        return clips
    try:
        ready = mapped(clips, needs.skeleton, scratch=scratch)
    except InputError as error:
        raise InputError(
            f"{error}; do so by `skelf data map STORE --layout FILE.toml --out MAPPED.h5` and give "
            "that store"
        ) from None
    filled = ready.attributes.get("mapped_filled", "")
    by_how: dict[str, list[str]] = {}
    for part in filled.split("; ") if filled else []:
        how, _, joint = part.partition(": ")
        by_how.setdefault(how, []).append(joint)
    guesses = [
        f"{how}: {', '.join(joints[:1])}{', ...' if len(joints) > 1 else ''}"
        for how, joints in by_how.items()
    ]
    what = f"joints: {clips.skeleton.name} brought to {needs.skeleton.name} by name"
    say("; ".join([what, *guesses]))
    return ready


def _rate(clips: ClipSet, needs: Needs, say: Say, scratch: str | Path | None) -> ClipSet:
    if needs.fps is None:
        return clips
    low, high = needs.fps
    to = np.where(clips.fps > high * (1 + NEAR), high, clips.fps)
    to = np.where(clips.fps < low / (1 + NEAR), low, to)
    changed = to != clips.fps
    if not changed.any():
        return clips
    rates = sorted({(round(float(a), 3), round(float(b), 3))
                    for a, b in zip(clips.fps[changed], to[changed], strict=True)})  # fmt: skip
    pairs = ", ".join(f"{a:g} to {b:g}" for a, b in rates[:3])
    pairs += ", ..." if len(rates) > 3 else ""
    some = "" if changed.all() else f" in {int(changed.sum())} of {len(clips)} clips"
    say(f"frame rate: {pairs} a second{some}, as {needs.name} was trained")
    return retimed(clips, to, scratch)
