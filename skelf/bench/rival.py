"""The row that every table of detections has beside its encoders: the joints without one.

What a dilated head learns from the joints alone is what encoders have to beat: their frames under a
linear head are often behind it. So it is judged wherever detections are, as `segmentation` judges.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..encoders.joints import NAME
from ..protocols.rules import Rules
from ..results.unseen import SEGMENTED
from ..settings.options import table
from .cell import Cell
from .suite import Place, Protocol, Suite, slug

if TYPE_CHECKING:
    from .checks import Sets

ROW = "Joints"
DILATED = "Joints, dilated head"


class Rival(NamedTuple):
    """How a protocol's rival is judged.

    Args:
        row: what tables call it.
        protocol: its name in `PROTOCOLS`.
        settings: `eval.key=value`.
    """

    row: str
    protocol: str
    settings: list[str]


def rival_of(protocol: Protocol) -> Rival | None:
    """The rival of a protocol's encoders; None where there is to be none.

    A linear head on single frames of joints is no rival, so that detection's is judged by
    `segmentation`, by the same rules; what else the suite says concerns the other head.
    """
    wanted = protocol.name in SEGMENTED if protocol.rival is None else protocol.rival
    if not wanted:
        return None
    if protocol.name == "segmentation":
        return Rival(DILATED, protocol.name, [*protocol.settings, "eval.tune=false"])
    if protocol.name == "detection":
        shared = [_of_rules(text) for text in protocol.settings]
        return Rival(DILATED, "segmentation", [text for text in shared if text])
    return Rival(ROW, protocol.name, list(protocol.settings))


def _of_rules(text: str) -> str:
    """`eval.key=value` if the rules of detections have that key, else ""."""
    key, _, value = text.strip().partition("=")
    bare = key.strip().removeprefix("eval.").removeprefix("detection.")
    return f"eval.{bare}={value}" if bare in table(Rules) else ""


def rivals(suite: Suite, sets: Sets, out: Path, seed: int) -> Iterator[Cell]:
    """A cell for each protocol that has a rival and each place where its encoders are judged."""
    for protocol in suite.protocols:
        rival = rival_of(protocol)
        if rival is None:
            continue
        places = [
            on
            for method in suite.methods
            for trained_on in suite.pretrained_on(method)
            for on in suite.judged_on(protocol, trained_on)
        ]
        for on in dict.fromkeys(places):
            yield _cell(sets, out, rival, protocol, on, seed)


def _cell(sets: Sets, out: Path, rival: Rival, protocol: Protocol, on: Place, seed: int) -> Cell:
    folder = out / slug(on.data) / slug(on.split) / slug(rival.row) / f"joint_seed{seed}"
    return Cell(
        "judge",
        folder,
        slug(protocol.label),
        f"{rival.row}, {on}, seed {seed}: {protocol.label}",
        {"protocol": rival.protocol, "settings": rival.settings, "seed": seed, "run": NAME}
        | sets.contents[on],
        {
            "protocols": [rival.protocol],
            "run": NAME,
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
