"""Which layout a file's joints are: by their names, else by their number and where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...joints.aliases import meanings
from ...joints.words import plain
from ...layouts import COCO17, H36M17, HALPE26, LAYOUTS
from ...layouts import layout as named_layout
from ...skeleton import Skeleton
from .whole_body import WHOLE

# What MMPose calls Human3.6M's joints.
_H36M = (
    "root", "right_hip", "right_knee", "right_foot", "left_hip", "left_knee", "left_foot",
    "spine", "thorax", "neck_base", "head", "left_shoulder", "left_elbow", "left_wrist",
    "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip


class Order(NamedTuple):
    """A layout, and where each of its joints stands in the file; notes for the user."""

    skeleton: Skeleton
    places: tuple[int, ...]
    note: str = ""


def order_of(
    layout: str | Skeleton | None, names: Sequence[str], poses: np.ndarray, where: str
) -> Order:
    """The layout of a file's joints.

    Args:
        layout: the one that the user named.
        names: of the file's joints; empty: it has none.
        poses: `(N, V, C + 1)`, some of the file's, C two or three.
        where: for messages.

    Raises:
        InputError: no built-in layout has these joints, or the named one does not fit.
    """
    count = poses.shape[1]
    if names and len(names) != count:
        raise InputError(f"{where}: {count} joints, meta_info names {len(names)}; mend the file")
    if layout is not None:
        wanted = named_layout(layout) if isinstance(layout, str) else layout
        found = _by_names(wanted, names) or _by_number(wanted, count)
        if found:
            return found
        raise InputError(
            f"{where}: {count} joints{_listed(names)}, the layout {wanted.name!r} has "
            f"{wanted.joints}; name the layout of this data (--layout NAME or FILE.toml)"
        )
    if names:
        if tuple(map(plain, names)) == tuple(map(plain, _H36M)):
            return Order(H36M17, tuple(range(17)))
        for same in (False, True):
            for skeleton in LAYOUTS.values():
                order = _by_names(skeleton, names, by_meaning=same)
                if order and skeleton.joints == count and _may_be(skeleton):
                    return order
        body = _by_number(named_layout(WHOLE[count].body), count) if count in WHOLE else None
        if body and _by_names(body.skeleton, names[: body.skeleton.joints]):
            return body
        raise InputError(
            f"{where}: no built-in layout has these {count} joints{_listed(names)}; describe them "
            "in a TOML file and name it with --layout"
        )
    return _unnamed(poses, where)


def _may_be(skeleton: Skeleton) -> bool:
    """Whole bodies are read by their bodies' joints, unless asked for."""
    return skeleton.joints not in WHOLE


def _unnamed(poses: np.ndarray, where: str) -> Order:
    count = poses.shape[1]
    if count in WHOLE:
        body = _by_number(named_layout(WHOLE[count].body), count)
        assert body is not None
        return body
    if count == 17 and poses.shape[2] == 4 and _hip_is_first(poses):
        return Order(H36M17, tuple(range(17)))
    known: dict[int, Skeleton] = {17: COCO17, 26: HALPE26}
    if count == 16:
        known[16] = named_layout("mpii16")
    if count in known:
        return Order(known[count], tuple(range(count)))
    raise InputError(
        f"{where}: {count} joints without names; name the layout of this data (--layout NAME or "
        "FILE.toml)"
    )


def _hip_is_first(poses: np.ndarray) -> bool:
    """Whether joint 0 lies amid joints 1 and 4, as Human3.6M's hip amid both hips."""
    points = poses[..., :-1]
    amid = np.linalg.norm(points[:, 0] - (points[:, 1] + points[:, 4]) / 2, axis=-1)
    apart = np.linalg.norm(points[:, 1] - points[:, 4], axis=-1)
    return bool(np.nanmedian(amid) < 0.25 * np.nanmedian(apart))


def _by_number(skeleton: Skeleton, count: int) -> Order | None:
    if count == skeleton.joints:
        return Order(skeleton, tuple(range(count)))
    whole = WHOLE.get(count)
    if whole is None or skeleton.name != whole.body:
        return None
    note = f"of {count} joints the first {whole.joints}, the body's, are read"
    if whole.name:
        note += f"; --layout {whole.name} reads hands and face too"
    return Order(skeleton, tuple(range(whole.joints)), note)


def _by_names(
    skeleton: Skeleton, names: Sequence[str], *, by_meaning: bool = False
) -> Order | None:
    """The layout's joints by their spelling, or by what their names mean."""
    if not names:
        return None
    if by_meaning:
        mine: list[object] = [m[:2] for m in meanings(skeleton.names)]
        theirs: list[object] = [m[:2] for m in meanings(names)]
    else:
        mine, theirs = [*map(plain, skeleton.names)], [*map(plain, names)]
    if not set(mine) <= set(theirs) or len(set(mine)) < len(mine):
        return None
    if len(set(theirs)) < len(theirs):
        return None
    return Order(skeleton, tuple(theirs.index(name) for name in mine))


def _listed(names: Sequence[str]) -> str:
    return f" ({', '.join(names[:6])}, ...)" if names else ""
