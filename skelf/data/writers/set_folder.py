"""A set as a folder of one file for each clip, with tables of what the files cannot hold."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from ...files import write_json, write_text
from ...folders import EXPORTED
from ..clips import ClipSet
from . import plain_csv
from .file_names import file_name
from .person import Notes, persons_in

CLIPS, LABELS, SEGMENTS = "clips", "labels.csv", "segments.csv"
_FIELDS = ("subject", "camera", "setup")
WriteClip = Callable[..., Notes]
"""`write(clips, number, path)`, with `person=` for formats of one person."""


def write_set(
    clips: ClipSet,
    folder: Path,
    write: WriteClip,
    suffix: str,
    *,
    apart: bool,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Writes every clip of a set: `clips/NAME.bvh` and the like, `labels.csv`, `segments.csv`.

    Both tables are those that `data import ... labels= segments=` takes. Splits have no place in
    them, which a warning says.

    Args:
        clips: the set.
        folder: an empty one.
        write: writes one clip.
        suffix: of the files.
        apart: each person is a file of its own; of clips of several as NAME_p1, NAME_p2.
        progress: called with clips done and in all.

    Returns:
        How many files were written.
    """
    (folder / CLIPS).mkdir()
    taken: set[str] = set()
    notes: Notes = {}
    rows: list[tuple[int, str]] = []  # clip, file's stem
    for number, name in enumerate(clips.names):
        persons = persons_in(clips, number) if apart else [0]
        for person in persons:
            one = f"{name}_p{person + 1}" if len(persons) > 1 else name
            stem = file_name(one, taken)
            taken.add(stem)
            rows.append((number, stem))
            place = folder / CLIPS / f"{stem}{suffix}"
            whose = {"person": person} if apart else {}
            for note, value in write(clips, number, place, **whose).items():
                notes[note] = max(notes.get(note, 0.0), value)
        progress(number + 1, len(clips))
    if write is plain_csv.write_csv:
        write_text(folder / CLIPS / "mapping.toml", plain_csv.mapping(clips))
    write_text(folder / LABELS, _labels(clips, rows))
    if len(clips.segments):
        write_text(folder / SEGMENTS, _segments(clips, rows))
    if clips.splits:
        notes[f"splits ({', '.join(clips.splits)}) are not written; .npz and .pkl keep them"] = 0
    warn(clips, notes)
    write_json(folder / EXPORTED.mark, {"format": EXPORTED.format, "clips": len(clips)})
    return len(rows)


def warn(clips: ClipSet, notes: Notes) -> None:
    """One warning for each note."""
    for note, value in notes.items():
        warnings.warn(f"{clips}: {note.format(value)}", stacklevel=3)


def _labels(clips: ClipSet, rows: list[tuple[int, str]]) -> str:
    """What is known of the clips; a column of which nothing is known is left out."""
    columns = {key: getattr(clips, key) for key in _FIELDS} | dict(clips.columns)
    columns = {key: values for key, values in columns.items() if (values >= 0).any()}
    labelled = (clips.label >= 0).any()
    table = [["name", *(["label"] if labelled else []), *columns]]
    for number, stem in rows:
        label = int(clips.label[number])
        name = clips.class_names[label] if label >= 0 else ""
        numbers = [int(values[number]) for values in columns.values()]
        table.append([stem, *([name] if labelled else []), *map(str, numbers)])
    return _text(table)


def _segments(clips: ClipSet, rows: list[tuple[int, str]]) -> str:
    table = [["name", "start_frame", "end_frame", "label"]]
    for number, stem in rows:
        for _, start, end, label in clips.segments[clips.segments[:, 0] == number]:
            table.append([stem, str(start), str(end), clips.class_names[label]])
    return _text(table)


def _text(table: list[list[str]]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows(table)
    return out.getvalue()
