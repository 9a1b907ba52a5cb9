"""Which encoder gives a project's features."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...contracts import Encoder
from ...data.clips import ClipSet
from ...data.join import joined
from ...errors import InputError
from ...inference.bulk.once import identity
from ...inference.needs import Needs, needs_of
from ...runs.load import judged_encoder
from ...settings.values import Settings
from .ready import ready

if TYPE_CHECKING:
    from ..project.project import Project

READY, FOLDER = "ready", "encoder-ready"
CALIBRATED_ON = 50
"""Recordings that the ready encoder is calibrated on, evenly over the project."""


class Known(NamedTuple):
    """An encoder with what is known of it.

    Args:
        encoder: in evaluation mode.
        described: the config that it came with.
        needs: what it takes for granted of clips.
        identity: see `inference.bulk.once.identity`.
    """

    encoder: Encoder
    described: Settings
    needs: Needs
    identity: str


def encoder_of(project: Project) -> Known:
    """The encoder that gives the project's features; the ready one is written when first asked for.

    Raises:
        InputError: the project has no recordings, or its run cannot be read.
    """
    run = project.encoder
    if run == READY:
        place = project.place / FOLDER
        if not (place / "config.json").exists():
            ready(_some(project), place)
        return known(place)
    return known(project.run)


def known(run: str | Path) -> Known:
    """The encoder of a run, a checkpoint folder or a hub name.

    Raises:
        InputError: nothing there, or a checkpoint that does not hold.
    """
    encoder, described = judged_encoder(run, None, False, 0)
    return Known(encoder, described, needs_of(encoder, described), identity(encoder))


def _some(project: Project) -> ClipSet:
    """Recordings of the layout that most of them have, as one set."""
    by_layout: dict[tuple[str, int, int], list[str]] = {}
    for r in project.recordings:
        by_layout.setdefault((r.layout, r.joints, r.coordinates), []).append(r.name)
    if not by_layout:
        raise InputError(f"{project.folder}: the project has no recordings yet; import some first")
    names = max(by_layout.values(), key=len)
    every = max(1, len(names) // CALIBRATED_ON)
    some = [project.clips(name) for name in names[::every]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of whose people are whose: nobody asks here
        return joined(some) if len(some) > 1 else some[0]
