"""SLEAP's projects (`.slp`): tables of frames, instances and points; see `sleap_file`."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

import h5py
import numpy as np

from ...errors import InputError
from . import source
from .hdf_arrays import array, text, texts
from .sleap_tracked import Tracked

LABELLED = 0  # the kind of instances that somebody placed; 1: predicted
SHIFTED = 1.1
"""Formats before this one count pixels from their corner, half a pixel further on."""


def of_project(file: h5py.File, where: str) -> list[Tracked]:
    """The instances of each video. Where somebody placed one, the prediction of it does not count.

    Raises:
        InputError: damaged, or without instances.
    """
    metadata = file["metadata"].attrs
    nodes, edges, notes = _skeleton(text(metadata["json"]), where)
    stated = float(metadata.get("format_id", 1.0))
    frames, instances = array(file["frames"], where), array(file["instances"], where)
    points = [array(file["points"], where), array(file["pred_points"], where)]
    videos = [_video(written) for written in texts(file["videos_json"], where)]
    kept = _kept(frames, instances, where)
    if not len(kept):
        raise InputError(f"{where}: nobody was labelled or predicted; nothing to import")
    joints = np.full((len(kept), len(nodes), 3), np.nan)
    for at, row in enumerate(kept[:, 0].tolist()):
        joints[at] = _points(points, instances[row], len(nodes), where)
    source.believed(where, joints[~np.isnan(joints)])
    if stated < SHIFTED:
        joints[..., :2] -= 0.5
    recordings = []
    for number in dict.fromkeys(kept[:, 2].tolist()):
        mine = kept[:, 2] == number
        name, fps = videos[number] if 0 <= number < len(videos) else (f"video{number}", 0.0)
        recordings.append(
            Tracked(
                name,
                tuple(nodes),
                tuple(edges),
                kept[mine, 1],
                instances["track"][kept[mine, 0]].astype(np.int64),
                joints[mine],
                fps=fps,
                notes=list(notes),
            )
        )
    return recordings


def _kept(frames: np.ndarray, instances: np.ndarray, where: str) -> np.ndarray:
    """`(D, 3)`: row of each instance that counts, its frame, and its video."""
    kept = []
    for row in frames[["instance_id_start", "instance_id_end", "frame_idx", "video"]].tolist():
        start, end, frame, video = row
        if not 0 <= start <= end <= len(instances) or frame >= 1 << 40:
            raise InputError(f"{where}: frame {frame} has instances that are not there; damaged")
        group = instances[start:end]
        labelled = group["instance_type"] == LABELLED
        replaced = set(group["from_predicted"][labelled].tolist()) - {-1}
        tracks = set(group["track"][labelled].tolist()) - {-1}
        for at in range(start, end):
            mine = instances[at]
            if mine["instance_type"] != LABELLED and (
                int(mine["instance_id"]) in replaced or int(mine["track"]) in tracks
            ):
                continue
            kept.append((at, frame, video))
    return np.array(kept, np.int64).reshape(-1, 3)


def _points(points: list[np.ndarray], instance: np.void, nodes: int, where: str) -> np.ndarray:
    """`(V, 3)` of one instance: x, y and score, NaN where it is not visible."""
    labelled = instance["instance_type"] == LABELLED
    start, end = int(instance["point_id_start"]), int(instance["point_id_end"])
    table = points[0 if labelled else 1]
    if end - start != nodes or not 0 <= start <= end <= len(table):
        raise InputError(f"{where}: an instance of {end - start} points, of {nodes}; damaged")
    mine = table[start:end]
    score = np.ones(nodes) if labelled else mine["score"]
    joints = np.stack([mine["x"], mine["y"], score], axis=1).astype(np.float64)
    joints[~mine["visible"].astype(bool)] = np.nan
    joints[np.isnan(joints).any(-1)] = np.nan
    return joints


def _skeleton(written: str, where: str) -> tuple[list[str], list[tuple[int, int]], list[str]]:
    """Names of the nodes in the order of points, bones, and notes."""
    try:
        content = json.loads(written)
        skeletons = content["skeletons"]
        names = [str(node["name"]) for node in content["nodes"]]
        graph = skeletons[0].get("nx_graph", skeletons[0])  # some have the graph in a frame
        ids = [int(node["id"]) for node in graph["nodes"]]
        nodes = [names[i] for i in ids]
        # Lists of bones are written by jsonpickle: of two kinds, of which 1 is a bone.
        edges = [(ids.index(int(link["source"])), ids.index(int(link["target"])))
                 for link in graph.get("links", []) if _is_bone(link)]  # fmt: skip
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise InputError(f"{where}: its skeleton cannot be read ({error!r:.80}); damaged") from None
    notes = [f"{len(skeletons)} skeletons: the first is read"] if len(skeletons) > 1 else []
    return nodes, edges, notes


def _is_bone(link: dict[str, object]) -> bool:
    """Whether a link is a bone; else a pair of sides. What is not said again is a bone's."""
    told = json.dumps(link.get("type"))
    kind = re.search(r'"py/tuple": \[(\d)\]', told) or re.search(r'"py/id": (\d)', told)
    return kind is None or kind[1] == "1"


def _video(written: str) -> tuple[str, float]:
    """A video's name and frames a second; 0: not said."""
    name = re.search(r'"filename":\s*"((?:[^"\\]|\\.)*)"', written)
    rate = re.search(r'"fps":\s*(\d+(?:\.\d+)?)', written)
    fps = float(rate[1]) if rate else 0.0
    return _stem(name[1].replace("\\\\", "/")) if name else "", fps if fps < 1e6 else 0.0


def _stem(path: str) -> str:
    """A video's name without folder and suffix, of a path on any machine."""
    return PurePosixPath(path.replace("\\", "/")).stem[:200]
