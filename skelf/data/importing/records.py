"""What an import keeps beside its shards: of each what it was made of, and of all the settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ...errors import InputError
from ...files import write_json
from ..listing import Told

FOLDER = "import"
"""In the folder of the set; it may be deleted when the import is done."""
FORMAT = "skelf-import"


@dataclass(frozen=True)
class Record:
    """What came of a chunk.

    Args:
        sign: of the chunk.
        size: bytes of its shard; 0: nobody is in it, and there is none.
        clips: in the shard.
        told: what all chunks together settle.
        notes: what the reader warned of.
        problems: file and why it could not be read.
    """

    sign: str
    size: int
    clips: int
    told: Told = field(default_factory=Told)
    notes: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


def read(folder: Path, name: str, sign: str) -> Record | None:
    """The record of a finished shard; None: it is to be made.

    A shard of which files could not be read is made anew: perhaps they can be now.
    """
    place = _place(folder, name)
    try:
        fields = json.loads(place.read_text("utf-8"))
        if fields.pop("format") != FORMAT or fields["sign"] != sign or fields["problems"]:
            return None
        size = fields["size"]
        if size and (folder / name).stat().st_size != size:
            return None
        told = fields.pop("told")
        told["stated"] = {int(label): text for label, text in told["stated"].items()}
        told["named"] = set(told["named"])
        told["unused"] = None if told["unused"] is None else {tuple(u) for u in told["unused"]}
        fields["notes"] = tuple(fields["notes"])
        return Record(**fields | {"told": Told(**told), "problems": ()})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def write(folder: Path, name: str, record: Record) -> None:
    """Keeps a record, once its shard is whole."""
    fields = asdict(record)
    for key in ("named", "unused"):
        values = fields["told"][key]
        fields["told"][key] = None if values is None else sorted(values)
    write_json(_place(folder, name), {"format": FORMAT} | fields)


def begin(folder: Path, settings: Mapping[str, object], *, replace: bool = False) -> None:
    """Keeps the settings of an import, or compares them with those that it was begun with.

    Args:
        folder: of the set.
        settings: what decides what is in it, beside the files.
        replace: other settings begin anew.

    Raises:
        InputError: they differ, or the folder is somebody else's.
    """
    place = folder / FOLDER / "settings.json"
    now = json.loads(json.dumps({"kind": FORMAT, **settings}))
    before = _settings(place)
    if before is None:
        foreign = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
        if foreign and foreign != [FOLDER]:
            raise InputError(
                f"{folder}: exists and was not written by `skelf data import` (there is "
                f"{foreign[0]}); choose another --out"
            )
    if before is None or (replace and now != before):
        clear(folder)
        write_json(place, now)
        return
    odd = next((key for key in [*now, *before] if now.get(key) != before.get(key)), None)
    if odd is not None:
        was, is_ = _shown(before.get(odd)), _shown(now.get(odd))
        raise InputError(
            f"{folder}: was imported with {odd} {was}, now {is_}; choose another --out, or begin "
            "anew with --force"
        )


def clear(folder: Path) -> None:
    """Removes what an import left: its shards, its records."""
    for pattern in ("shard-*.h5", f"{FOLDER}/*.json"):
        for file in folder.glob(pattern):
            file.unlink(missing_ok=True)


def _settings(place: Path) -> dict[str, object] | None:
    try:
        before = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return before if isinstance(before, dict) and before.get("kind") == FORMAT else None


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value not in (None, "", []) else "nothing"


def _place(folder: Path, name: str) -> Path:
    return folder / FOLDER / f"{Path(name).stem}.json"
