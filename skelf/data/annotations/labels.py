"""Labels, subjects and further numbers of clips from a table, whatever format the clips had."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from .. import check
from ..clips import ClipSet
from ..formats.csv_header import separators
from ..formats.landmark_columns import LABEL, VIDEO, place_of, plain
from ..formats.members import Member
from ..formats.text import read_csv
from .names import ClipNames, classes_with, listed

NAMES = ("name", *VIDEO, "path", "file_path", "id")
FIELDS = {
    "label": (*LABEL, "category", "gesture", "exercise"),
    "subject": ("subject", "subject_id", "participant", "patient", "person", "actor", "performer"),
    "camera": ("camera", "cam", "view"),
    "setup": ("setup",),
}
_WHOLE = re.compile(r"-?\d{1,18}(?:\.0*)?")
_YES_NO = {"yes": "1", "true": "1", "no": "0", "false": "0"}


def with_labels(clips: ClipSet, path: str | Path) -> ClipSet:
    """The clips with what a table says of them; clips without a row stay as they are.

    Words of `label` become classes, and so do numbers, unless the set has classes and these number
    them. Subjects, cameras and setups that are words are numbered, `P03` by its number where all
    are like it.
    Further columns of whole numbers become columns of the set, as do those of yes and no, or true
    and false, which are 1 and 0.

    Args:
        clips: of any format.
        path: a CSV with a header; `,`, `;` or tabs between cells.

    Raises:
        InputError: no column of names, two rows for one clip, or no row that names a clip.

    Examples:
        >>> from pathlib import Path
        >>> from skelf.data.synthetic.clips import generate
        >>> clips = generate(clips=12).take([0])
        >>> _ = Path("labels.csv").write_text(f"name,label\\n{clips.names[0]},fast\\n")
        >>> labelled = with_labels(clips, "labels.csv")
        >>> labelled.class_names[labelled.label[0]]
        'fast'
    """
    member = Member(Path(path))
    delimiter, _ = separators(member)
    table = read_csv(member, delimiter)
    header = [plain(cell) for cell in table.header]
    at = place_of(header, NAMES)
    if at is None:
        raise InputError(
            f"{path}: no column 'file' or 'name' (there are {', '.join(table.header[:6])[:200]}); "
            "the first line names the columns"
        )
    cells = [[row[i].strip() if i < len(row) else "" for i in range(len(header))]
             for row in table.rows]  # fmt: skip
    row_of = _rows(clips, [row[at] for row in cells], [f"{path}: line {n}" for n in table.lines])
    labelled = clips
    for key, words in FIELDS.items():
        column = place_of(header, words)
        if column is None or column == at:
            continue
        by_clip = {clip: cells[row][column] for clip, row in row_of.items() if cells[row][column]}
        if key == "label":
            labelled = _labelled(labelled, by_clip)
        else:
            values = getattr(labelled, key).copy()
            for clip, number in _numbered(by_clip, f"{path}: {key}").items():
                values[clip] = number
            labelled = replace(labelled, **{key: values})
        header[column] = ""
    header[at] = ""
    labelled = replace(
        labelled, columns=labelled.columns | _further(labelled, header, cells, row_of, path)
    )
    check.table(labelled)
    return labelled


def _rows(clips: ClipSet, names: Sequence[str], where: Sequence[str]) -> dict[int, int]:
    """Clip -> its row; notes about rows without a clip, and clips without a row."""
    index = ClipNames(clips.names)
    row_of: dict[int, int] = {}
    strange = []
    for row, name in enumerate(names):
        places = index.find(name, where[row])
        if not places:
            strange.append(name)
        for clip in places:
            if clip in row_of:
                raise InputError(
                    f"{where[row]}: {name!r}: clip {clips.names[clip]!r} has a row already; keep "
                    "one of them"
                )
            row_of[clip] = row
    path = where[0].rpartition(": line")[0]
    if not row_of:
        raise InputError(
            f"{path}: no row names a clip: the first is {names[0]!r}, clips are called "
            f"{listed(clips.names)}; write these names, or the files'"
        )
    if strange:
        warnings.warn(f"{path}: {len(strange)} rows name no clip: {listed(strange)}", stacklevel=4)
    bare = [name for clip, name in enumerate(clips.names) if clip not in row_of]
    if bare:
        warnings.warn(
            f"{path}: {len(bare)} of {len(clips)} clips have no row: {listed(bare)}", stacklevel=4
        )
    return row_of


def _labelled(clips: ClipSet, words: dict[int, str]) -> ClipSet:
    """The clips with their classes; a number is that of a class where the set has such classes."""
    count, names = len(clips.class_names), clips.class_names
    numbers = all(re.fullmatch(r"\d{1,9}", word) for word in words.values())
    if numbers and count and not set(words.values()) & set(names):
        wrong = [int(word) for word in words.values() if int(word) >= count]
        if not wrong:
            words = {clip: names[int(word)] for clip, word in words.items()}
    class_names, moved = classes_with(clips, words.values())
    label = moved[clips.label]
    for clip, word in words.items():
        label[clip] = class_names.index(word)
    segments = clips.segments.copy()
    segments[:, 3] = moved[segments[:, 3]]
    return replace(clips, label=label, class_names=class_names, segments=segments)


def _numbered(words: dict[int, str], where: str) -> dict[int, int]:
    """Whole numbers of cells; words by the number that all of them end in, else in their order."""
    if all(_WHOLE.fullmatch(word) for word in words.values()):
        return {clip: int(word.partition(".")[0]) for clip, word in words.items()}
    split = [re.fullmatch(r"(\D*?)(\d{1,18})", word) for word in words.values()]
    if all(split) and len({match[1] for match in split if match}) == 1:
        return {clip: int(match[2]) for clip, match in zip(words, split, strict=True) if match}
    different = sorted(set(words.values()))
    said = listed([f"{word} is {number}" for number, word in enumerate(different)])
    warnings.warn(f"{where}: words are numbered: {said}", stacklevel=4)
    return {clip: different.index(word) for clip, word in words.items()}


def _further(
    clips: ClipSet,
    header: Sequence[str],
    cells: Sequence[Sequence[str]],
    row_of: dict[int, int],
    path: str | Path,
) -> dict[str, np.ndarray]:
    """The other columns of whole numbers, or of yes and no, with a note about all others."""
    columns, left_out = {}, []
    for at, name in enumerate(header):
        key = re.sub(r"[^\w.-]", "_", name).lstrip(".-")
        by_clip = {clip: cells[row][at] for clip, row in row_of.items() if cells[row][at]}
        if all(word.casefold() in _YES_NO for word in by_clip.values()):
            by_clip = {clip: _YES_NO[word.casefold()] for clip, word in by_clip.items()}
        whole = all(_WHOLE.fullmatch(word) for word in by_clip.values())
        if not key or not by_clip:
            continue
        if not whole or key in check.TABLE or key in columns:
            left_out.append(name)
            continue
        values = clips.columns.get(key, np.full(len(clips), -1)).astype(np.int64)
        for clip, word in by_clip.items():
            values[clip] = int(word.partition(".")[0])
        columns[key] = values
    if left_out:
        warnings.warn(
            f"{path}: columns that are neither whole numbers nor yes and no are left out: "
            f"{listed(left_out)}",
            stacklevel=3,
        )
    return columns
