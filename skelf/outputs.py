"""The one rule of what a command may write: an output never destroys what nobody gave it.

It is never a file that the command reads, by whatever name or link. It never replaces a file of
another kind, told or not; what is in a file says its kind, not its name. It replaces one of its own
kind only when told. A device or a pipe takes what is text; for the rest a file must be named.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from .errors import InputError
from .files import is_stream, named_file, temporary

_HEAD = 1 << 16  # bytes of a file that are looked at: HDF5 keeps a store's attributes in front


class Kind(NamedTuple):
    """What a command writes.

    Args:
        title: with its article, for messages.
        holds: whether a file that is there has this content; it may be damaged behind the head.
        text: whether a device or a pipe may take it.
    """

    title: str
    holds: Callable[[Path], bool]
    text: bool = False


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _is_store(path: Path) -> bool:
    head = _head(path)
    if not head.startswith(b"\x89HDF\r\n\x1a\n"):
        return False
    # Beside texts of more than 64 KiB the format's name lies behind the joints.
    return b"skelf-clips" in head or b"skelf-clips" in _tail(path)


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _HEAD))
        return file.read()


def _has_rows_with(*keys: str) -> Callable[[Path], bool]:
    def holds(path: Path) -> bool:
        if not _head(path).lstrip().startswith(b"["):
            return False
        try:
            rows = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            return False
        return all(isinstance(row, dict) and {*keys} <= row.keys() for row in rows)

    return holds


def _is_page(path: Path) -> bool:
    head = _head(path).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return head.startswith((b"<!doctype html", b"<html"))


def _is_gif(path: Path) -> bool:
    return _head(path).startswith((b"GIF87a", b"GIF89a"))


def _is_pyskl(path: Path) -> bool:
    head = _head(path)[:64]  # protocol 2 or later, and the first key of the outermost dict
    return head.startswith(b"\x80") and (b"split" in head or b"annotations" in head)


def _is_onnx(path: Path) -> bool:
    head = _head(path)[:32]  # the version of the format, and who made the file
    return head.startswith(b"\x08") and head[2:].startswith(b"\x12\x05skelf")


def _has_members(*names: str) -> Callable[[Path], bool]:
    wanted = {f"{name}.npy" for name in names}

    def holds(path: Path) -> bool:
        try:
            with ZipFile(path) as file:
                return wanted <= set(file.namelist())
        except (BadZipFile, ValueError, NotImplementedError):
            return False

    return holds


def _is_parquet(path: Path) -> bool:
    return _head(path).startswith(b"PAR1")


def _begins(*starts: bytes) -> Callable[[Path], bool]:
    return lambda path: _head(path).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(starts)


def _is_eaf(path: Path) -> bool:
    return b"<ANNOTATION_DOCUMENT" in _head(path)[:1024]


def _is_labels(path: Path) -> bool:
    lines = _head(path).decode("utf-8", "replace").splitlines()[:-1] or [""]
    return all(re.match(r"[\d.]+\t[\d.]+\t", line) for line in lines)


STORE = Kind("a skelf store", _is_store)
RESULTS = Kind("a list of result rows", _has_rows_with("protocol", "metric", "value"), text=True)
SCORES = Kind("an archive of scores", _has_members("row", "class_names"))
PAGE = Kind("an HTML page", _is_page, text=True)
GIF = Kind("a GIF", _is_gif)
NPZ = Kind("an exported .npz", _has_members("frames", "offsets", "skelf"))
ONNX = Kind("a model that skelf exported", _is_onnx)
PYSKL = Kind("a pyskl pickle", _is_pyskl)
FEATURES = Kind("a table of features", _has_members("features", "names"))
PARQUET = Kind("a Parquet file", _is_parquet)
PREDICTIONS_CSV = Kind("a table of predictions", _begins(b"file,name,person,"), text=True)
PREDICTIONS_JSON = Kind("a list of predictions", _has_rows_with("file", "name", "label"), text=True)
EAF = Kind("a file of ELAN", _is_eaf, text=True)
BORIS = Kind("a table of BORIS", _begins(b"Observation id,"), text=True)
EXPORTS = {
    "npz": NPZ,
    "pyskl": PYSKL,
    "bvh": Kind("a BVH file", _begins(b"HIERARCHY")),
    "trc": Kind("a TRC file", _begins(b"PathFileType")),
    "c3d": Kind("a C3D file", lambda path: _head(path)[1:2] == b"\x50"),
    "ctrgcn": Kind("an .npz as CTR-GCN's", _has_members("x_train", "y_train")),
    "csv": Kind("a CSV of joints", _begins(b"frame,time,"), text=True),
}
"""What `data export` writes, by format."""
AUDACITY = Kind("labels of Audacity", _is_labels, text=True)


def check_output(
    out: Path,
    kind: Kind,
    *,
    inputs: Iterable[str | Path] = (),
    replace: bool = False,
    make_folder: bool = True,
) -> None:
    """Refuses an output by the module's rule; called before the work, so that none is lost.

    Args:
        out: the file; a link stays, and the rule is for the file that it names.
        kind: what will be written.
        inputs: files that the command reads; folders and names that are no file play no part, what
            lies in them is kept by its kind.
        replace: whether a file of this kind that is there may be replaced. An empty file may always
            be, nothing is lost with it.
        make_folder: make the folder where it is missing.

    Raises:
        InputError: a folder, an input, a file of another kind or one that is there, a device that
            cannot take it, or nothing can be written there.
    """
    try:
        if out.is_dir():
            raise InputError(f"{out}: a folder; name a file")
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise InputError(f"{out}: cannot write here: {error.strerror}") from None
    for path in inputs:
        if _same(out, Path(path)):
            what = "store" if out.is_file() and _is_store(out) else "file"
            raise InputError(f"{out}: the {what} that is read; choose another --out")
    if is_stream(out):
        if not kind.text:
            raise InputError(f"{out}: a device or a pipe; name a file for {kind.title}")
        return
    target = named_file(out)
    if target.is_symlink():
        raise InputError(f"{out}: a link that leads in a circle; choose another --out")
    if target.exists():
        _check_present(out, target, kind, replace)
    if not make_folder and not target.parent.is_dir():
        raise InputError(f"{out}: the folder does not exist; create {target.parent}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # As `replacing` names it, so that a killed command's goes with the next write.
        beside = temporary(target)
        beside.open("xb").close()
        beside.unlink()
    except OSError as error:
        raise InputError(f"{out}: cannot write here: {error.strerror}") from None


def _check_present(out: Path, target: Path, kind: Kind, replace: bool) -> None:
    if not target.is_file():
        raise InputError(f"{out}: a disk or a socket; choose another --out")
    try:
        if not target.stat().st_size:
            return
        alike = kind.holds(target)
    except OSError as error:
        raise InputError(
            f"{out}: exists and cannot be read ({error.strerror}); choose another --out"
        ) from None
    if not alike:
        raise InputError(
            f"{out}: exists and is not {kind.title}, which alone may be replaced here; choose "
            "another --out"
        )
    if not replace:
        raise InputError(f"{out}: exists already; choose another --out, or replace it with --force")


def _same(out: Path, path: Path) -> bool:
    """Whether two names are of one file: by links of either sort, there or not yet."""
    if path.is_dir():
        return False
    try:
        return os.path.samefile(out, path)
    except OSError:
        return os.path.realpath(out) == os.path.realpath(path)
