"""What format a file has: by what is in it, and where that does not tell, by its name."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath

from ...errors import InputError
from ...layouts import MEDIAPIPE33
from .landmark_columns import FRAME, JOINT, landmark_columns, place_of, plain
from .members import Member

STORE = "store"
SUFFIXES = {
    ".h5": STORE, ".hdf5": STORE, ".skeleton": "ntu", ".bvh": "bvh", ".amc": "amc", ".c3d": "c3d",
    ".npz": "arrays", ".npy": "arrays", ".pkl": "pyskl", ".pickle": "pyskl", ".tsv": "csv",
}  # fmt: skip
"""Formats by names alone; `.json`, `.csv` and `.txt` are of many."""
LOOKED_AT = {*SUFFIXES, ".json", ".csv", ".txt", ".zip"}
HEAD = 1 << 16  # bytes that are looked at
LANDMARKS = 20  # of MediaPipe's 33 that a CSV must name
MAPPING = "mapping.toml"
_COORDINATE = re.compile(
    r"(?i)^[xyz](?![a-z])|(?<![a-z])[xyz](?:[ _]?[\[(]?(?:mm|cm|m|px)[\])]?)?$|[a-z][XYZ]$"
)
_KEYS = re.compile(r'"([A-Za-z_]\w*)"\s*:')


def guess(path: Path) -> str:
    """The name of a format in `READERS`, or "store".

    Args:
        path: a file, or a zip, which has the format of its first file.

    Raises:
        InputError: no such file, or none of the formats.

    Examples:
        >>> Path("walk.csv").write_text("frame,hip_x,hip_y,head_x,head_y\\n0,1,2,3,4\\n")
        42
        >>> guess(Path("walk.csv"))
        'csv'
    """
    member = _first(path)
    head = member.head(HEAD)
    by_content = _by_bytes(head)
    if by_content:
        return by_content
    suffix = member.name.suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    text = head.decode("utf-8-sig", "replace")
    if not text.strip():
        raise InputError(f"{path}: empty; copy or record it again")
    is_json = text.lstrip()[:1] in "[{"
    format_ = _json(text, member) if is_json else _text(text, member.name)
    if format_ is None:
        raise InputError(
            f"{path}: no format is known by what is in it; say which with --format (skelf list "
            "formats has them)"
        )
    return format_


def is_table_of_joints(path: Path) -> bool:
    """Whether a table can be a recording: by its columns, or by a mapping file beside it."""
    if (path.parent / MAPPING).is_file():
        return True
    first = next(iter(Member(path).head(HEAD).decode("utf-8-sig", "replace").splitlines()), "")
    cells = [cell.strip().strip("\"'") for cell in re.split(r"[,;\t|]", first)]
    return sum(bool(_COORDINATE.search(cell)) for cell in cells) >= 4


def _first(path: Path) -> Member:
    """The file itself, or the first of a zip that may be a recording."""
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder")
    if path.suffix.lower() != ".zip":
        return Member(path)
    from .members import find  # a zip's table is read only here

    inside = find(path, LOOKED_AT - {".zip"})
    if not inside:
        raise InputError(f"{path}: no file of a known format in this zip")
    return inside[0]


def _by_bytes(head: bytes) -> str:
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return STORE
    if head.startswith(b"\x93NUMPY") or (head.startswith(b"PK\x03\x04") and b".npy" in head[:128]):
        return "arrays"
    if head[1:2] == b"\x50" and head[:1] in (b"\x02", b"\x03", b"\x04", b"\x05") and b"\0" in head:
        return "c3d"
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pyskl"
    if head.lstrip()[:9].upper() == b"HIERARCHY":
        return "bvh"
    return ""


def _json(text: str, member: Member) -> str | None:
    """By the keys of the first part of the file, which need not be whole."""
    keys = set(_KEYS.findall(text))
    formats = (
        ("kinetics", bool(keys & {"data"}) and bool(keys & {"skeleton", "label_index"})),
        ("coco", {"images", "annotations"} <= keys or "categories" in keys),
        ("mediapipe", bool(keys & _MEDIAPIPE)),
        ("openpose", "people" in keys and ("version" in keys or "pose_keypoints_2d" in keys)),
        ("alphapose", "keypoints" in keys or "bodies" in keys),
    )
    found = next((name for name, fits in formats if fits), None)
    if found == "openpose" and re.match(r'\s*\{\s*"[^"]+\.\w{3,4}"\s*:', text):
        return "alphapose"  # its form `open`: images by name, each with people
    if found is None or found in ("alphapose", "kinetics", "mediapipe", "openpose"):
        found = found or _late(member)
    return found


_MEDIAPIPE = {
    "pose_landmarks", "poseLandmarks", "landmarks", "pose_world_landmarks", "poseWorldLandmarks",
    "world_landmarks", "worldLandmarks",
}  # fmt: skip


def _late(member: Member) -> str | None:
    """COCO's lists may stand behind a long table of images: the outermost keys of the whole."""
    try:
        content = json.loads(member.read(1 << 28))
    except (ValueError, RecursionError):
        return None
    keys = set(content) if isinstance(content, dict) else set()
    return "coco" if {"images", "annotations"} <= keys else None


def _text(text: str, name: PurePosixPath) -> str | None:
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    if any(line.strip().startswith((":FULLY", ":DEGREES", ":RADIANS")) for line in lines[:20]):
        return "amc"
    first = lines[0]
    if re.fullmatch(r"Seq\d{1,4}_\d{1,4}", name.stem) and ";" in first:
        return "precog"
    cells = re.split(r"[,;\t|]", first)
    if len(cells) > 1:
        return "mediapipe" if _is_landmarks(cells) else "csv"
    numbers = first.split()
    if len(numbers) == 150:
        return "pkummd"
    if len(numbers) == 1 and numbers[0].isdigit() and len(lines) > 1:
        return "ntu"
    return "csv" if name.suffix.lower() == ".csv" or len(numbers) > 5 else None


def _is_landmarks(cells: list[str]) -> bool:
    """Whether the columns are MediaPipe's landmarks, rather than those of a table of one's own."""
    header = [plain(cell) for cell in cells]
    if place_of(header, JOINT) is not None and place_of(header, FRAME) is not None:
        return True
    try:
        columns = landmark_columns(header, MEDIAPIPE33, "")
    except InputError:
        return False
    return len({column.joint for column in columns.values()}) >= LANDMARKS
