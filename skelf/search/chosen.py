"""Which windows may be found: filters by subject, camera, setup, class and recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import InputError, unknown
from .opened import Opened

NUMBERS = ("subject", "camera", "setup")
KEYS = (*NUMBERS, "label", "recording")
Where = Mapping[str, Sequence[str | int]]


def parse(words: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """`["subject=3,4", "label=wave"]` -> which values each column may have, and other words.

    Raises:
        InputError: a word without `=`.
    """
    where: dict[str, list[str]] = {}
    others: list[str] = []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not text:
            raise InputError(f"{word!r}: write a filter as subject=3, camera=0,1 or label=NAME")
        if key in KEYS:  # a class or a recording may have a comma in its name
            where.setdefault(key, []).extend(text.split(",") if key in NUMBERS else [text])
        else:
            others.append(word)
    return where, others


def allowed(where: Where, opened: Opened, classes: Sequence[str]) -> np.ndarray | None:
    """Which windows fulfil all filters, `(W,)`; None: all do, as there is no filter.

    Args:
        where: column -> the values that it may have; of `label` and `recording` names.
        opened: the index's tables.
        classes: names of classes.

    Raises:
        InputError: a column that is none, or a value that no window has.
    """
    if not where:
        return None
    mask = np.ones(len(opened), bool)
    for key, values in where.items():
        if key not in KEYS:
            raise unknown("filter", key, KEYS)
        mask &= _of_one(key, values, opened, classes)
    if not mask.any():
        told = " ".join(f"{key}={','.join(map(str, values))}" for key, values in where.items())
        raise InputError(f"{told}: no window of the index is so; leave a filter out")
    return mask


def _of_one(
    key: str, values: Sequence[str | int], opened: Opened, classes: Sequence[str]
) -> np.ndarray:
    """Which windows fulfil one filter, `(W,)`."""
    if key == "recording":
        names = {str(value) for value in values}
        return opened.mask_of(lambda some: np.array([one in names for one in some.name], bool))
    if key == "label":
        known = {name: number for number, name in enumerate(classes)}
    else:
        there = (np.unique(getattr(part.recordings, key)).tolist() for part in opened.parts)
        known = {str(number): number for number in sorted(set().union(*there))}
    chosen = [_look_up(key, str(value), known) for value in values]
    if key == "label":
        return opened.mask(lambda some: np.isin(some.label, chosen))
    return opened.mask_of(lambda some: np.isin(getattr(some, key), chosen))


def _look_up(key: str, value: str, known: Mapping[str, int]) -> int:
    if value not in known:
        raise unknown(key, value, known)
    return known[value]
