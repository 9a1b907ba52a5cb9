"""Reader for a folder of plain CSV, a row a frame; a mapping file says what the columns are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...settings.ranges import Share
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..formats import members, naming
from ..formats.csv_mapping import CsvMapping
from ..formats.members import Member
from ..formats.text import MOST_BYTES, column, number, read_csv, read_text
from ..frames import Frames
from ..motion.axes import upright
from ..motion.missing import Missing, fill, refuse_rule
from ..pool import Progress

FIELDS = ("subject", "camera", "setup")


def read_csv_folder(
    path: str | Path,
    layout: str | Skeleton | None = None,
    *,
    mapping: str = "mapping.toml",
    missing: Missing = "linear",
    threshold: Share = 0.0,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """CSV files of one form, one clip each; empty cells are joints that were not seen.

    Args:
        path: a folder (searched with its sub-folders and zips).
        layout: instead of the mapping's own.
        mapping: the mapping file, in the folder; its fields are those of `CsvMapping`.
        missing: what stands for joints that were not seen, between a person's first and last
            frame: keep (zeros), hold, linear.
        threshold: joints below this confidence count as not seen.
        progress: called with files done and in all.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: the message names file, line or field, and remedy.
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError(f"{path}: no such folder; name the folder of the CSV files")
    refuse_rule(missing)
    if not 0 <= threshold <= 1:
        raise InputError(f"threshold: {threshold}; use 0 to 1")
    how = CsvMapping.read(path / mapping, layout)
    files = naming.by_name(members.find(path, {".csv", ".tsv", ".txt"}), path)
    if not files:
        raise InputError(f"{path}: no .csv file in it")
    from_name = [_said(how, name, member, path / mapping) for name, member in files.items()]
    classes = how.classes or tuple(sorted({s["class"] for s in from_name if "class" in s}))
    unlisted = {s["class"] for s in from_name if "class" in s} - set(classes)
    if unlisted:
        raise InputError(
            f"{path / mapping}: classes: {sorted(unlisted)[0]!r} comes in a file name; add it"
        )
    length = []
    with Frames((max(1, len(how.persons)), how.skeleton.joints, how.channels), scratch) as frames:
        for done, member in enumerate(files.values(), 1):
            clip = _clip(member, how, missing, threshold)
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
        how.skeleton,
        class_names=classes,
        name=list(files),
        fps=how.fps,
        label=[classes.index(s["class"]) if "class" in s else -1 for s in from_name],
        **{key: columns.pop(key, None) for key in FIELDS},
        columns=columns,
        attributes={"title": path.name, "source": path.name}
        | ({"confidence": "true"} if how.confidence else {}),
        path=path,
    )
    return replace(clips, path=None)


def _said(how: CsvMapping, name: str, member: Member, mapping: Path) -> dict[str, str]:
    from_name = how.said(name + member.name.suffix)
    if from_name is None:
        raise InputError(
            f"{member}: its name does not fit clip = {how.clip!r} of {mapping}; rename the file, "
            "take it out, or mend the mapping"
        )
    return from_name


def _clip(member: Member, how: CsvMapping, missing: Missing, threshold: float) -> np.ndarray:
    """`(T, M, V, C)` of one file; NaN nowhere."""
    raw = _named(member, how) if how.columns else _plain(member, how)
    axes = len(how.axes)
    seen = ~np.isnan(raw[..., :axes]).any(axis=3)
    if how.confidence:
        sure = np.where(seen, raw[..., axes], 0)
        if (wrong := np.isnan(sure) | (sure < 0) | (sure > 1)).any():
            at = [int(i) for i in np.argwhere(wrong)[0]]
            raise InputError(
                f"{member}: frame {at[0]}: {how.skeleton.names[at[2]]}: confidence "
                f"{sure[tuple(at)]:g}; it must lie between 0 and 1"
            )
        seen &= (sure > 0) & (sure >= threshold)
    clip = np.zeros(raw.shape)
    for person in range(raw.shape[1]):
        present = np.flatnonzero(seen[:, person].any(axis=1))
        if len(present):
            span = slice(present[0], present[-1] + 1)
            places = upright(raw[span, person, :, :axes], how.up) * how.scale
            clip[span, person, :, :axes] = fill(places, seen[span, person], missing)
    if how.confidence:
        clip[..., axes] = np.where(seen, sure, 0)
    return clip


def _named(member: Member, how: CsvMapping) -> np.ndarray:
    """`(T, M, V, C)` by the names of the columns; NaN for empty cells."""
    table = read_csv(member, how.delimiter)
    at: dict[str, int] = {}
    for i, cell in enumerate(table.header):
        if at.setdefault(cell, i) != i:
            raise InputError(f"{member}: column {cell!r} stands twice; rename one of them")
    persons = how.persons or ("",)
    axes = [*how.axes, *([how.confidence] if how.confidence else [])]
    values = np.empty((len(table.rows), len(persons), how.skeleton.joints, how.channels))
    for m, person in enumerate(persons):
        for v, joint in enumerate(how.words):
            for c, axis in enumerate(axes):
                name = how.columns.replace("{joint}", joint).replace("{axis}", axis)
                name = name.replace("{person}", person)
                if name not in at:
                    raise InputError(
                        f"{member}: column {name!r} is missing (there are "
                        f"{', '.join(table.header[:6])[:200]}, ...); mend the mapping's columns, "
                        "axes or joints"
                    )
                values[:, m, v, c] = column(table, at[name])
    return values


def _plain(member: Member, how: CsvMapping) -> np.ndarray:
    """The same of a file without header: person by person, joint by joint."""
    shape = (max(1, len(how.persons)), how.skeleton.joints, how.channels)
    width = how.skip + int(np.prod(shape))
    lines = read_text(member, MOST_BYTES).splitlines()
    rows = []
    for i, line in enumerate(lines, 1):
        if line.strip():
            cells = line.split() if how.delimiter == " " else line.split(how.delimiter)
            if len(cells) != width:
                raise InputError(
                    f"{member}: line {i}: {len(cells)} cells, expected {width} (skip {how.skip}, "
                    f"{shape[0]} persons, {shape[1]} joints, {shape[2]} numbers each)"
                )
            where = f"{member}: line {i}"
            rows.append([number(cell, where) for cell in cells[how.skip :]])
    return np.array(rows).reshape(-1, *shape)
