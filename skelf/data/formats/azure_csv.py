"""CSV of Azure Kinect's bodies: a row for each body of a frame, columns of the joints' x, y, z."""

from __future__ import annotations

import re

import numpy as np

from ...errors import InputError
from .azure_json import Frame, Recording, canonical, places_of, shares_of
from .csv_header import read_header, separators
from .look import Look
from .members import Member
from .text import column, number, read_csv

PERSON = ("body", "bodyid", "bodyindex", "person", "personid", "id", "skeletonid", "trackingid")


def told(look: Look) -> str:
    """Why a table is of Azure Kinect's joints; empty where nothing says so."""
    if look.is_json or look.suffix not in (".csv", ".tsv", ".txt"):
        return ""
    first = next((line for line in look.lines if line.strip()), "")
    words = {
        canonical(re.sub(r"[XYZxyz]$", "", cell.strip())) for cell in re.split("[,;\t]", first)
    }
    if {"pelvis", "spinechest", "clavicleleft", "handtipright", "earright"} <= words:
        return "columns of PELVIS, SPINE_CHEST, CLAVICLE_LEFT and so on, as Azure Kinect's"
    return ""


def recording_of(member: Member) -> Recording:
    """The frames of a table.

    Raises:
        InputError: columns of other joints, or cells that are no numbers.
    """
    together = _together(member)
    if together is not None:
        return together
    header = read_header(member)
    order = places_of(list(header.words))
    if order is None or len(header.axes) != 3:
        raise InputError(
            f"{member}: not x, y and z of all of Azure Kinect's 32 joints by their names (it has "
            f"{len(header.words)} joints, as {', '.join(header.words[:4])}); import it as csv"
        )
    places = header.values()[:, order]
    sure = np.where(np.isnan(places).any(axis=2), 0.0, 1.0)
    if header.confidence:
        at = {name: i for i, name in enumerate(header.table.header)}
        named = [
            header.columns.replace("{joint}", header.words[i]).replace("{axis}", header.confidence)
            for i in order
        ]
        sure = shares_of(np.stack([column(header.table, at[name]) for name in named], axis=1))
    joints = np.concatenate([places, sure[..., None]], axis=2)
    person = next((c for c in header.unused if canonical(c) in PERSON), "")

    def values(name: str) -> np.ndarray | None:
        return column(header.table, header.table.header.index(name)) if name else None

    return Recording(
        _frames(joints, values(person), values(header.frame), values(header.time), str(member))
    )


def _together(member: Member) -> Recording | None:
    """A table whose cells hold x, y and z of a joint, with spaces between; None: another one."""
    delimiter, decimal = separators(member)
    table = read_csv(member, delimiter, decimal=decimal)
    order = places_of(table.header)
    if order is None or not all(len(row) == len(table.header) for row in table.rows):
        return None
    cells = [[row[at].split() for at in order] for row in table.rows]
    if not all(len(cell) == 3 for row in cells for cell in row):
        return None
    places = np.array(
        [
            [[number(word, f"{member}: line {line}") for word in cell] for cell in row]
            for row, line in zip(cells, table.lines, strict=True)
        ]
    )
    sure = np.where(np.isnan(places).any(axis=2, keepdims=True), 0.0, 1.0)
    joints = np.concatenate([places, sure], axis=2)
    return Recording([Frame(-1, float("nan"), [(-1, body)]) for body in joints])


def _frames(
    joints: np.ndarray,
    person: np.ndarray | None,
    number: np.ndarray | None,
    time: np.ndarray | None,
    where: str,
) -> list[Frame]:
    """Rows of one frame number (or time) are the bodies of one frame."""
    keys = number if number is not None else time
    if keys is None:
        keys = np.arange(len(joints), dtype=float)
        if person is not None and len(np.unique(person)) > 1:
            raise InputError(
                f"{where}: several bodies and no column of frames or times; add one called frame"
            )
    by_key: dict[float, list[int]] = {}
    for row, key in enumerate(keys.tolist()):
        by_key.setdefault(key, []).append(row)
    if person is None and any(len(rows) > 1 for rows in by_key.values()):
        raise InputError(
            f"{where}: frames stand twice and no column says whose body a row is; add one called "
            "body_id"
        )
    frames = []
    for key, rows in by_key.items():
        bodies = []
        for row in rows:
            one = person[row] if person is not None else float("nan")
            known = np.isfinite(one) and 0 <= one < 2**53 and one == round(one)
            bodies.append((int(one) if known else -1, joints[row]))
        whole = number is not None and np.isfinite(key) and key >= 0 and key == round(key)
        frames.append(
            Frame(
                int(key) if whole else -1,
                float(time[rows[0]]) if time is not None else float("nan"),
                bodies,
            )
        )
    return frames
