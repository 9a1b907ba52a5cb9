"""OpenSim's tables, `.mot` and `.sto`: known, so that they are refused with the reason.

They begin with a name, `version=1`, `nRows=`, `nColumns=`, `inDegrees=` and `endheader`; then come
names of columns. They hold angles, forces and the like, from which only OpenSim and the model
(`.osim`) make positions. Source: the format's description in OpenSim's documentation.
"""

from __future__ import annotations

import re
from pathlib import Path

from ...errors import InputError
from .look import Look
from .members import Member

SUFFIXES = (".mot", ".sto")
# The first that a column's name fits says what a table holds.
_KINDS = (
    ("states of muscles", r"activation|excitation|fiber_length|/forceset/"),
    ("joint angles of a model", r"pelvis_(tilt|list|rotation)$|_(angle|flexion|flex|elev)(_[lr])?$"
                                r"|/value$|/jointset/"),
    ("forces", r"(^|_)(v[xyz]|p[xyz]|f[xyz]|force|torque|moment)\d*$|force|torque|moment"
               r"|^[fm][xyz]\d*$"),
)  # fmt: skip
_PLACES = re.compile(r"(?i)[^_]_t[xyz]$|_[xyz]$|location")


def told(look: Look) -> str:
    """Why a file is one of OpenSim's tables; empty where it is none."""
    heads = [line.strip().lower() for line in look.lines[:40]]
    if "endheader" in heads and any(re.match(r"(version|nrows|datarows) ?[= ]", h) for h in heads):
        return "its header ends in endheader, as OpenSim's tables"
    return ""


def reason(look: Look) -> str:
    """What it holds instead of positions, and what to do; empty where it is no such table."""
    if not told(look) and look.suffix not in SUFFIXES:
        return ""
    columns = _columns(look)[1:]
    some = f" ({', '.join(columns[:3])}, ...)" if columns else ""
    if re.search(r"(?i)DataType=Quaternion", look.text[:4096]):
        held = "orientations of sensors"
    else:
        fitting = (k for k, pattern in _KINDS if any(_fits(pattern, c) for c in columns))
        held = next(fitting, "")
    if not held and columns and all(map(_PLACES.search, columns)):
        return (
            f"an OpenSim table of places{some}; only .trc is read: export the markers or points "
            "from OpenSim as .trc"
        )
    return (
        f"an OpenSim table: it holds {held or 'numbers of a model'}{some}, not positions, which "
        "need the model (.osim) too; import the .trc of the markers, or let OpenSim write the "
        "positions of points (Analyze, PointKinematics) and save them as .trc"
    )


def _fits(pattern: str, column: str) -> bool:
    return re.search(pattern, column, re.IGNORECASE) is not None


def refuse(file: Path) -> None:
    """Raises InputError for one of OpenSim's tables."""
    if file.is_file():
        told_why = reason(Look.at(Member(file)))
        if told_why:
            raise InputError(f"{file}: {told_why}")


def _columns(look: Look) -> list[str]:
    ends = [i for i, line in enumerate(look.lines) if line.strip().lower() == "endheader"]
    after = [line for line in look.lines[ends[0] + 1 :] if line.strip()] if ends else []
    cells = re.split(r"[\t,]|\s{2,}", after[0].strip()) if after else []
    return [" ".join(cell.split())[:60] for cell in cells if cell.strip()]
