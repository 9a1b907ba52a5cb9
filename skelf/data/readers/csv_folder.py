"""Reader for plain CSV, a row a frame: one file, or a folder of them.

A mapping file says what the columns are. None is needed where the header of the first says it.
"""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import members, naming
from ..formats.csv_header import MOST_ABOVE, names_by
from ..formats.csv_mapping import CsvMapping
from ..formats.csv_rows import recordings
from ..formats.csv_template import template
from ..formats.members import Member
from ..formats.text import MOST_BYTES, Table, column, number, read_csv, read_text
from ..frames import Frames
from ..listing import Listing, Told
from ..motion.axes import upright
from ..motion.missing import Missing, fill_clip
from ..pool import Progress

SUFFIXES = {".csv", ".tsv", ".txt"}
MAPPING = "mapping.toml"


@options("csv")
class CsvFolder:
    """How CSV becomes clips."""

    mapping: str = option(
        MAPPING,
        "the mapping file, in the folder or beside the file; its fields are those of `CsvMapping`",
    )
    missing: Missing = option(
        "linear",
        "what stands for joints that were not seen, between a person's first and last frame: keep "
        "(zeros), hold, linear",
    )
    threshold: float = option(0.0, "joints below this confidence count as not seen", ge=0, le=1)


def read_csv_folder(
    path: str | Path,
    layout: str | Skeleton | None = None,
    how: CsvFolder = CsvFolder(),
    *,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """CSV files of one form; a file is one clip, or several where a column tells them apart.

    Empty cells, NaN, and zeros in all coordinates are joints that were not seen, and so are frames
    that a column of frames or times passes over.

    Args:
        path: a file, or a folder (searched with its sub-folders and zips). Without a mapping there
            the header of the first file says what the columns are, with a note.
        layout: instead of the mapping's own.
        how: the options.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, line or field, and remedy.
    """
    return list_csv_folder(path, layout, how).clips(progress=progress, scratch=scratch)


class _File(NamedTuple):
    """A file to read: its clip's name, and what that says by the mapping."""

    member: Member
    name: str
    said: dict[str, str]


def list_csv_folder(
    path: str | Path, layout: str | Skeleton | None = None, how: CsvFolder = CsvFolder()
) -> Listing:
    """What `read_csv_folder` reads, whose arguments these are.

    Raises:
        InputError: what it refuses before it reads.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; name a CSV file, or a folder of them")
    files = naming.by_name(members.find(path, SUFFIXES), path)
    mapping = (path if path.is_dir() else path.parent) / how.mapping
    form = _form(path, list(files.values()), mapping, how, layout)
    if not files:
        raise InputError(f"{path}: no .csv file in it")
    listed = [
        _File(member, name, _said(form, name, member, mapping)) for name, member in files.items()
    ]
    named = {file.said["class"] for file in listed if "class" in file.said}
    classes = form.classes or tuple(sorted(named))
    unlisted = named - set(classes)
    if unlisted:
        raise InputError(
            f"{mapping}: classes: {sorted(unlisted)[0]!r} comes in a file name; add it"
        )
    return Listing(path, listed, partial(_read, path=path, form=form, classes=classes, how=how))


def _read(
    files: Sequence[_File],
    /,
    *,
    path: Path,
    form: CsvMapping,
    classes: tuple[str, ...],
    how: CsvFolder,
    workers: int = 1,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
    told: Told | None = None,
) -> ClipSet:
    names, length, fps, of_file = [], [], [], []
    with Frames(
        (max(1, len(form.persons)), form.skeleton.joints, form.channels), scratch
    ) as frames:
        for done, (member, name, _) in enumerate(files):
            for part, rate, raw in _recordings(member, form):
                clip = _clip(member, raw, form, how)
                frames.add(clip)
                length.append(len(clip))
                names.append(f"{name}/{part}" if part else name)
                fps.append(rate)
                of_file.append(done)
            if progress:
                progress(done + 1, len(files))
        joints = frames.array()
    from_name = [file.said for file in files]
    columns = {
        word: np.array([int(from_name[file][word]) for file in of_file])
        for word in from_name[0]
        if word != "class"
    }
    labels = [classes.index(s["class"]) if "class" in s else -1 for s in from_name]
    clips = ClipSet.build(
        joints,
        length,
        form.skeleton,
        class_names=classes,
        name=names,
        fps=np.array(fps, np.float32),
        label=[labels[file] for file in of_file],
        **{key: columns.pop(key, None) for key in naming.FIELDS},
        columns=columns,
        attributes={"title": path.name, "source": path.name}
        | ({"confidence": "true"} if form.confidence else {}),
        path=path,
    )
    return replace(clips, path=None)


def _form(
    path: Path,
    files: list[Member],
    mapping: Path,
    how: CsvFolder,
    layout: str | Skeleton | None,
) -> CsvMapping:
    """The mapping that is there; without any, what the header of the first file says."""
    if mapping.exists() or how.mapping != MAPPING or not files:
        return CsvMapping.read(mapping, layout)
    text = template(files[0])
    if layout is None and "first" in tomllib.loads(text):
        raise InputError(
            f"{files[0]}: its joints are numbered, and nothing says which is which: name the "
            f"layout (--layout NAME; skelf list layouts), or write a mapping: skelf data template "
            f"{files[0]} > {mapping}"
        )
    form = CsvMapping.parse(text, path, layout)
    numbers = ", ".join([*form.axes, *([form.confidence] if form.confidence else [])])
    rows = [f"{key} by {name!r}" for key, name in (("recordings", form.recording),
            ("frames", form.frame), ("times", form.time)) if name]  # fmt: skip
    rate = [] if form.time else [f"{form.fps:g} frames a second"]
    facts = "; ".join(
        [
            f"{form.skeleton.joints} joints ({form.skeleton.name}), each {numbers}",
            *rows,
            *rate,
            f"{form.up} is up",
            f"scale {form.scale:g}",
        ]
    )
    whose = "beside it, so by its header"
    if path.is_dir():
        whose = f"in it, so by the header of {files[0]}"
    warnings.warn(
        f"{path}: no {MAPPING} {whose}: {facts}. To change that: "
        f"skelf data template {files[0]} > {mapping}",
        stacklevel=3,
    )
    return form


def _said(form: CsvMapping, name: str, member: Member, mapping: Path) -> dict[str, str]:
    from_name = form.said(name + member.name.suffix)
    if from_name is None:
        raise InputError(
            f"{member}: its name does not fit clip = {form.clip!r} of {mapping}; rename the file, "
            "take it out, or mend the mapping"
        )
    return from_name


def _recordings(member: Member, form: CsvMapping) -> list[tuple[str, float, np.ndarray]]:
    """Name (empty: the file's), frame rate and `(T, M, V, C)` of each recording in a file."""
    if not form.columns:
        return [("", form.fps, _plain(member, form))]
    table = _table(member, form)
    raw = _named(member, table, form)
    parts = []
    for part in recordings(table, form):
        whole = np.full((part.length, *raw.shape[1:]), np.nan)
        whole[part.frames] = raw[part.rows]
        parts.append((part.name, part.fps, whole))
    return parts


def _table(member: Member, form: CsvMapping) -> Table:
    """The table below its header, whose lines the mapping says, or the names of its columns."""
    lines = form.lines
    if lines is None:
        above = read_text(member, MOST_BYTES).splitlines()[:MOST_ABOVE]
        wanted = form.column(0, form.words[0], form.axes[0])
        lines, _ = names_by(above, form.delimiter, lambda names: wanted in names)
    return read_csv(member, form.delimiter, decimal=form.decimal, header=lines)


def _clip(member: Member, raw: np.ndarray, form: CsvMapping, how: CsvFolder) -> np.ndarray:
    """`(T, M, V, C)` of one recording; NaN nowhere."""
    axes = len(form.axes)
    # All coordinates 0 is how a missing joint is stored, so no other one may look like it.
    seen = ~np.isnan(raw[..., :axes]).any(axis=3) & raw[..., :axes].any(axis=3)
    if form.confidence:
        seen &= ~np.isnan(raw[..., axes])
        sure = np.where(seen, raw[..., axes], 0)
        if (wrong := (sure < 0) | (sure > 1)).any():
            at = [int(i) for i in np.argwhere(wrong)[0]]
            raise InputError(
                f"{member}: frame {at[0]}: {form.skeleton.names[at[2]]}: confidence "
                f"{sure[tuple(at)]:g}; it must lie between 0 and 1"
            )
        seen &= (sure > 0) & (sure >= how.threshold)
    clip = np.zeros(raw.shape)
    places = upright(raw[..., :axes], form.up) * form.scale
    clip[..., :axes] = fill_clip(places, seen, how.missing)
    if form.confidence:
        clip[..., axes] = np.where(seen, sure, 0)
    return clip


def _named(member: Member, table: Table, form: CsvMapping) -> np.ndarray:
    """`(T, M, V, C)` by the names of the columns; NaN for empty cells."""
    at: dict[str, int] = {}
    for i, cell in enumerate(table.header):
        if at.setdefault(cell, i) != i:
            raise InputError(f"{member}: column {cell!r} stands twice; rename one of them")
    persons = form.persons or ("",)
    axes = [*form.axes, *([form.confidence] if form.confidence else [])]
    values = np.empty((len(table.rows), len(persons), form.skeleton.joints, form.channels))
    for m in range(len(persons)):
        for v, joint in enumerate(form.words):
            for c, axis in enumerate(axes):
                name = form.column(m, joint, axis)
                if name not in at:
                    raise InputError(
                        f"{member}: column {name!r} is missing (there are "
                        f"{', '.join(table.header[:6])[:200]}, ...); mend the mapping's columns, "
                        "axes or joints"
                    )
                values[:, m, v, c] = column(table, at[name])
    return values


def _plain(member: Member, form: CsvMapping) -> np.ndarray:
    """The same of a file without header: person by person, joint by joint."""
    shape = (max(1, len(form.persons)), form.skeleton.joints, form.channels)
    width = form.skip + int(np.prod(shape))
    lines = read_text(member, MOST_BYTES).splitlines()
    rows = []
    for i, line in enumerate(lines, 1):
        if line.strip():
            cells = line.split() if form.delimiter == " " else line.split(form.delimiter)
            if len(cells) != width:
                raise InputError(
                    f"{member}: line {i}: {len(cells)} cells, expected {width} (skip {form.skip}, "
                    f"{shape[0]} persons, {shape[1]} joints, {shape[2]} numbers each)"
                )
            where = f"{member}: line {i}"
            rows.append([number(cell, where) for cell in cells[form.skip :]])
    return np.array(rows).reshape(-1, *shape)
