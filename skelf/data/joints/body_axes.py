"""The joints that say how a body stands, for normalisation; `words.py` has their names."""

from __future__ import annotations

from ...errors import InputError
from ...skeleton import Skeleton
from .words import HIPS, SHOULDERS, SPINES, THIGHS, plain


def spine(skeleton: Skeleton, step: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Joints at the lower and at the upper end of the axis that points up.

    The hip centre (else both hips, whose middle it is) and the next joint of the spine: 2s-AGCN's
    choice on NTU's 25 joints.

    Args:
        skeleton: the layout.
        step: the normalisation that asks, for the message.

    Raises:
        InputError: no joint has such a name.
    """
    lower, upper = _named(skeleton, HIPS), _named(skeleton, SPINES)
    if not lower:
        lower = _pair(skeleton, THIGHS)
    if not lower or not upper:
        raise _missing(skeleton, step, "spine", (*HIPS, *SPINES))
    return lower, upper


def shoulders(skeleton: Skeleton, step: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The left and the right shoulder: of the layout's left-right pairs the one so named.

    Raises:
        InputError: no pair has such a name.
    """
    pair = _pair(skeleton, SHOULDERS)
    if not pair:
        raise _missing(skeleton, step, "shoulders", SHOULDERS)
    return (pair[0],), (pair[1],)


def _named(skeleton: Skeleton, wanted: tuple[str, ...]) -> tuple[int, ...]:
    names = [plain(name) for name in skeleton.names]
    return next(((names.index(name),) for name in wanted if name in names), ())


def _pair(skeleton: Skeleton, wanted: tuple[str, ...]) -> tuple[int, ...]:
    for word in wanted:
        for pair in skeleton.pairs:
            if all(word in plain(skeleton.names[joint]) for joint in pair):
                return pair
    return ()


def _missing(skeleton: Skeleton, step: str, what: str, wanted: tuple[str, ...]) -> InputError:
    return InputError(
        f"normalisation {step!r}: layout {skeleton.name!r} has no joints named as the {what} "
        f"({', '.join(wanted)}; left and right ones in its pairs): name them in a layout file, or "
        "use another normalisation"
    )
