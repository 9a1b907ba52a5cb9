"""What a sharded set consists of: one small file, which is written last and renamed.

    manifest.json   format "skelf-shards", version, skeleton, class names, attributes, the shape of
                    a frame, the columns and the list of shards with their sizes and checksums, one
                    of all joints, and one over all of that

A column may be written again (a split is added): it gets a file of another name, and the manifest
names the new one. So whoever has the set open keeps what it opened.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files import replacing
from ...skeleton import Skeleton

FILE = "manifest.json"
COLUMNS = "columns"  # the folder
FORMAT, VERSION = "skelf-shards", 1
AGAIN = "copy the folder again, or make it again"


@dataclass(frozen=True)
class Column:
    """One column of the table, in a file that NumPy reads.

    Args:
        file: in the folder `columns`.
        bytes: of the file.
        blake2b: of its content.
        kind: of its numbers, as NumPy writes it into a file.
        shape: of all.
    """

    file: str
    bytes: int
    blake2b: str
    kind: str
    shape: list[int]


@dataclass(frozen=True)
class Manifest:
    """What the file says.

    Args:
        skeleton: the layout.
        frame: `(M, V, C)` of the set.
        class_names: of the set; shards have their own.
        attributes: of the set.
        clips: rows of the table.
        columns: by name; those of splits are named `splits/NAME`.
        shards: the list of them, as `listed.py` has it.
        joints: checksum of all joints, from those of the shards.
    """

    skeleton: Skeleton
    frame: tuple[int, int, int]
    class_names: tuple[str, ...]
    attributes: dict[str, str]
    clips: int
    columns: dict[str, Column]
    shards: Column
    joints: str

    def with_columns(self, columns: dict[str, Column]) -> Manifest:
        """The same with more, or replaced, columns."""
        return replace(self, columns=self.columns | columns)


def is_sharded(path: Path) -> bool:
    """Whether a path is a folder that says it is a sharded set, however damaged."""
    return path.is_dir() and (path / FILE).is_file()


def write(folder: Path, manifest: Manifest) -> None:
    """Writes the file beside and renames it; columns that it does not name go.

    Whoever writes a set holds it (`locks.holding` of this file).

    Raises:
        OSError: it cannot be written.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "skeleton": manifest.skeleton.to_dict(),
        "frame": list(manifest.frame),
        "class_names": list(manifest.class_names),
        "attributes": manifest.attributes,
        "clips": manifest.clips,
        "columns": {name: asdict(column) for name, column in manifest.columns.items()},
        "shards": asdict(manifest.shards),
        "joints": manifest.joints,
    }
    with replacing(folder / FILE) as beside:
        text = json.dumps(content | {"blake2b": _checksum(content)}, ensure_ascii=False)
        beside.write_text(text, "utf-8")
    kept = {column.file for column in (manifest.shards, *manifest.columns.values())}
    for file in (folder / COLUMNS).glob("*.npy"):
        if file.name not in kept and not file.name.startswith("."):
            with suppress(OSError):  # on Windows one that somebody reads stays
                file.unlink()


def read(folder: Path) -> tuple[Manifest, os.stat_result]:
    """The manifest, if it is whole, and the file's state.

    Raises:
        InputError: none there, damaged, of another format or a newer version.
    """
    path = folder / FILE
    try:
        with path.open("rb") as file:
            content = json.loads(file.read().decode("utf-8"))
            status = os.fstat(file.fileno())
    except FileNotFoundError:
        raise InputError(
            f"{folder}: a folder without {FILE}, so no sharded set; its import was not finished, "
            "or name a file in it"
        ) from None
    except PermissionError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: damaged or cut off; {AGAIN}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: not a manifest of skelf's (format is not {FORMAT!r})")
    if content.get("version") != VERSION:
        raise InputError(
            f"{path}: version {content.get('version')} of sharded sets, this skelf reads {VERSION};"
            " update skelf or make the set again"
        )
    if content.pop("blake2b", None) != _checksum(content):
        raise InputError(f"{path}: checksum does not match; {AGAIN}")
    try:
        return _manifest(folder, content), status
    except (LookupError, TypeError, ValueError):  # as it was written, but not by this skelf
        raise InputError(f"{path}: a field is missing or of another kind; {AGAIN}") from None


def _manifest(folder: Path, content: dict[str, Any]) -> Manifest:  # Any: as JSON has it
    M, V, C = content["frame"]
    return Manifest(
        skeleton=Skeleton.from_dict(content["skeleton"], f"{folder / FILE}: skeleton"),
        frame=(M, V, C),
        class_names=tuple(content["class_names"]),
        attributes=content["attributes"],
        clips=content["clips"],
        columns={name: Column(**column) for name, column in content["columns"].items()},
        shards=Column(**content["shards"]),
        joints=content["joints"],
    )


def _checksum(content: dict[str, Any]) -> str:  # Any: as above
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return blake2b(text.encode("utf-8"), digest_size=16).hexdigest()
