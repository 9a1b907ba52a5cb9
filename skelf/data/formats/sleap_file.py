"""SLEAP's files, read with h5py alone: projects (`.slp`), analysis HDF5, and analysis CSV.

A project has tables: frames of videos, their instances (labelled or predicted), and each one's
points. Analysis HDF5 has one array of all tracks in one video; which of its axes is which, the
other arrays' sizes tell. Pixels, y down. Source: SLEAP's documentation of its formats (Pereira et
al., 2022), and files of SLEAP 1.0 to 1.4 and sleap-io 0.9.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import h5py
import numpy as np

from ...errors import InputError
from ..damage import DAMAGED, reason
from . import source
from .csv_header import separators
from .hdf_arrays import array, texts
from .look import Look
from .members import Member
from .sleap_project import of_project
from .sleap_tracked import Tracked
from .text import Table, column, read_csv

ANALYSIS = frozenset({"tracks", "node_names", "track_occupancy"})
PROJECT = frozenset({"frames", "instances", "points", "pred_points", "metadata"})


def told(look: Look) -> str:
    """Why a file is SLEAP's; empty where it is not."""
    if look.hdf >= ANALYSIS:
        return "it has tracks, node_names and track_occupancy, as SLEAP's analysis files"
    if look.hdf >= PROJECT:
        return "it has frames, instances and pred_points, as SLEAP's projects"
    cells = {cell.strip() for cell in re.split(r"[,;\t]", next(iter(look.lines), ""))}
    points = any(cell.endswith(".x") for cell in cells) or {"node", "x", "y"} <= cells
    if "frame_idx" in cells and points and cells & {"track", "inst0.track"}:
        return "it has columns track, frame_idx and points, as SLEAP's CSV"
    return ""


def load_tracked(member: Member) -> list[Tracked]:
    """Reads one file, by its content: one for each video.

    Raises:
        InputError: not SLEAP's, or damaged; the message names file, place and remedy.
    """
    where = str(member)
    if not member.head(8).startswith(b"\x89HDF"):
        return [_of_text(member)]
    if member.inside:
        raise InputError(f"{where}: an HDF5 file in a zip; unpack it")
    try:
        with h5py.File(member.file, "r") as file:
            if set(file) >= ANALYSIS:
                return [_of_analysis(file, where)]
            if set(file) >= PROJECT:
                return of_project(file, where)
            have = ", ".join(sorted(file))[:200]
    except InputError:
        raise
    except DAMAGED as error:
        raise InputError(f"{where}: damaged ({reason(error)[:200]}); copy the file again") from None
    raise InputError(
        f"{where}: neither a project nor an analysis file of SLEAP (there is {have}); export "
        "Analysis HDF5 from SLEAP"
    )


def _of_analysis(file: h5py.File, where: str) -> Tracked:
    nodes = texts(file["node_names"], where)
    stored = file["tracks"]
    tracks = array(stored, where)
    if tracks.ndim != 4 or tracks.dtype.kind != "f":
        raise InputError(f"{where}: tracks are no array of four axes; export Analysis HDF5 again")
    axes = _axes(stored.attrs.get("dims"), tracks.shape, len(nodes), file["track_occupancy"].shape)
    if axes is None:
        raise InputError(
            f"{where}: tracks {tracks.shape} do not go with {len(nodes)} nodes; export Analysis "
            "HDF5 again"
        )
    places = tracks.transpose(axes)  # (T, I, V, 2)
    scores = np.where(np.isnan(places[..., 0]), np.nan, 1.0)
    if isinstance(file.get("point_scores"), h5py.Dataset):
        kept = [axis for axis in axes if axis != axes[3]]
        order = [sorted(kept).index(axis) for axis in kept]  # of the three that it has
        given = array(file["point_scores"], where)
        if given.ndim == 3 and given.transpose(order).shape == scores.shape:
            given = given.transpose(order)
            # What somebody labelled has a place and no score.
            scores = np.where(np.isnan(given) & ~np.isnan(scores), 1.0, given)
    joints = np.concatenate([places, scores[..., None]], axis=-1)
    joints[np.isnan(joints).any(-1)] = np.nan
    source.believed(where, joints[~np.isnan(joints)])
    frame, track = np.nonzero(~np.isnan(joints).all(axis=(2, 3)))
    numbered = len(texts(file["track_names"], where)) if "track_names" in file else 0
    edges = array(file["edge_inds"], where) if "edge_inds" in file else np.zeros((0, 2), int)
    return Tracked(
        "",
        tuple(nodes),
        tuple((int(a), int(b)) for a, b in edges.reshape(-1, 2).tolist() if 0 <= a < len(nodes)
              and 0 <= b < len(nodes)),
        frame,
        track if numbered or joints.shape[1] == 1 else np.full(len(track), -1),
        joints[frame, track],
        fps=_rate(file.attrs.get("video_backend_metadata")),
    )  # fmt: skip


def _axes(
    dims: object, shape: Sequence[int], nodes: int, occupancy: Sequence[int]
) -> tuple[int, int, int, int] | None:
    """Which axes are frames, tracks, nodes and coordinates."""
    words = re.findall(r"\w+", str(dims)) if dims is not None else []
    if sorted(words) == ["frame", "node", "track", "xy"]:
        at = {word: words.index(word) for word in words}
        return (at["frame"], at["track"], at["node"], at["xy"])
    fitting = []
    for axes in ((3, 0, 2, 1), (0, 3, 1, 2), (0, 1, 2, 3)):
        frames, tracks = shape[axes[0]], shape[axes[1]]
        told = tuple(occupancy) in ((frames, tracks), (tracks, frames))
        if told and shape[axes[2]] == nodes and shape[axes[3]] == 2:
            fitting.append(axes)
    return fitting[0] if fitting else None


def _rate(metadata: object) -> float:
    """Frames a second in a text of JSON about the video; 0: it says none."""
    match = re.search(r'"fps":\s*(\d+(?:\.\d+)?)', str(metadata or ""))
    rate = float(match[1]) if match else 0.0
    return rate if 0 < rate < 1e6 else 0.0


def _of_text(member: Member) -> Tracked:
    """A table with a row for each instance: track, frame_idx, NODE.x, NODE.y, NODE.score.

    Or one for each frame, with all of that for inst0, inst1, ... beside each other.
    """
    delimiter, decimal = separators(member)
    table = read_csv(member, delimiter, decimal=decimal)
    at = {name: i for i, name in enumerate(table.header)}
    groups = list(dict.fromkeys(re.findall(r"(?m)^inst\d+\.(?=track$)", "\n".join(at)))) or [""]
    first = groups[0]
    nodes = [name[len(first) : -2] for name in table.header
             if name.startswith(first) and name.endswith(".x")]  # fmt: skip
    if "frame_idx" not in at or not nodes:
        raise InputError(
            f"{member}: no columns frame_idx, NODE.x and NODE.y; export Analysis CSV from SLEAP "
            "(a row for each instance)"
        )
    if "video" in at and len({row[at["video"]] for row in table.rows}) > 1:
        raise InputError(f"{member}: several videos in one table; export them one by one")
    frame = column(table, at["frame_idx"])
    wrong = ~((frame >= 0) & (frame < 1e12) & (frame == np.round(frame)))
    if wrong.any():
        line = table.lines[int(wrong.argmax())]
        raise InputError(f"{member}: line {line}: frame_idx is no whole number; mend it")
    names: list[str] = []
    tracks, joints = [], []
    for group in groups:
        key = f"{group}track"
        cells = [row[at[key]].strip() if key in at else "" for row in table.rows]
        names += [cell for cell in dict.fromkeys(cells) if cell and cell not in names]
        tracks += [names.index(cell) if cell else -1 for cell in cells]
        joints.append(_points(table, at, [f"{group}{node}" for node in nodes]))
    poses = np.concatenate(joints)
    there = ~np.isnan(poses).all(axis=(1, 2))
    frames = np.tile(frame.astype(np.int64), len(groups))
    track = np.array(tracks, np.int64)
    return Tracked("", tuple(nodes), (), frames[there], track[there], poses[there])


def _points(table: Table, at: dict[str, int], nodes: Sequence[str]) -> np.ndarray:
    """`(R, V, 3)` of the columns of some nodes; what has a place and no score was labelled."""
    joints = np.full((len(table.rows), len(nodes), 3), np.nan)
    for j, node in enumerate(nodes):
        for k, part in enumerate(("x", "y", "score")):
            if f"{node}.{part}" in at:
                joints[:, j, k] = column(table, at[f"{node}.{part}"])
    labelled = np.isnan(joints[..., 2]) & ~np.isnan(joints[..., :2]).any(-1)
    joints[..., 2] = np.where(labelled, 1.0, joints[..., 2])
    joints[np.isnan(joints).any(-1)] = np.nan
    source.believed(table.where, joints[~np.isnan(joints)])
    return joints
