"""Who trains and who tests in PKU-MMD, from the split files that come with it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import InputError
from .members import Member
from .pkummd_text import NAMES, parse_split

MOST_BYTES = 1 << 20  # a split file has 20 kB
# Recordings of train and test; the cross-view counts of part I stand in no source that we have.
PUBLISHED = {(1, "xsub"): (944, 132), (2, "xsub"): (775, 234), (2, "xview"): (671, 338)}


def read_split(
    path: Path,
    name: str,
    file: str | Path | None,
    candidates: Sequence[Member],
    recordings: Mapping[str, Member],
) -> dict[str, int]:
    """Recording -> 1 train, 2 test; empty where there is no file of the split.

    Args:
        path: for messages.
        name: xsub or xview.
        file: the file that the user names; None: the one of `candidates` that fits.
        candidates: files whose names speak of a split.
        recordings: name -> file, of one part.

    Raises:
        InputError: files that contradict each other, or name none of the recordings.
    """
    word = {"xsub": "subject", "xview": "view"}[name]
    chosen = [Member(Path(file))] if file is not None else []
    chosen = chosen or [member for member in candidates if word in member.name.name.lower()]
    fitting = []
    for member in chosen:
        sides = parse_split(member.read(MOST_BYTES), str(member), recordings)
        if set(sides) & set(recordings) and sides not in fitting:
            fitting.append(sides)
    if len(fitting) > 1:
        raise InputError(f"{path}: {len(chosen)} cross-{word} files differ; give {name}=FILE")
    if not fitting and file is not None:
        raise InputError(f"{name}: {file}: names no recording of this part; give another file")
    if not fitting:
        warnings.warn(
            f"{path}: no cross-{word} file of this part, so no split {name}; give {name}=FILE",
            stacklevel=3,
        )
        return {}
    _compare(path, name, fitting[0], recordings)
    return fitting[0]


def _compare(
    path: Path, name: str, sides: dict[str, int], recordings: Mapping[str, Member]
) -> None:
    """Says what is unlike the published split."""
    part = 1 if NAMES[1].fullmatch(next(iter(recordings))) else 2
    here = [sides.get(stem, 0) for stem in recordings]
    counts, published = (here.count(1), here.count(2)), PUBLISHED.get((part, name))
    if published and counts != published:
        warnings.warn(
            f"{path}: {name} has {counts[0]} of {published[0]} train and {counts[1]} of "
            f"{published[1]} test recordings: a part of the set, or an incomplete download",
            stacklevel=4,
        )
    if here.count(0):
        warnings.warn(
            f"{path}: {name}: {here.count(0)} recordings stand on neither side", stacklevel=4
        )
