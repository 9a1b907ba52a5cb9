"""Reader for a folder of plain CSV, a row a frame; a mapping file says what the columns are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...settings.options import option, options
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import members, naming
from ..formats.csv_mapping import CsvMapping
from ..formats.members import Member
from ..formats.text import MOST_BYTES, column, number, read_csv, read_text
from ..frames import Frames
from ..motion.axes import upright
from ..motion.missing import Missing, fill_clip
from ..pool import Progress


@options("csv")
class CsvFolder:
    """How a folder of CSV becomes clips."""

    mapping: str = option(
        "mapping.toml", "the mapping file, in the folder; its fields are those of `CsvMapping`"
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
    """CSV files of one form, one clip each.

    Empty cells, NaN, and zeros in all coordinates are joints that were not seen.

    Args:
        path: a folder (searched with its sub-folders and zips).
        layout: instead of the mapping's own.
        how: the options.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, line or field, and remedy.
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError(f"{path}: no such folder; name the folder of the CSV files")
    mapping = path / how.mapping
    form = CsvMapping.read(mapping, layout)
    files = naming.by_name(members.find(path, {".csv", ".tsv", ".txt"}), path)
    if not files:
        raise InputError(f"{path}: no .csv file in it")
    from_name = [_said(form, name, member, mapping) for name, member in files.items()]
    classes = form.classes or tuple(sorted({s["class"] for s in from_name if "class" in s}))
    unlisted = {s["class"] for s in from_name if "class" in s} - set(classes)
    if unlisted:
        raise InputError(
            f"{mapping}: classes: {sorted(unlisted)[0]!r} comes in a file name; add it"
        )
    length = []
    with Frames(
        (max(1, len(form.persons)), form.skeleton.joints, form.channels), scratch
    ) as frames:
        for done, member in enumerate(files.values(), 1):
            clip = _clip(member, form, how)
            frames.add(clip)
            length.append(len(clip))
            if progress:
                progress(done, len(files))
        joints = frames.array()
    columns = {
        word: np.array([int(s[word]) for s in from_name])
        for word in from_name[0]
        if word != "class"
    }
    clips = ClipSet.build(
        joints,
        length,
        form.skeleton,
        class_names=classes,
        name=list(files),
        fps=form.fps,
        label=[classes.index(s["class"]) if "class" in s else -1 for s in from_name],
        **{key: columns.pop(key, None) for key in naming.FIELDS},
        columns=columns,
        attributes={"title": path.name, "source": path.name}
        | ({"confidence": "true"} if form.confidence else {}),
        path=path,
    )
    return replace(clips, path=None)


def _said(form: CsvMapping, name: str, member: Member, mapping: Path) -> dict[str, str]:
    from_name = form.said(name + member.name.suffix)
    if from_name is None:
        raise InputError(
            f"{member}: its name does not fit clip = {form.clip!r} of {mapping}; rename the file, "
            "take it out, or mend the mapping"
        )
    return from_name


def _clip(member: Member, form: CsvMapping, how: CsvFolder) -> np.ndarray:
    """`(T, M, V, C)` of one file; NaN nowhere."""
    raw = _named(member, form) if form.columns else _plain(member, form)
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


def _named(member: Member, form: CsvMapping) -> np.ndarray:
    """`(T, M, V, C)` by the names of the columns; NaN for empty cells."""
    table = read_csv(member, form.delimiter)
    at: dict[str, int] = {}
    for i, cell in enumerate(table.header):
        if at.setdefault(cell, i) != i:
            raise InputError(f"{member}: column {cell!r} stands twice; rename one of them")
    persons = form.persons or ("",)
    axes = [*form.axes, *([form.confidence] if form.confidence else [])]
    values = np.empty((len(table.rows), len(persons), form.skeleton.joints, form.channels))
    for m, person in enumerate(persons):
        for v, joint in enumerate(form.words):
            for c, axis in enumerate(axes):
                name = form.columns.replace("{joint}", joint).replace("{axis}", axis)
                name = name.replace("{person}", person)
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
