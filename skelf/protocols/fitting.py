"""Clips as an encoder takes them: its layout, its normalisation, and labels where needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..contracts import AnyLayout, Encoder
from ..data.clips import ClipSet
from ..data.normalize_names import check, keeping_time, same
from ..errors import InputError
from ..skeleton import Skeleton


def fitting(encoder: Encoder, clips: ClipSet, *, keep_time: bool = False) -> ClipSet:
    """The clips as an encoder takes them: of its layout, with its normalisation.

    Whatever gives clips to an encoder asks here. An encoder that knows no normalisation, as one
    made by hand, takes the clips as they were opened.

    Args:
        encoder: what takes them; its attribute `normalize`, where it has one, names the steps.
        clips: as they are stored, or opened with that very normalisation.
        keep_time: without the steps that drop or move frames, for recordings with segments.

    Raises:
        InputError: another joint layout, or clips that were opened with another normalisation.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders import ENCODERS
        >>> clips = generate(clips=12)
        >>> encoder = ENCODERS["gru"](clips.skeleton, dim=4, layers=1, frames=8, persons=1)
        >>> encoder.normalize = "centre"  # as one that comes from a run has it
        >>> fitting(encoder, clips).normalize
        'centre'
    """
    same_layout(encoder.skeleton, clips)
    name: str = getattr(encoder, "normalize", None) or clips.normalize
    if not keep_time:
        return normalized(clips, name)
    if same(clips.normalize, name):
        clips = replace(clips, normalize=keeping_time(name))
    return normalized(clips, keeping_time(name))


def suited(encoder: Encoder, clips: ClipSet) -> Encoder:
    """The encoder for clips of this layout: as it is, or one that takes any layout made for theirs.

    What is made has the same weights, not copies of them. Clips with another number of coordinates
    stay another thing: nothing was learnt from such.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders import ENCODERS
        >>> from skelf.layouts import COCO17
        >>> encoder = ENCODERS["byname"](COCO17, dim=4, layers=1, frames=8, persons=1)
        >>> suited(encoder, generate(clips=12)).skeleton.name
        'kinect20'
    """
    if not isinstance(encoder, AnyLayout) or not encoder.any_layout:
        return encoder
    here = clips.skeleton, clips.channels, clips.confidence
    fits = here == (encoder.skeleton, encoder.in_channels, encoder.confidence)
    return encoder if fits or clips.coordinates != encoder.coordinates else encoder.on(*here)


def normalized(clips: ClipSet, name: str) -> ClipSet:
    """The clips with the normalisation that a model has.

    Raises:
        InputError: they were opened with another one, or it does not suit them.
    """
    check(name, clips.skeleton, clips.coordinates)
    if same(clips.normalize, name):
        return clips
    if not same(clips.normalize, "none"):
        raise InputError(
            f"{clips}: opened with normalize={clips.normalize!r}, and the model takes {name!r}: "
            "open them without a normalisation, or with that one"
        )
    return replace(clips, normalize=name)


def same_layout(wanted: Skeleton, clips: ClipSet) -> None:
    """Refuses clips of other joints: an encoder would take a hand for a head without a word."""
    here = clips.skeleton
    joints, others = (list(zip(_folded(s), s.parents, strict=True)) for s in (here, wanted))
    if joints == others:
        return
    named = here.name if here.name != wanted.name else f"another {here.name!r}"
    what = f"{here.joints} joints ({named}), the encoder takes {wanted.joints} ({wanted.name})"
    if here.joints == wanted.joints:
        at = next(joint for joint in range(here.joints) if joints[joint] != others[joint])
        what += f"; joint {at} is {_joint(here, at)} and the encoder's {_joint(wanted, at)}"
    raise InputError(
        f"{clips}: {what}: use clips of that layout, bring these into it by `skelf data map "
        "STORE --layout NAME|FILE.toml --out MAPPED.h5`, or import them again with --layout"
    )


def _folded(skeleton: Skeleton) -> list[str]:
    return [name.casefold() for name in skeleton.names]


def _joint(skeleton: Skeleton, joint: int) -> str:
    parent = skeleton.parents[joint]
    below = f"below {skeleton.names[parent]!r}" if parent >= 0 else "the root"
    return f"{skeleton.names[joint]!r} ({below})"


def labelled(clips: ClipSet, split: str) -> ClipSet:
    """The labelled clips of the side of a split that is called `split`; InputError without any."""
    with_label = np.flatnonzero(clips.label >= 0)
    if len(with_label) == 0:
        raise InputError(
            f"{clips}: the {split} split holds no labelled clips ({len(clips)} clips in all): "
            "choose another split or import the labels"
        )
    # Taking all of them would change the digest and with it the cache's name, for nothing.
    return clips if len(with_label) == len(clips) else clips.take(with_label)
