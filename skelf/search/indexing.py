"""Builds an index and adds to one: file by file, part by part; a kill costs a part at most."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ..data.clips import ClipSet
from ..errors import InputError
from ..files import sweep
from ..inference.source import Place, each, places
from ..inference.source import Source as Given
from ..locks import locked
from ..machine.guest import no_trace
from ..runs.load import Run
from . import manifest as manifests
from .encode import Axes, ready, vectors
from .finish import finished
from .identity import FOLDER, Known, encoder_of, keep, known
from .manifest import Manifest, Source
from .options import Search
from .pending import Pending

Say = Callable[[str], None]
Report = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and all of it (0: not known)."""


class Reading(NamedTuple):
    """How files are read.

    Args:
        format: None: by what is in them.
        layout: of their joints; None: by their names.
        options: of the format's reader.
        axes: unit and upward axis; None: as the files tell.
    """

    format: str | None
    layout: str | None
    options: tuple[str, ...]
    axes: Axes


@no_trace()
def build(
    data: str | Path | ClipSet | Sequence[str | Path],
    run: Run | None,
    out: str | Path,
    *,
    how: Search | None = None,
    add: bool = False,
    replace_index: bool = False,
    format: str | None = None,
    layout: str | None = None,
    options: Sequence[str] = (),
    unit: str | None = None,
    up: str | None = None,
    device: str = "cpu",
    say: Say = lambda text: None,
    report: Report = lambda what, done, total: None,
) -> Path:
    """Makes a search index of recordings, or adds more of them to one.

    What is in the index already is passed over, and what was interrupted goes on. A file that
    cannot be read or does not fit the encoder is said and the others go on.

    Args:
        data: stores, files or folders of any format that `skelf data import` reads, or clips.
        run: the encoder: a run, a checkpoint folder, a model folder or a hub name; None: that of
            the index.
        out: the index's folder.
        how: its settings; None: those that it has, or the defaults.
        add: the index must be there.
        replace_index: an index that is there goes first.
        format: of the files; None: by what is in them.
        layout: of their joints; None: by their names.
        options: of the format's reader, as `key=value`.
        unit: of their coordinates, as "mm"; None: as the files or the bodies' size tell.
        up: their upward axis, as "z"; None: as the bodies stand.
        device: where the encoder runs.
        say: told in a line what happens to the data.
        report: see `Report`.

    Returns:
        The index's folder.

    Raises:
        InputError: no data that could be read, an index of another encoder or with other settings,
            another process that writes it, or a folder that is something else.
        OSError: the disk is full; what is indexed until then stays.

    Examples:
        >>> import skelf
        >>> from skelf.data.synthetic.clips import generate
        >>> clips = generate(clips=24)
        >>> tiny = ["encoder.dim=8", "encoder.frames=8", "train.epochs=1", "train.batch_size=16"]
        >>> run = skelf.pretrain("usdrl", clips, out="searched", overrides=tiny)
        >>> from skelf.search import Index
        >>> index = Index.open(build(clips, run, "index"))
        >>> hits = index.query(clips.take([3]), top=2)
        >>> len(hits), hits[0].recording != clips.names[3], hits[0].score >= hits[1].score
        (2, True, True)
    """
    folder, reading = Path(out), Reading(format, layout, tuple(options), Axes(unit, up))
    _check_folder(folder, add, replace_index)
    given = [] if isinstance(data, ClipSet) else _places(data, reading, say)
    with locked(
        folder, ".lock",
        busy="another process is writing this index; wait for it, or choose another --out",
        unwritable="cannot write the index",
    ), _full_disk(folder):  # fmt: skip
        if replace_index:
            _clear(folder)
        sweep(folder)
        manifest, encoder = _begun(folder, run, how)
        pending = Pending(folder, manifest)
        files = _clips(data) if isinstance(data, ClipSet) else _files(given, reading, say)
        for place, file in files:
            _add(pending, encoder, file, place, reading, device, say, report)
        pending.flush()
        if not pending.manifest.parts:
            raise InputError(f"{folder}: nothing could be indexed; the lines above say why")
        finished(folder, pending.manifest, say, report)
    return folder


def _check_folder(folder: Path, add: bool, replace_index: bool) -> None:
    """Refuses what is no index, and `add` where there is none."""
    there = manifests.is_index(folder)
    if add and replace_index:
        raise InputError("--add and --force: an index is added to or replaced, not both")
    if add and not there:
        raise InputError(f"{folder}: no search index here to add to; leave --add out to make one")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file; an index is a folder, choose another --out")
    strange = [entry.name for entry in folder.iterdir()] if folder.is_dir() and not there else []
    strange = [name for name in strange if name not in (FOLDER, ".lock")]
    if [name for name in strange if not name.endswith(".tmp")]:
        raise InputError(
            f"{folder}: holds other files ({sorted(strange)[0]}) and no index; choose another --out"
        )


def _places(data: str | Path | Sequence[str | Path], reading: Reading, say: Say) -> list[Place]:
    paths = [data] if isinstance(data, str | Path) else list(data)
    return places(paths, format=reading.format, say=say)


def _files(given: list[Place], reading: Reading, say: Say) -> Iterator[tuple[Place, Given]]:
    found = each(given, layout=reading.layout, options=reading.options, say=say)
    return zip(given, found, strict=True)


def _clips(clips: ClipSet) -> Iterator[tuple[Place, Given]]:
    path = clips.path or Path("clips in memory")
    yield Place(path, "store", path), Given(path, clips)


def _begun(folder: Path, run: Run | None, how: Search | None) -> tuple[Manifest, Known]:
    """The index's manifest, written if it is new, and its encoder.

    Raises:
        InputError: no run for a new index, another encoder, or other settings.
    """
    if not manifests.is_index(folder):
        if run is None:
            raise InputError(f"{folder}: a new index needs an encoder; give --run RUN")
        elsewhere = keep(run, folder)
        encoder = known(folder / FOLDER if elsewhere is None else elsewhere)
        manifest = Manifest(encoder.identity, encoder.encoder.dim, how or Search(), elsewhere)
        manifests.write(folder, manifest)
        return manifest, encoder
    manifest = manifests.read(folder)
    if how is not None and how != manifest.how:
        raise InputError(
            f"{folder}: was made with scales={list(manifest.how.scales)} "
            f"stride={manifest.how.stride:g} exact_up_to={manifest.how.exact_up_to} "
            f"recall={manifest.how.recall:g}; add with the same settings (leave them out), or "
            "make another index"
        )
    return manifest, encoder_of(folder, manifest, run)


def _add(
    pending: Pending,
    encoder: Known,
    file: Given,
    place: Place,
    reading: Reading,
    device: str,
    say: Say,
    report: Report,
) -> None:
    """Adds what of a file is not in the index yet; a file that does not fit is said."""
    if file.clips is None:
        say(f"passed over: {file.problem}")
        return
    digest = file.clips.digest()
    number, source = pending.find(digest)
    if source is not None and source.done == source.windows:
        say(f"{file.path}: in the index already")
        return
    report(str(file.path.name), 0, 0)
    try:
        how = pending.manifest.how
        rows = ready(file.clips, encoder.needs, how, number, say, reading.axes)
    except InputError as error:
        say(f"passed over: {error}")
        return
    total = len(rows.windows)
    if not total:
        say(f"passed over: {file.path}: nobody is in it")
        return
    if source is None:
        path, root = (str(Path(each).resolve()) for each in (file.path, place.root))
        source = Source(
            path, digest, total, 0, place.format, root, reading.layout or "", reading.options
        )
    done = source.done
    pending.begin(number, source, file.clips.class_names)
    while done < total:
        chunk = slice(done, min(total, done + pending.room))
        seen = done

        def tell(more: int) -> None:
            nonlocal seen
            seen += more
            report(file.path.name, seen, total)

        found = vectors(encoder.encoder, rows.clips, rows.places.take(chunk), device, tell)
        pending.add(number, rows, chunk, found)
        done = chunk.stop


def _clear(folder: Path) -> None:
    """Removes an index, its manifest first: what is left then is none."""
    if not manifests.is_index(folder):
        return
    (folder / manifests.FILE).unlink()
    for path in [*folder.glob("part-*.safetensors"), *folder.glob("approximate-*.faiss")]:
        path.unlink()
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


@contextmanager
def _full_disk(folder: Path) -> Iterator[None]:
    """An error of writing says that what is indexed stays."""
    try:
        yield
    except OSError as error:
        if error.strerror is None or error.errno is None:
            raise
        text = (
            f"{error.strerror}; what is indexed so far stays, the same command goes on from there"
        )
        raise OSError(error.errno, text, error.filename or str(folder)) from error
