"""Rows without pretraining: the joints themselves, fixed kernels, dynamic time warping.

What a dilated head learns from the joints alone is what encoders have to beat in detections: their
frames under a linear head are often behind it. So it is judged wherever detections are, as
`segmentation` judges. Other protocols have the rows that a suite names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..encoders.joints import NAME
from ..errors import InputError
from ..protocols.dtw import DTW
from ..protocols.rules import Rules
from ..results.unseen import SEGMENTED
from ..settings.options import table
from .cell import Cell
from .suite import Place, Protocol, Suite, slug

if TYPE_CHECKING:
    from .checks import Sets

ROW = "Joints"
DILATED = "Joints, dilated head"
KERNELS = "Kernels"
WARPED = "Joints, DTW"


class Rival(NamedTuple):
    """How a protocol's rival is judged.

    Args:
        row: what tables call it.
        protocol: its name in `PROTOCOLS`.
        settings: `eval.key=value`.
        run: what stands for a run.
    """

    row: str
    protocol: str
    settings: list[str]
    run: str = NAME


def rivals_of(protocol: Protocol) -> list[Rival]:
    """The rivals of a protocol's encoders.

    Raises:
        InputError: time warping beside what judges no nearest neighbours.
    """
    if not isinstance(protocol.rival, tuple):
        return [one] if (one := _joints(protocol, protocol.rival)) else []
    made = []
    for name in protocol.rival:
        if name == NAME:
            made.append(_joints(protocol, True))
        elif name == "kernels":
            made.append(Rival(KERNELS, protocol.name, list(protocol.settings), "kernels"))
        elif protocol.name != "knn":
            raise InputError(
                f"rival: dtw is a nearest neighbour, and stands in the column of knn, not of "
                f"{protocol.name}; leave it out here"
            )
        else:
            made.append(
                Rival(WARPED, "dtw", [text for t in protocol.settings if (text := _of(DTW, t))])
            )
    return [one for one in made if one is not None]


def _joints(protocol: Protocol, asked: bool | None) -> Rival | None:
    """The joints without an encoder; None where there is to be no such row.

    A linear head on single frames of joints is no rival, so that detection's is judged by
    `segmentation`, by the same rules; what else the suite says concerns the other head.
    """
    wanted = protocol.name in SEGMENTED if asked is None else asked
    if not wanted:
        return None
    if protocol.name == "segmentation":
        return Rival(DILATED, protocol.name, [*protocol.settings, "eval.tune=false"])
    if protocol.name == "detection":
        shared = [_of(Rules, text) for text in protocol.settings]
        return Rival(DILATED, "segmentation", [text for text in shared if text])
    return Rival(ROW, protocol.name, list(protocol.settings))


def _of(options: type, text: str) -> str:
    """`eval.key=value` if these options have that key, else ""."""
    key, _, value = text.strip().partition("=")
    bare = key.strip().removeprefix("eval.")
    bare = bare.removeprefix("detection.").removeprefix("knn.")
    return f"eval.{bare}={value}" if bare in table(options) else ""


def rivals(suite: Suite, sets: Sets, out: Path, seed: int) -> Iterator[Cell]:
    """A cell for each protocol that has a rival and each place where its encoders are judged."""
    for protocol in suite.protocols:
        if not (found := rivals_of(protocol)):
            continue
        places = [
            on
            for method in suite.methods
            for trained_on in suite.pretrained_on(method)
            for on in suite.judged_on(protocol, trained_on)
        ]
        for on in dict.fromkeys(places):
            for rival in found:
                yield _cell(sets, out, rival, protocol, on, seed)


def _cell(sets: Sets, out: Path, rival: Rival, protocol: Protocol, on: Place, seed: int) -> Cell:
    folder = out / slug(on.data) / slug(on.split) / slug(rival.row) / f"joint_seed{seed}"
    return Cell(
        "judge",
        folder,
        slug(protocol.label),
        f"{rival.row}, {on}, seed {seed}: {protocol.label}",
        {"protocol": rival.protocol, "settings": rival.settings, "seed": seed, "run": rival.run}
        | sets.contents[on],
        {
            "protocols": [rival.protocol],
            "run": rival.run,
            "data": str(sets.stores[on.data]),
            "split": on.split,
            "overrides": rival.settings,
            "seed": seed,
        },
        (),
        {
            "row": rival.row,
            "label": protocol.label,
            "pretrained_on": "",
            "data": on.data,
            "split": on.split,
            "case": seed,
            "show": list(protocol.show),
        },
    )
