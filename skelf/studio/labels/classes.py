"""The actions of a person on classes and on whole recordings; see `actions`."""

from __future__ import annotations

from dataclasses import replace

from ...errors import InputError, unknown
from .actions import put
from .edit import Edit
from .segment import class_name
from .state import Labels


def add_class(labels: Labels, name: str) -> Edit:
    """A class without segments; an empty edit where it is there already.

    Raises:
        InputError: no name of a class.
    """
    name = class_name(name)
    if name in labels.classes:
        return Edit("add class")
    return Edit("add class", classes=(labels.classes, (*labels.classes, name)))


def remove_class(labels: Labels, name: str) -> Edit:
    """Takes a class away with its segments.

    Raises:
        InputError: there is no such class.
    """
    _refuse_unknown(labels, name)
    classes = tuple(other for other in labels.classes if other != name)
    gone = tuple(segment for segment in labels if segment.label == name)
    return Edit("remove class", gone, (), (labels.classes, classes))


def rename_class(labels: Labels, old: str, new: str) -> Edit:
    """Another name for a class, in all recordings; it keeps its place.

    Raises:
        InputError: there is no such class, or one of the new name, which merging would take.
    """
    _refuse_unknown(labels, old)
    new = class_name(new)
    if new == old:
        return Edit("rename class")
    if new in labels.classes:
        raise InputError(f"class {new!r} is there already; merge {old!r} into it")
    classes = tuple(new if name == old else name for name in labels.classes)
    before = tuple(segment for segment in labels if segment.label == old)
    after = tuple(replace(segment, label=new) for segment in before)
    return Edit("rename class", before, after, (labels.classes, classes))


def merge_class(labels: Labels, gone: str, into: str) -> Edit:
    """One class of two, in all recordings; segments that overlap become one, see `laying`.

    Raises:
        InputError: there is no such class, or both are one.
    """
    _refuse_unknown(labels, gone)
    _refuse_unknown(labels, into)
    if gone == into:
        raise InputError(f"merge: {gone!r} with itself; choose another class")
    old = [segment for segment in labels if segment.label == gone]
    moved = put(labels, [replace(s, label=into) for s in old], gone=old)
    classes = tuple(name for name in labels.classes if name != gone)
    return Edit("merge class", moved.before, moved.after, (labels.classes, classes))


def finish(labels: Labels, recording: str, finished: bool = True) -> Edit:
    """Marks a recording: all that matters in it is labelled, the rest is background."""
    name = "finish" if finished else "reopen"
    if (recording in labels.finished) == finished:
        return Edit(name)
    return Edit(name, finished=(recording,))


def _refuse_unknown(labels: Labels, name: str) -> None:
    if name not in labels.classes:
        raise unknown("class", name, labels.classes)
