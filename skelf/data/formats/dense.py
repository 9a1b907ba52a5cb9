"""Dense arrays of clips: which dimension is which, and the frames of each clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import InputError
from ...skeleton import Skeleton

ORDERS = {
    3: ("TVC", "CTV"),
    4: ("TMVC", "NTVC", "MTVC", "NCTV", "CTVM"),
    5: ("NCTVM", "NTMVC", "NMTVC"),
}
"""Dimensions that occur, by their number: N clips, C coordinates, T frames, V joints, M persons."""
FEW, MANY = 6, 16  # persons that one sensor sees; more than that are none
_WHOLE = "NTMVC"


def order_of(
    shape: tuple[int, ...], skeleton: Skeleton, channels: tuple[int, ...], path: Path
) -> str:
    """The order of an array's dimensions, as "NTVC"; the first of `ORDERS` where none fits.

    Args:
        shape: of the array.
        skeleton: its joints.
        channels: numbers that a joint may have.
        path: for the message.

    Raises:
        InputError: several orders fit.
    """
    orders = ORDERS[len(shape)]
    fitting = [order for order in orders if _fits(order, shape, skeleton.joints, channels)]
    usual = len(shape) == 5 and shape[1] >= shape[4]  # the field's order; persons are few
    if usual or len(fitting) < 2:
        return fitting[0] if fitting else orders[0]
    question = ", or ".join(f"axes={order} ({_told(order, shape)})" for order in fitting)
    raise InputError(
        f"{path}: the array: {shape} can be read in {len(fitting)} ways; say which: {question}"
    )


def batch_of(array: np.ndarray, order: str, path: Path) -> np.ndarray:
    """The array as `(N, T, M, V, C)`, without a copy.

    Raises:
        InputError: an order of another number of dimensions.
    """
    if len(order) != array.ndim:
        raise InputError(
            f"{path}: axes={order} names {len(order)} dimensions, the array has {array.ndim}: "
            f"{array.shape}"
        )
    present = [letter for letter in _WHOLE if letter in order]
    batch = array.transpose([order.index(letter) for letter in present])
    for at, letter in enumerate(_WHOLE):
        if letter not in order:
            batch = np.expand_dims(batch, at)
    return batch


def _fits(order: str, shape: tuple[int, ...], joints: int, channels: tuple[int, ...]) -> bool:
    sizes = dict(zip(order, shape, strict=True))
    if sizes["V"] != joints or sizes["C"] not in channels:
        return False
    if order == "TMVC":  # persons stand where other orders have frames
        return sizes["M"] <= MANY
    if order == "NTVC":
        return sizes["T"] > FEW
    if order == "MTVC":
        return sizes["M"] == 2 and sizes["T"] > FEW
    if order in ("NTMVC", "NMTVC"):
        return sizes["M"] <= FEW and sizes["T"] > 1
    return sizes.get("M", 1) <= (2 if order == "CTVM" else MANY)


def _told(order: str, shape: tuple[int, ...]) -> str:
    words = {"N": "clips", "T": "frames", "M": "persons"}
    sizes = zip(order, shape, strict=True)
    return ", ".join(f"{size} {words[letter]}" for letter, size in sizes if letter in words)
