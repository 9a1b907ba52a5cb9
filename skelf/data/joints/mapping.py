"""Clips of one joint layout in another one: which joint becomes which, by their names.

So sets of several layouts make one pool for pretraining, and an encoder is judged on clips of
another layout than its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...layouts import layout as named_layout
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..frames import Frames
from .origins import GUESSES, Origin, Rule, origins

SAMPLES = 64  # frames that lengths are measured in


def mapped(
    clips: ClipSet,
    skeleton: Skeleton | str,
    *,
    missing: Rule = "interpolate",
    joints: Mapping[str, str] | None = None,
    guess: bool = False,
    scratch: str | Path | None = None,
) -> ClipSet:
    """The clips in another joint layout; table, splits, segments and classes stay.

    A person who is absent stays absent. A joint that is made of several ones is missing (zero)
    where one of them is; its confidence is the lowest of theirs. Joints that the target lacks are
    dropped. Coordinates are not converted: 2D clips stay 2D, metres stay metres.

    Args:
        clips: the set; read and written in blocks, so it may be larger than the memory.
        skeleton: the layout that is wanted, or its name or TOML file.
        missing: see `origins`.
        joints: see `origins`.
        guess: see `origins`.
        scratch: the folder where the new frames wait, as many bytes as the new store; None: the
            system's folder for temporary files.

    Raises:
        InputError: see `origins`.
    """
    target = named_layout(skeleton) if isinstance(skeleton, str) else skeleton
    source = clips.skeleton
    try:
        plan = origins(source, target, missing=missing, joints=joints, guess=guess)
    except InputError as error:
        raise InputError(f"{clips}: {error}") from None
    standing = at_origin(clips)
    for joint in standing:
        warnings.warn(
            f"joint {source.names[joint]!r} is at the origin in every frame: taken for a place, "
            "not for missing",
            stacklevel=2,
        )
    with Frames((clips.persons, target.joints, clips.channels), scratch) as frames:
        for _, block in clips.blocks():
            frames.add(apply(plan, block, clips.confidence, standing))
        mapped_joints = frames.array()
    filled = [
        f"{origin.how}: {origin.joint}" for origin in plan if origin.how in (*GUESSES, "missing")
    ]
    notes = {
        "mapped_from": f"{source.name} ({source.joints} joints)",
        "mapped_filled": "; ".join(filled),
    }
    if "mapped_from" in clips.attributes:
        notes["mapped_from"] += f", before that {clips.attributes['mapped_from']}"
    return replace(
        clips,
        joints=mapped_joints,
        start=np.cumsum(clips.length) - clips.length,
        skeleton=target,
        attributes={**clips.attributes, **notes},
        path=None,
    )


def apply(
    plan: tuple[Origin, ...],
    frames: np.ndarray,
    confidence: bool = False,
    standing: tuple[int, ...] = (),
) -> np.ndarray:
    """Frames in the target's layout.

    Args:
        plan: by `origins`.
        frames: `(F, M, V, C)`.
        confidence: the last channel is one.
        standing: joints of the source that are at the origin and yet not missing.

    Returns:
        `(F, M, V', C)` float32; joints that come from one joint keep its bits.
    """
    # Whole rows at once for joints that are only moved; the first stands in for others till then.
    order = [next(iter(origin.weights), 0) for origin in plan]
    target = np.take(frames, order, axis=2).astype(np.float32, copy=False)
    target[:, :, [joint for joint, origin in enumerate(plan) if not origin.weights]] = 0
    for joint, origin in enumerate(plan):
        sources = list(origin.weights)
        if len(sources) < 2:
            continue
        taken = frames[:, :, sources]
        mixed = np.einsum("fmsc,s->fmc", taken, np.array(list(origin.weights.values()), np.float32))
        if confidence:
            mixed[..., -1] = taken[..., -1].min(axis=-1)
        there = (taken != 0).any(axis=-1)  # a joint at the origin with a confidence is there
        for at in set(sources) & set(standing):
            there[..., sources.index(at)] = (frames != 0).any(axis=(2, 3))
        target[:, :, joint] = np.where(there.all(axis=-1)[..., None], mixed, 0)
    return target


def lengths(plan: tuple[Origin, ...], clips: ClipSet, target: Skeleton) -> list[float]:
    """How far each joint that lies between others is from the nearer neighbour; NaN for the rest.

    The median over frames, in the set's unit. Where a joint stands for another one nothing tells
    how far the true one is.
    """
    some = np.linspace(0, clips.frames_total - 1, min(SAMPLES, clips.frames_total)).astype(int)
    frames = apply(plan, np.asarray(clips.joints[np.unique(some)]), clips.confidence)
    frames = frames[..., : clips.coordinates]
    there = (frames != 0).any(axis=-1)  # (F, M, V)
    away = []
    for joint, origin in enumerate(plan):
        around = [a + b - joint for a, b in target.edges if joint in (a, b)]
        steps = [
            np.linalg.norm(frames[:, :, joint] - frames[:, :, other], axis=-1)[
                there[:, :, joint] & there[:, :, other]
            ]
            for other in around
            if origin.how in ("between", "amid")
        ]
        away.append(min((float(np.median(s)) for s in steps if s.size), default=float("nan")))
    return away


def at_origin(clips: ClipSet) -> tuple[int, ...]:
    """The root or centre joint of a set whose bodies are all centred on it: there zero is a place.

    It is 0 in every frame while each of its neighbours is somewhere. Sets with a confidence need
    no such guess.
    """
    if clips.confidence:
        return ()
    source, standing = clips.skeleton, []
    for joint in sorted({source.root, source.centre}):
        around = [child for child, parent in source.edges if parent == joint]
        around += [source.parents[joint]] if joint != source.root else []
        ever = np.zeros(len(around), bool)
        for _, block in clips.blocks():
            if block[:, :, joint].any():
                break
            ever |= (block[:, :, around] != 0).any(axis=(0, 1, 3))
        else:
            standing += [joint] if ever.all() else []
    return tuple(standing)
