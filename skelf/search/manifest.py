"""`index.json`: what an index consists of. It is written last, so what it names is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ..errors import InputError
from ..files import read_json, write_json
from ..settings.options import flat, from_flat
from ..settings.values import Settings, Value
from .options import Search

FILE = "index.json"
FORMAT, VERSION = "skelf-search", 2
READ = (1, 2)
"""Versions that are read; the first one has no blocks."""


@dataclass(frozen=True)
class Source:
    """A file that is in an index.

    Args:
        path: where it was read, absolute.
        digest: of its content.
        windows: that it has; -1: not known yet.
        done: of these in the index; fewer where the work was interrupted.
        format: that it was read as.
        root: the folder that was given, or the file itself.
        layout: that it was given; empty: told by the file.
        options: of its reader, as `key=value`.
        blocks: windows of each unit of it that was begun, in order; all but the last are whole.
    """

    path: str
    digest: str
    windows: int
    done: int
    format: str = ""
    root: str = ""
    layout: str = ""
    options: tuple[str, ...] = ()
    blocks: tuple[int, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether all of it is in the index."""
        return self.done == self.windows


@dataclass(frozen=True)
class Piece:
    """A part's file, its windows and its checksum."""

    file: str
    windows: int
    checksum: str


@dataclass(frozen=True)
class Approximation:
    """The approximate index over the first parts.

    Args:
        file: its name.
        checksum: of the file.
        kind: in words.
        parts: that are in it, the first ones.
        centred: the first parts, whose mean and deviation vectors are taken by.
        windows: that are in it.
        probes: cells that a query looks into.
        recall: share of the true 10 nearest that it finds.
        queries: on how many windows that was measured.
    """

    file: str
    checksum: str
    kind: str
    parts: int
    centred: int
    windows: int
    probes: int
    recall: float
    queries: int


@dataclass(frozen=True)
class Manifest:
    """What an index consists of.

    Args:
        encoder: identity of its encoder.
        dim: numbers of a vector.
        how: its settings.
        elsewhere: where the encoder is, if it is not in the index.
        class_names: the classes of its windows.
        sources: its files, in order.
        parts: its parts, in order.
        approximation: None: every query looks at all windows.
        whole: nothing was interrupted.
    """

    encoder: str
    dim: int
    how: Search
    elsewhere: str | None = None
    class_names: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    parts: tuple[Piece, ...] = ()
    approximation: Approximation | None = None
    whole: bool = field(default=False)

    @property
    def windows(self) -> int:
        """In all parts."""
        return sum(part.windows for part in self.parts)

    def with_classes(self, names: Sequence[str]) -> Manifest:
        """The same with these classes among its own."""
        new = [name for name in dict.fromkeys(names) if name not in self.class_names]
        return replace(self, class_names=(*self.class_names, *new))


def write(folder: Path, manifest: Manifest) -> None:
    """Writes `index.json` whole or not at all.

    Raises:
        OSError: it could not be written.
    """
    values = asdict(manifest) | {"how": flat(manifest.how)}
    write_json(folder / FILE, {"format": FORMAT, "version": VERSION} | values)


def is_index(folder: Path) -> bool:
    """Whether a folder is an index, finished or not."""
    return (folder / FILE).is_file()


def read(folder: Path) -> Manifest:
    """Reads `index.json`.

    Raises:
        InputError: no index, a newer one, or a damaged file.
    """
    if not is_index(folder):
        raise InputError(
            f"{folder}: no search index here (no {FILE}); make one with `skelf search index DATA "
            f"--run RUN --out {folder}`"
        )
    path = folder / FILE
    values = read_json(path)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise InputError(f"{path}: not of a search index; name the folder of one")
    if values.get("version") not in READ:
        raise InputError(
            f"{path}: version {values.get('version')}, and this skelf reads up to {VERSION}; use "
            "the skelf that made it, or build the index again with --force"
        )
    try:
        return _filled({k: v for k, v in values.items() if k not in ("format", "version")})
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InputError(
            f"{path}: damaged ({error}); restore it, or build the index again with --force"
        ) from None


def _filled(values: Settings) -> Manifest:
    about, how = values.get("approximation"), values["how"]
    if not isinstance(how, dict):
        raise ValueError("how: no table of settings")
    manifest = Manifest(
        **values
        | {
            "how": from_flat(Search, how),
            "class_names": tuple(values["class_names"]),
            "sources": tuple(_source(each) for each in values["sources"]),
            "parts": tuple(Piece(**each) for each in values["parts"]),
            "approximation": None if about is None else Approximation(**about),
        }
    )
    numbers: list[Value] = [manifest.dim, *(part.windows for part in manifest.parts)]
    texts: list[Value] = [manifest.encoder, *(source.path for source in manifest.sources)]
    texts += [part.file for part in manifest.parts]
    if not all(isinstance(n, int) for n in numbers) or not all(isinstance(t, str) for t in texts):
        raise ValueError("a number or a text is missing")
    if any(Path(part.file).name != part.file for part in manifest.parts):
        raise ValueError("a part lies outside of the index")
    return manifest


def _source(values: Settings) -> Source:
    blocks = tuple(int(count) for count in values.get("blocks", ()))
    return Source(**values | {"options": tuple(values["options"]), "blocks": blocks})
