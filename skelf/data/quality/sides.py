"""Findings about classes, splits and copies: what a test score is worth."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..clips import ClipSet
from .finding import Finding

IMBALANCE = 10
"""Largest class over the smallest from which top-1 says little about the small ones; the field's
sets stay below 2."""
SIDES = {"train": 1, "test": 2}
# What the words of a split's name claim to keep apart.
CLAIMS = {
    "subject": {"sub", "subs", "subj", "subject", "subjects"},
    "camera": {"view", "views", "cam", "cams", "camera", "cameras"},
    "setup": {"set", "setup", "setups"},
}


def claim(name: str) -> str:
    """The column that a split says to separate, by its name; empty where it says nothing.

    >>> claim("xsub"), claim("cross_view"), claim("subset1")
    ('subject', 'camera', '')
    """
    words = re.split(r"[_.\-\d]+", name.lower())
    bare = {word.removeprefix("cross").removeprefix("x") for word in words}
    return next((column for column, claiming in CLAIMS.items() if bare & claiming), "")


def counts(clips: ClipSet, splits: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """`(classes,)` clips and segments of each class: "all", and "<split> train" and so on."""
    owner = np.concatenate([np.arange(len(clips)), clips.segments[:, 0]])
    label = np.concatenate([clips.label, clips.segments[:, 3]])
    owner, label = owner[label >= 0], label[label >= 0]
    size = len(clips.class_names)
    by_side = {"all": np.bincount(label, minlength=size)}
    for name, side in splits.items():
        for which, value in SIDES.items():
            by_side[f"{name} {which}"] = np.bincount(label[side[owner] == value], minlength=size)
    return by_side


# Any: a row of JSON, whose keys depend on the set's columns.
def describe(clips: ClipSet, name: str, side: np.ndarray) -> dict[str, Any]:
    """The sides of a split: clips, values of each column, and the columns that keep them apart."""
    row: dict[str, Any] = {"split": name}  # as returned
    apart = []
    for which, value in SIDES.items():
        row[which] = int((side == value).sum())
    for column, values in _columns(clips).items():
        present = {which: _known(values, side == value) for which, value in SIDES.items()}
        row |= {f"{which} {column}": numbers for which, numbers in present.items()}
        if all(present.values()) and not set(present["train"]) & set(present["test"]):
            apart.append(column)
    return row | {"separated by": apart}


def leaks(clips: ClipSet, splits: Mapping[str, np.ndarray]) -> list[Finding]:
    """Sides without clips, and values on both sides of a split that claims to keep them apart."""
    findings = []
    for name, side in splits.items():
        for which, value in SIDES.items():
            if not (side == value).any():
                what = f"split {name}: no {which} clips"
                remedy = "make the split anew (skelf data split)"
                findings.append(Finding("empty-side", "warning", what, np.zeros(0, int), remedy))
        column = claim(name)
        if not column:
            continue
        values = getattr(clips, column)
        train, test = (_known(values, side == value) for value in SIDES.values())
        if not train or not test:
            what = f"split {name} claims to part {column}s, but the {column} of clips is unknown"
            remedy = f"import the {column}s, or call the split otherwise"
            findings.append(Finding("unknown-claim", "note", what, np.zeros(0, int), remedy))
            continue
        both = sorted(set(train) & set(test))
        if both:
            wrong = np.flatnonzero((side == 2) & np.isin(values, both))
            what = f"split {name}: {column} {_some(both)} on both sides"
            remedy = "scores would be too high: make the split anew (skelf data split --by)"
            findings.append(Finding("leak", "warning", what, wrong, remedy))
    return findings


def balance(clips: ClipSet, splits: Mapping[str, np.ndarray]) -> list[Finding]:
    """Classes without clips, on one side only, or far smaller than others; labels left out."""
    findings: list[Finding] = []
    table = counts(clips, splits)
    every, nothing = table["all"], np.zeros(0, int)
    if not every.any():
        return findings
    unlabelled = clips.label < 0
    unlabelled[clips.segments[:, 0]] = False
    if unlabelled.any():
        what, remedy = (
            "clips without a label among labelled ones",
            "pretrain on them, or label them",
        )
        findings.append(Finding("unlabelled", "note", what, np.flatnonzero(unlabelled), remedy))
    if (every == 0).any():
        what = f"classes without clips: {_named(clips, every == 0)}"
        remedy = "leave them out of class_names, or import their clips"
        findings.append(Finding("unused-class", "note", what, nothing, remedy))
    used = every[every > 0]
    if used.max() > IMBALANCE * used.min():
        names = clips.class_names
        small = int(np.where(every > 0, every, every.max() + 1).argmin())
        what = f"unequal classes: {names[int(every.argmax())]} {used.max()}, {names[small]} "
        what += f"{used.min()}"
        remedy = "read scores by class, not top-1 alone"
        findings.append(Finding("imbalance", "note", what, nothing, remedy))
    for name in splits:
        train, test = (table[f"{name} {which}"] for which in SIDES)
        if (lone := (test > 0) & (train == 0)).any() and train.any():
            what = f"split {name}: classes that are tested but never trained: {_named(clips, lone)}"
            remedy = "wanted for novel actions only; else make the split anew"
            findings.append(Finding("untrained-class", "warning", what, nothing, remedy))
        if (lone := (train > 0) & (test == 0)).any() and test.any():
            what = f"split {name}: classes that are trained but never tested: {_named(clips, lone)}"
            remedy = "the score says nothing about them"
            findings.append(Finding("untested-class", "note", what, nothing, remedy))
    return findings


def duplicates(
    clips: ClipSet, digests: list[bytes], splits: Mapping[str, np.ndarray]
) -> list[Finding]:
    """Clips of equal content: copies, copies with another label, copies across a split."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for i, digest in enumerate(digests):
        if digest:
            groups[digest].append(i)
    same = [np.array(group) for group in groups.values() if len(group) > 1]
    if not same:
        return []
    every = np.concatenate(same)
    what = f"clips equal to another one, in {len(same)} group{'s' if len(same) > 1 else ''}"
    findings = [Finding("duplicate", "warning", what, every, "drop all but one of each")]
    contrary = [group for group in same if len(set(clips.label[group].tolist())) > 1]
    if contrary:
        what, remedy = "equal clips with different labels", "one of the labels is wrong"
        where = np.concatenate(contrary)
        findings.append(Finding("duplicate-label", "warning", what, where, remedy))
    for name, side in splits.items():
        across = [group for group in same if {1, 2} <= set(side[group].tolist())]
        if across:
            what = f"split {name}: test clips equal to a training one"
            remedy = "scores come out too high: leave them out of the test side"
            where = np.concatenate([group[side[group] == 2] for group in across])
            findings.append(Finding("duplicate-across", "warning", what, where, remedy))
    return findings


def _columns(clips: ClipSet) -> dict[str, np.ndarray]:
    standard = {key: getattr(clips, key) for key in CLAIMS}
    return {
        key: values for key, values in (standard | clips.columns).items() if (values >= 0).any()
    }


def _known(values: np.ndarray, chosen: np.ndarray) -> list[int]:
    numbers: list[int] = np.unique(values[chosen & (values >= 0)]).tolist()
    return numbers


def _named(clips: ClipSet, chosen: np.ndarray) -> str:
    return _some([clips.class_names[k] for k in np.flatnonzero(chosen)])


def _some(values: Sequence[object], most: int = 6) -> str:
    return ", ".join(map(str, values[:most])) + (
        f" and {len(values) - most} more" * (len(values) > most)
    )
