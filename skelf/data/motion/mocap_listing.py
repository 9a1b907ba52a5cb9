"""Motion capture read by parts: the files of a listing, each with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...layouts import layout as named_layout
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..listing import Listing, Read, Told
from ..pool import Progress
from .mocap import Load, Mocap, begun, collect, people_in, selection_of
from .recorded import Selection

Row = dict[str, Any]  # as the columns are
"""What the columns say of one file; or columns, of all files."""
_SHARED = "class_names"  # the column that is of all files
_MORE = "columns"  # those of whole numbers, by name


def listing(
    path: Path,
    files: Sequence[Path],
    load: Load,
    layout: str | Skeleton | None,
    how: Mocap,
    *,
    columns: Mapping[str, Any],  # arguments of `ClipSet.build`
) -> Listing:
    """What `collect` reads: all of it, or a part; `load` pickles. Its arguments.

    In a part the first of all files still says which joints there are.
    """
    named = named_layout(layout) if isinstance(layout, str) else layout
    shared = {_SHARED: columns[_SHARED]} if _SHARED in columns else {}
    part = partial(_part, path=path, load=load, layout=named, how=how, shared=shared)
    rows: Row = dict(columns)
    items = [(file, _row(rows, at)) for at, file in enumerate(files)]
    return Listing(path, items, part, lead=partial(_led, part))


def _row(columns: Row, at: int) -> Row:
    row = {key: values[at] for key, values in columns.items() if key not in (_SHARED, _MORE)}
    if _MORE in columns:
        row[_MORE] = {key: values[at] for key, values in columns[_MORE].items()}
    return row


def _columns(rows: Sequence[Row]) -> Row:
    """`_row` undone."""
    columns: Row = {key: [row[key] for row in rows] for key in rows[0] if key != _MORE}
    if _MORE in rows[0]:
        columns[_MORE] = {
            key: np.array([row[_MORE][key] for row in rows]) for key in rows[0][_MORE]
        }
    return columns


def _part(
    items: Sequence[tuple[Path, Row]],
    /,
    *,
    path: Path,
    load: Load,
    layout: Skeleton | None,
    how: Mocap,
    shared: Row,
    selection: Selection | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
    told: Told | None = None,
) -> ClipSet:
    return collect(
        path,
        [file for file, _ in items],
        load,
        layout,
        how,
        columns=_columns([row for _, row in items]) | dict(shared),
        progress=progress,
        scratch=scratch,
        selection=deepcopy(selection),
        told=told,
    )


def _led(part: partial[ClipSet], item: tuple[Path, Row]) -> Read:
    """What reads parts by the joints of one file."""
    file, load, how = item[0], part.keywords["load"], part.keywords["how"]
    selection = selection_of(part.keywords["layout"], how)
    people_in(file, begun(load(file), how), how.subject, selection)
    return partial(part, selection=selection)
