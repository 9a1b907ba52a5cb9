"""Sets in object stores and on servers: `s3://bucket/set`, `https://host/set.h5`.

What is read lies in a folder of this machine then. A store of one file is fetched whole. Of a
sharded set its manifest and its columns are, and a shard when a frame of it is first wanted. What
was fetched is compared as it would be on a disk: columns and shards with the checksums of the
manifest, a store with its own when it is opened and read.

The folder is `$SKELF_CACHE/remote`, else `~/.cache/skelf/remote`, with a folder for each address
and each version of it. Nothing is ever deleted there: it grows to the size of what is read, and may
be removed whenever nobody reads.
"""

from __future__ import annotations

import json
import os
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from ..errors import InputError
from ..files import replacing, write_json
from .addresses import ORIGIN, System, asking, get, inside, reach
from .shards import columns, manifest

VARIABLE = "SKELF_CACHE"


def fetched(url: str) -> Path:
    """The store, or the sharded set's folder, that stands for an address here.

    Raises:
        InputError: nothing there, an unknown protocol, or a package that it needs is missing.
        OSError: it cannot be written here.
    """
    system, there = reach(url)
    if url.startswith("file:"):
        return Path(there)
    home = _home() / _short(url.encode())
    home.mkdir(parents=True, exist_ok=True)
    with asking(url):
        if system.exists(f"{there}/{manifest.FILE}"):
            content = system.cat_file(f"{there}/{manifest.FILE}")
            about = None
        elif system.exists(there):
            about = system.info(there)
        else:
            raise InputError(f"{url}: nothing is there; name a store or a sharded set's folder")
    if about is not None:
        return _one_file(system, there, url, home, about)
    folder = home / _short(content) / PurePosixPath(there).name
    _shards(system, there, url, folder, content)
    return folder


def _shards(system: System, there: str, url: str, folder: Path, content: bytes) -> None:
    """A set's folder with all but its shards."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / ORIGIN, {"address": url})
    with replacing(folder / manifest.FILE) as beside:
        beside.write_bytes(content)
    said, _ = manifest.read(folder)
    for name, column in {"shards": said.shards, **said.columns}.items():
        file = f"{manifest.COLUMNS}/{column.file}"
        path = inside(folder, file, url)
        if not path.is_file() or path.stat().st_size != column.bytes:
            get(system, f"{there}/{file}", path, url)
            columns.verify(folder, name, column)


def _one_file(system: System, there: str, url: str, home: Path, about: dict[str, object]) -> Path:
    """A store; another version, by what the other side says of it, is another file here."""
    known = {key: str(about.get(key)) for key in ("size", "ETag", "mtime", "LastModified")}
    path = home / _short(json.dumps(known).encode()) / PurePosixPath(there).name
    if not path.is_file():
        get(system, there, path, url)
    return path


def _short(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()


def _home() -> Path:
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "skelf"
    return Path(os.environ.get(VARIABLE) or usual) / "remote"
