"""`skelf data map` and `join`: sets of several layouts in one, and several sets as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..data import join as joining
from ..data import shards
from ..data.clips import ClipSet, utf8
from ..data.joints import mapping
from ..data.joints.origins import GUESSES, Origin, origins
from ..data.presets import located
from ..errors import InputError, unknown
from ..folders import SHARDED, check_folder, is_named, writing_folder
from ..layouts import layout as named_layout
from ..locks import holding
from ..outputs import STORE, check_output
from . import complete
from .arguments import Force
from .notes import warnings_as_notes

Out = Annotated[Path, typer.Option("--out", metavar="STORE", help="The store to write.")]


def map_(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="STORE", help="A store, by `data import`.")],
    layout: Annotated[
        str,
        typer.Option(
            "--layout", help="A layout's name or TOML file.", autocompletion=complete.layouts
        ),
    ],
    out: Out,
    missing: Annotated[
        str, typer.Option("--missing", help="What joints without counterpart get: interpolate|mask")
    ] = "interpolate",
    joints: Annotated[
        list[str] | None,
        typer.Option("--joint", metavar="TARGET=SOURCE", help="Or =A+B, the middle; repeat it."),
    ] = None,
    guess: Annotated[
        bool,
        typer.Option(
            "--guess", help="Lets a joint stand for one a limb away, and half of all be guesses."
        ),
    ] = False,
    force: Force = False,
) -> None:
    """Brings a set into another joint layout, by the names of the joints.

    Example: skelf data map cmu.h5 --layout kinect20 --out cmu20.h5

    Example: skelf data map poses.h5 --layout mine.toml --out mine.h5 --joint chest=neck+mid_hip
    """
    path = located(path)
    context.with_resource(holding(out))
    check_output(out, STORE, inputs=[path], replace=force)
    clips, target = ClipSet.open(path), named_layout(layout)
    if missing not in ("interpolate", "mask"):
        raise unknown("--missing", missing, ("interpolate", "mask"))
    sources = _joint_sources(joints or [])
    console = Console()
    with warnings_as_notes(console):
        mapped = mapping.mapped(
            clips,
            target,
            missing="mask" if missing == "mask" else "interpolate",
            joints=sources,
            guess=guess,
            scratch=out.absolute().parent,
        )
    plan = origins(
        clips.skeleton,
        target,
        missing="mask" if missing == "mask" else "interpolate",
        joints=sources,
        guess=guess,
    )
    mapped.save(out)
    console.print(_table(plan, clips, mapped))
    taken = {at for origin in plan for at in origin.weights}
    spare = [name for at, name in enumerate(clips.skeleton.names) if at not in taken]
    if spare:
        names = escape(utf8(", ".join(spare)))
        console.print(f"not used: {names}", soft_wrap=True, highlight=False)
    _print_size(console, out, mapped)


def join(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="STORE...", help="Two stores or more.")],
    out: Out,
    classes: Annotated[
        str, typer.Option("--classes", help="shared: one class for one name; apart: set/name")
    ] = "shared",
    same_subjects: Annotated[
        bool,
        typer.Option("--same-subjects", help="The sets show the same people: numbers stay."),
    ] = False,
    layouts: Annotated[
        Literal["same", "union"],
        typer.Option("--layouts", help="same: one layout; union: all joints that any set has."),
    ] = "same",
    force: Force = False,
) -> None:
    """Puts several sets into one store: of one joint layout, or all joints of unlike ones.

    An --out without a suffix is a folder, which refers to the sets where they are: no joints are
    copied.

    Example: skelf data join nw_ucla.h5 precog.h5 cmu20.h5 --out pool.h5

    Example: skelf data join monday.h5 tuesday.h5 --out week.h5 --same-subjects

    Example: skelf data join kinect.h5 coco.h5 mocap.h5 --layouts union --out pool.h5

    Example: skelf data join archive_2025 archive_2026 --out archive
    """
    paths = [located(path) for path in paths]
    if classes not in ("shared", "apart"):
        raise unknown("--classes", classes, ("shared", "apart"))
    resolved = [path.resolve() for path in paths]
    for path, real in zip(paths, resolved, strict=True):
        if resolved.count(real) > 1:
            raise InputError(f"{path}: given twice; name each store once")
    linking = is_named(out)
    if linking:
        check_folder(out, SHARDED, force)
    else:
        context.with_resource(holding(out))
        check_output(out, STORE, inputs=paths, replace=force)
    sets = [ClipSet.open(path) for path in paths]
    if linking:
        shards.refuse_inside(out, sets)
    console = Console()
    with warnings_as_notes(console):
        pool = joining.joined(
            sets,
            classes="apart" if classes == "apart" else "shared",
            same_subjects=same_subjects,
            layouts=layouts,
            link=linking,
            scratch=out.absolute().parent,
        )
    if linking:
        with writing_folder(out) as hidden:
            shards.save_table(hidden, pool)
    else:
        pool.save(out)
    table = Table("set", "clips", "frames", "segments", title=escape(utf8(str(out))))
    for title, clips in zip(joining.titles(sets), sets, strict=True):
        counts = (len(clips), clips.frames_total, len(clips.segments))
        table.add_row(escape(utf8(title)), *(f"{count:,}" for count in counts))
    console.print(table)
    _print_size(console, out, pool)


def _joint_sources(words: Sequence[str]) -> dict[str, str]:
    sources: dict[str, str] = {}
    for word in words:
        target, between, source = word.partition("=")
        if not (between and target.strip() and source.strip()):
            raise InputError(f"--joint {word!r}: write TARGET=SOURCE, or TARGET=A+B for the middle")
        if target.strip() in sources:
            raise InputError(f"--joint {word!r}: {target.strip()} was given before; give it once")
        sources[target.strip()] = source.strip()
    return sources


def _table(plan: Sequence[Origin], clips: ClipSet, mapped: ClipSet) -> Table:
    title = f"{clips.skeleton.name} to {mapped.skeleton.name}"
    table = Table("joint", "from", "how", "away", title=escape(utf8(title)))
    unit = {"metre": " m"}.get(clips.attributes.get("unit", ""), "")
    for origin, length in zip(
        plan, mapping.lengths(tuple(plan), clips, mapped.skeleton), strict=True
    ):
        described = origin.said(clips.skeleton)
        how = f"guess: {origin.how}" if origin.how in GUESSES else origin.how
        away = f"{origin.bones} bone{'s' * (origin.bones > 1)}" if origin.bones else ""
        away += "" if math.isnan(length) else f", {length:.2f}{unit}"
        table.add_row(escape(utf8(origin.joint)), escape(utf8(described)), how, away)
    return table


def _print_size(console: Console, out: Path, clips: ClipSet) -> None:
    text = f"{escape(utf8(str(out)))}: {len(clips)} clips, {clips.frames_total} frames"
    console.print(text, soft_wrap=True)
