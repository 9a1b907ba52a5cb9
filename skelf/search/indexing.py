"""Builds an index and adds to one: unit by unit, part by part; a kill costs what was under way."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

from ..cluster import Crew
from ..cluster.alone import Alone
from ..data.clips import ClipSet
from ..data.formats.signs import STORE
from ..errors import InputError
from ..files import sweep
from ..inference.bulk.blocks import Reading
from ..inference.bulk.gather import in_order
from ..inference.bulk.once import Known, known
from ..inference.bulk.parts import parts_beside
from ..inference.bulk.units import Unit, cut, pieces
from ..inference.source import Place, places
from ..locks import locked
from ..machine.guest import no_trace
from ..runs.load import Run
from . import manifest as manifests
from .adding import Adding
from .finish import finished
from .identity import FOLDER, encoder_of, keep
from .manifest import Manifest
from .options import Search
from .unit import Asked, work, write_known

Say = Callable[[str], None]
Report = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and all of it (0: not known)."""


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
    crew: Crew = Alone(),
    say: Say = lambda text: None,
    report: Report = lambda what, done, total: None,
) -> Path:
    """Makes a search index of recordings, or adds more of them to one.

    What is in the index already is passed over, and what was interrupted goes on. A file that
    cannot be read or does not fit the encoder is said and the others go on. Parts on their way lie
    in a hidden folder beside the index. The index is the same to the bit whoever does the work, if
    torch counts with as many threads.

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
        crew: does the work; clips in memory are indexed in this process.
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
    folder, reading = Path(out), Reading(layout, tuple(options), unit, up)
    _check_folder(folder, add, replace_index)
    clips = data if isinstance(data, ClipSet) else None
    if isinstance(data, ClipSet):
        units = _of_clips(data)
    else:
        units = cut(_places(data, format, say), "frames")
    with locked(
        folder, ".lock",
        busy="another process is writing this index; wait for it, or choose another --out",
        unwritable="cannot write the index",
    ), _full_disk(folder):  # fmt: skip
        if replace_index:
            _clear(folder)
        sweep(folder)
        manifest, encoder, place = _begun(folder, run, how)
        identity = ("index", encoder.identity, manifest.how, reading, encoder.needs)
        with parts_beside(folder, *identity) as parts:
            known_file = parts.folder / "known"
            write_known(known_file, [s.digest for s in manifest.sources if s.whole])
            asked = Asked(
                str(place), encoder.identity, manifest.how, reading, device, str(known_file)
            )
            alone = isinstance(crew, Alone) or clips is not None
            task = partial(work, asked, clips=clips, report=report) if alone else None
            adding = Adding(folder, manifest, reading, clips, say, report)
            for given in in_order(
                Alone() if alone else crew,
                task or partial(work, asked),
                adding.todo(units),
                parts,
                lambda done, total: report("reading", done, total),
                verify=clips is None,
            ):
                adding.take(given)
            adding.end()
            if not adding.pending.manifest.parts:
                raise InputError(f"{folder}: nothing could be indexed; the lines above say why")
            finished(folder, adding.pending.manifest, say, report)
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


def _places(data: str | Path | Sequence[str | Path], format_: str | None, say: Say) -> list[Place]:
    paths = [data] if isinstance(data, str | Path) else list(data)
    return places(paths, format=format_, say=say)


def _of_clips(clips: ClipSet) -> list[Unit]:
    path, stamp = clips.path or Path("clips in memory"), clips.digest()
    bounds = pieces(clips.length, "frames")
    return [
        Unit(Place(path, STORE, path), first, last, len(clips), f"{stamp}-{first}")
        for first, last in pairwise(bounds)
    ]


def _begun(folder: Path, run: Run | None, how: Search | None) -> tuple[Manifest, Known, Run]:
    """The index's manifest, written if it is new, its encoder and where that lies.

    Raises:
        InputError: no run for a new index, another encoder, or other settings.
    """
    if not manifests.is_index(folder):
        if run is None:
            raise InputError(f"{folder}: a new index needs an encoder; give --run RUN")
        elsewhere = keep(run, folder)
        place: Run = folder / FOLDER if elsewhere is None else elsewhere
        encoder = known(place)
        manifest = Manifest(encoder.identity, encoder.encoder.dim, how or Search(), elsewhere)
        manifests.write(folder, manifest)
        return manifest, encoder, place
    manifest = manifests.read(folder)
    if how is not None and how != manifest.how:
        raise InputError(
            f"{folder}: was made with scales={list(manifest.how.scales)} "
            f"stride={manifest.how.stride:g} exact_up_to={manifest.how.exact_up_to} "
            f"recall={manifest.how.recall:g}; add with the same settings (leave them out), or "
            "make another index"
        )
    usual = folder / FOLDER if manifest.elsewhere is None else manifest.elsewhere
    return manifest, encoder_of(folder, manifest, run), usual if run is None else run


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
