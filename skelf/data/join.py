"""Several sets as one: a pool for pretraining, or for comparing sets.

They have one joint layout, or get one of all their joints, in which those of each are known.

What the sets number for themselves is kept apart: subject 1 of one is not subject 1 of another,
unless somebody says so.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from ..errors import InputError
from . import check
from .clips import ClipSet, strings
from .frames import Frames
from .join_notes import notes
from .joints.union import spread, union
from .shards import linked

Classes = Literal["shared", "apart"]
Layouts = Literal["same", "union"]
NUMBERED = ("subject", "camera", "setup")


def joined(
    sets: Sequence[ClipSet],
    *,
    classes: Classes = "shared",
    same_subjects: bool = False,
    layouts: Layouts = "same",
    link: bool = False,
    scratch: str | Path | None = None,
) -> ClipSet:
    """All clips of several sets, in their order; frames go through in blocks, or stay.

    Numbers of subjects, cameras and setups are moved up, each set's above those of the sets before
    (the attribute `numbers_from` has what was added); further columns keep theirs, and are -1 in a
    set that lacks them. The column `set` counts the sets, which the attribute `sets` names. A
    clip's name gets its set's before it where another set has that name too. A split stays where
    every set has one of that name. Segments and frame rates stay with their clips. What a person
    should know is given out as warnings.

    Args:
        sets: two or more, of equal channels, and of one layout unless `layouts` says otherwise.
        classes: shared: classes of one name are one class. apart: those of different sets never
            are; where a name comes twice the set's stands before it, as "msr/walk".
        same_subjects: the sets show the same people: subject 1 of one is subject 1 of the others.
        layouts: same: the sets' own, which must be one. union: all joints that any set has; the
            pool gets a confidence, which is 0 for a joint that its set lacks, see
            `joints/union.py`.
        link: the joints stay in the sets' stores, which become the shards of the pool.
        scratch: the folder where the frames wait; None: the system's folder for temporary files.

    Raises:
        InputError: fewer than two sets, other joints or channels, an unknown rule, or a link to
            joints that are in no store, as those of a union of layouts.
    """
    if classes not in get_args(Classes):
        raise InputError(f"classes: {classes!r}; use shared or apart")
    if layouts not in get_args(Layouts):
        raise InputError(f"layouts: {layouts!r}; use same or union")
    if len(sets) < 2:
        raise InputError("a pool needs two sets or more; name further stores")
    if layouts == "union":
        if link:
            raise InputError("a union of layouts has joints of its own: write it into one file")
        sets = _in_union(sets, scratch)
    for other in sets[1:]:
        _refuse_other(sets[0], other)
    for note in [*notes(sets, titles(sets)), *_subjects_told(sets, same_subjects)]:
        warnings.warn(note, stacklevel=2)
    table = _table(sets, classes, same_subjects)
    if link:
        joints, start = linked(sets)
        length = np.concatenate([clips.length for clips in sets])
        pool = ClipSet(joints=joints, start=start, length=length, **table)
        check.table(pool)
        return pool
    return ClipSet.build(
        _pooled(sets, scratch), np.concatenate([clips.length for clips in sets]), **table
    )


def _pooled(sets: Sequence[ClipSet], scratch: str | Path | None) -> np.ndarray:
    """The frames of all clips, mapped."""
    persons = max(clips.persons for clips in sets)
    with Frames((persons, *sets[0].joints.shape[2:]), scratch) as frames:
        for clips in sets:
            room = ((0, 0), (0, persons - clips.persons), (0, 0), (0, 0))
            for _, block in clips.blocks():
                frames.add(np.pad(block, room) if persons > clips.persons else block)
        return frames.array()


def _table(
    sets: Sequence[ClipSet], classes: Classes, same_subjects: bool
) -> dict[str, Any]:  # Any: fields of a ClipSet, each of a type of its own
    """The pool but for its joints."""
    numbers, added = _numbered(sets, same_subjects)
    class_names, labels = _classes(sets, classes)
    parts = [name for clips in sets for name in _parts(clips)]
    return {
        "skeleton": sets[0].skeleton,
        "class_names": tuple(class_names),
        "name": _names(sets),
        "fps": np.concatenate([clips.fps for clips in sets]),
        "label": np.concatenate([labels[i][clips.label] for i, clips in enumerate(sets)]),
        **numbers,
        "splits": {
            key: np.concatenate([clips.splits[key] for clips in sets])
            for key in sets[0].splits
            if all(key in clips.splits for clips in sets)
        },
        "segments": _segments(sets, labels),
        "columns": _columns(sets),
        "attributes": {
            **_attributes(sets),
            "sets": json.dumps(_unique(parts), ensure_ascii=False),
            "numbers_from": json.dumps(added),
        },
    }


def titles(sets: Sequence[ClipSet]) -> list[str]:
    """A short name for each set: its file's or its title, numbered where two are equal.

    A pool that is joined again goes by its own name here; the sets in it keep theirs in `set`.
    """
    return _unique([_title(clips) for clips in sets])


def _title(clips: ClipSet) -> str:
    return clips.path.stem if clips.path else clips.attributes.get("title") or "set"


def _unique(names: Sequence[str]) -> list[str]:
    unique: list[str] = []
    for name in names:
        number, chosen = 1, name
        while chosen in unique:
            number += 1
            chosen = f"{name}-{number}"
        unique.append(chosen)
    return unique


def _in_union(sets: Sequence[ClipSet], scratch: str | Path | None) -> list[ClipSet]:
    """The sets in one layout of all their joints, by the names that they have here."""
    whole = union([clips.skeleton for clips in sets])
    return [
        replace(clips, attributes={**clips.attributes, "title": title})
        for title, clips in zip(
            titles(sets), (spread(clips, whole, scratch) for clips in sets), strict=True
        )
    ]


def _refuse_other(first: ClipSet, other: ClipSet) -> None:
    """Refuses clips whose joints are not those of the first set."""
    tables = [
        [(name.casefold(), parent) for name, parent in zip(s.names, s.parents, strict=True)]
        for s in (first.skeleton, other.skeleton)
    ]
    wanted, actual = first.skeleton, other.skeleton
    if tables[0] != tables[1]:
        raise InputError(
            f"{other}: its joints ({actual.joints}, {actual.name}) are not those of {first} "
            f"({wanted.joints}, {wanted.name}); bring them into one layout first: "
            f"skelf data map {other} --layout {wanted.name} --out mapped.h5; or, for an encoder "
            "that takes any (byname), join them with --layouts union"
        )
    if other.coordinates != first.coordinates:
        raise InputError(
            f"{other}: {other.coordinates} coordinates a joint, {first} has {first.coordinates}; "
            "join 2D sets with 2D sets and 3D with 3D, nothing converts them"
        )
    if other.confidence != first.confidence:
        has, lacks = (first, other) if first.confidence else (other, first)
        raise InputError(
            f"{other}: {has} has a confidence for each joint and {lacks} has none; import them "
            "alike, then join"
        )


def _subjects_told(sets: Sequence[ClipSet], same: bool) -> list[str]:
    """A sentence about people, where more than one set numbers its own."""
    people = [set(clips.subject[clips.subject >= 0].tolist()) for clips in sets]
    if sum(map(bool, people)) < 2:
        return []
    together = len(set().union(*people))
    if same:
        return [f"subjects keep their numbers: the sets share their {together} people"]
    listed = " + ".join(str(len(numbers)) for numbers in people)
    return [
        f"subjects are numbered apart: {listed} = {sum(map(len, people))} people; where the sets "
        f"show the same people ({together} by their numbers), join them with --same-subjects"
    ]


def _numbered(
    sets: Sequence[ClipSet], same_subjects: bool
) -> tuple[dict[str, np.ndarray], dict[str, list[int]]]:
    """The columns of `NUMBERED` moved apart, and what was added to each set's."""
    table, added = {}, {}
    for key in NUMBERED:
        columns = [getattr(clips, key) for clips in sets]
        rooms = [int(values.max(initial=-1)) + 1 for values in columns]
        shared = key == "subject" and same_subjects
        added[key] = [0 if shared else sum(rooms[:i]) for i in range(len(sets))]
        moved = zip(columns, added[key], strict=True)
        table[key] = np.concatenate([np.where(v >= 0, v + base, -1) for v, base in moved])
    return table, added


def _classes(sets: Sequence[ClipSet], rule: Classes) -> tuple[list[str], list[np.ndarray]]:
    """Names of all classes, and for each set the new label of each old one, the last for -1."""
    named = titles(sets)
    counted = Counter(name for clips in sets for name in set(clips.class_names))
    places: dict[str, int] = {}
    labels = []
    for title, clips in zip(named, sets, strict=True):
        class_names = list(clips.class_names)
        if rule == "apart":
            class_names = [f"{title}/{name}" if counted[name] > 1 else name for name in class_names]
        labels.append(
            np.array([*(places.setdefault(n, len(places)) for n in class_names), -1], np.int64)
        )
    return list(places), labels


def _names(sets: Sequence[ClipSet]) -> np.ndarray:
    counted = Counter(name for clips in sets for name in set(clips.names))
    names = []
    for title, clips in zip(titles(sets), sets, strict=True):
        names += [f"{title}/{name}" if counted[name] > 1 else name for name in clips.names]
    return strings(names)


def _segments(sets: Sequence[ClipSet], labels: Sequence[np.ndarray]) -> np.ndarray:
    parts, before = [], 0
    for clips, new in zip(sets, labels, strict=True):
        rows = clips.segments.copy()
        rows[:, 0] += before
        rows[:, 3] = new[rows[:, 3]]
        parts.append(rows)
        before += len(clips)
    return np.concatenate(parts)


def _columns(sets: Sequence[ClipSet]) -> dict[str, np.ndarray]:
    keys = dict.fromkeys(key for clips in sets for key in clips.columns)
    columns = {
        key: np.concatenate(
            [clips.columns.get(key, np.full(len(clips), -1)).astype(np.int64) for clips in sets]
        )
        for key in keys
    }
    counts, before = [], 0
    for clips in sets:
        parts = _parts(clips)
        numbers = clips.columns["set"] if len(parts) > 1 else np.zeros(len(clips), np.int64)
        counts.append(numbers + before)
        before += len(parts)
    return columns | {"set": np.concatenate(counts)}


def _parts(clips: ClipSet) -> list[str]:
    """The sets that a set was joined from; else itself alone."""
    try:
        named = json.loads(clips.attributes.get("sets", "[]"))
    except ValueError:
        named = []
    is_pool = "set" in clips.columns and isinstance(named, list) and len(named) > 1
    if is_pool and 0 <= clips.columns["set"].min() <= clips.columns["set"].max() < len(named):
        return [str(name) for name in named]
    return [_title(clips)]


def _attributes(sets: Sequence[ClipSet]) -> dict[str, str]:
    """Those that every set has alike as they are, others with the set's name before each."""
    merged = {}
    for key in dict.fromkeys(key for clips in sets for key in clips.attributes):
        values = [clips.attributes.get(key) for clips in sets]
        titled = zip(titles(sets), values, strict=True)
        listed = "; ".join(f"{title}: {value}" for title, value in titled if value)
        merged[key] = values[0] if len(set(values)) == 1 and values[0] is not None else listed
    if any(clips.attributes.get("synthetic") == "true" for clips in sets):
        merged["synthetic"] = "true"
    return merged | {"title": " + ".join(titles(sets))}
