"""Recordings from wherever they are: a store, a set by name, files and folders of any format.

Of a folder each recording is read by itself, so that memory stays small and a damaged file does not
take the others with it.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..data.clips import ClipSet
from ..data.formats import members
from ..data.formats.clip_json import files_of
from ..data.formats.field_arrays import arrays_of
from ..data.formats.guess import guess
from ..data.formats.signs import SIGNS, STORE
from ..data.formats.table_signs import MAPPING
from ..data.join import joined
from ..data.noted import noted
from ..data.presets import located
from ..data.readers import READERS
from ..data.reading import annotations_of, read, reader_arguments
from ..data.shards import is_sharded
from ..data.survey import survey
from ..errors import InputError, unknown

AUTO = "auto"  # the same as no format: by what is in the files
_OF_SETS = ("so that no clip has a label", "are kept without segments", "so no split ")
"""What is in remarks that matter to whoever trains."""
_OF_THE_FILE = {errno.EACCES, errno.EPERM, errno.ENOENT, errno.EISDIR, errno.EIO, errno.ELOOP}


class Place(NamedTuple):
    """Something that is read at once.

    Args:
        path: a file, or a folder that is one source.
        format: a name in `READERS`, or "store"; empty: what is wrong shows when it is read.
        root: the path that the user gave.
    """

    path: Path
    format: str
    root: Path


class Source(NamedTuple):
    """What was read of a place.

    Args:
        path: of the file or folder.
        clips: its recordings or clips; None where it could not be read.
        problem: why not; empty where it could.
        remarks: what the reader warned of.
    """

    path: Path
    clips: ClipSet | None
    problem: str = ""
    remarks: tuple[str, ...] = ()


def read_data(
    path: str | Path,
    *,
    format: str | None = None,
    layout: str | None = None,
    options: Sequence[str] = (),
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """All recordings of a path as one set.

    Args:
        path: a store, a set's name, or a file or folder of any format that `data import` reads.
        format: its name; None: by what is in the file, of a folder by its first file.
        layout: a layout's name or TOML file; None: the reader's own way.
        options: `key=value` words, those of `data import` for the format.
        say: told in one line what the reader warns of.
        progress: called with files done and in all, where the reader takes many.
        scratch: folder for the frames meanwhile; None: the system's.

    Raises:
        InputError: nothing there, no format that fits, or what the reader refuses.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> generate(clips=12).save("made_up.h5")
        >>> len(read_data("made_up.h5"))
        12
    """
    root = located(path)
    format = None if format == AUTO else format
    place = Place(root, format or "", root)
    if is_sharded(root):
        place = place._replace(format=STORE)
    elif root.is_dir():
        listed = places([root], format=format)
        formats = {part.format for part in listed}
        one_each = any(name in SIGNS and SIGNS[name].alone for name in formats)
        if len(formats) > 1 or (one_each and listed[0].path != root):
            return _joined(listed, layout, options, say, scratch)
        place = place._replace(format=listed[0].format)
    source = _read(place, layout, options, progress, scratch)
    for line in source.remarks:
        say(line)
    assert source.clips is not None
    return source.clips


def places(
    paths: Iterable[str | Path],
    *,
    format: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[Place]:
    """What is read one after the other of some paths, in their order; nothing is read yet.

    Args:
        paths: stores, sets by name, files and folders (searched with their sub-folders).
        format: of all; None: of each by what is in it.
        say: told in one line which files of a folder are passed over.

    Raises:
        InputError: an unknown format, no such path, or a folder without recordings.
    """
    format = None if format == AUTO else format
    if format is not None and format != STORE and format not in READERS:
        raise unknown("format", format, (STORE, *READERS))
    found: list[Place] = []
    for path in paths:
        root = located(path)
        if not root.exists():
            raise InputError(f"{root}: no such file or folder")
        if is_sharded(root):
            found.append(Place(root, STORE, root))
        elif root.is_dir():
            found += _of_folder(root, format, say)
        else:
            found.append(Place(root, format or _quietly(root), root))
    if not found:
        raise InputError("no data is named; give files, folders or stores")
    return found


def each(
    paths: Iterable[str | Path] | Sequence[Place],
    *,
    format: str | None = None,
    layout: str | None = None,
    options: Sequence[str] = (),
    say: Callable[[str], None] = lambda text: None,
    scratch: str | Path | None = None,
) -> Iterator[Source]:
    """The recordings of some paths, file by file; one that cannot be read says so and is passed.

    Args:
        paths: see `places`, or what it gave.
        format: see `read_data`; so are the others.
        layout: see there.
        options: see there.
        say: see there.
        scratch: see there.

    Raises:
        InputError: see `places`.
        OSError: what is not of one file, as a full disk.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> generate(clips=12).save("whole.h5")
        >>> Path("cut.h5").write_bytes(Path("whole.h5").read_bytes()[:2000])
        2000
        >>> [(s.path.name, s.clips is not None) for s in each(["whole.h5", "cut.h5"])]
        [('whole.h5', True), ('cut.h5', False)]
    """
    given = list(paths)
    listed = [place for place in given if isinstance(place, Place)]
    rest = [path for path in given if not isinstance(path, Place)]
    if rest:
        listed += places(rest, format=format, say=say)
    told: set[str] = set()
    for place in listed:
        try:
            source = _read(place, layout, options, None, scratch)
        except InputError as error:
            source = Source(place.path, None, str(error))
        except OSError as error:
            if error.errno not in _OF_THE_FILE:
                raise
            source = Source(place.path, None, f"{place.path}: cannot read: {error.strerror}")
        for line in source.remarks:
            what = line.replace(str(place.path), "")
            if what not in told:  # the first file speaks for the others
                say(line)
            told.add(what)
        yield source


def _read(
    place: Place,
    layout: str | None,
    options: Sequence[str],
    progress: Callable[[int, int], None] | None,
    scratch: str | Path | None,
) -> Source:
    format_ = place.format or guess(place.path)
    with noted() as caught:
        if format_ == STORE:
            if options or layout:
                what = options[0] if options else f"--layout {layout}"
                raise InputError(f"{place.path}: a store has no options; leave {what} out")
            clips = ClipSet.open(place.path)
        else:
            annotations, own = annotations_of(_with_usual(place, format_, options))
            how = reader_arguments(format_, own)
            clips = annotations.applied(
                read(format_, place.path, layout, how, progress=progress, scratch=scratch)
            )
    told = (line for line in caught if not any(words in line for words in _OF_SETS))
    return Source(place.path, clips, remarks=tuple(told))


def _joined(
    listed: Sequence[Place],
    layout: str | None,
    options: Sequence[str],
    say: Callable[[str], None],
    scratch: str | Path | None,
) -> ClipSet:
    """Files that no reader takes together, as one set."""
    sets = []
    for place in listed:
        source = _read(place, layout, options, None, scratch)
        for line in source.remarks:
            say(line)
        assert source.clips is not None
        sets.append(source.clips)
    if len(sets) == 1:
        return sets[0]
    with noted():  # whose subjects are whose matters to who trains
        return joined(sets, scratch=scratch)


def _with_usual(place: Place, format_: str, options: Sequence[str]) -> list[str]:
    """The options, and what a lone file needs said: a mapping above it, a name of its own."""
    words = list(options)
    keys = {word.partition("=")[0].rpartition(".")[2] for word in words}
    lone = place.path.is_file() and place.path.suffix.lower() != ".zip"
    if format_ == "ntu" and "folders" not in keys and lone:
        words.append("folders=class")  # any name, and no counting of a whole set
    if format_ == "pkummd" and "form" not in keys:
        words.append("form=recordings")
    if format_ == "csv" and "mapping" not in keys and place.root.is_dir():
        mapping = place.root / MAPPING
        if mapping.is_file() and place.path.parent != place.root:
            words.append(f"mapping={mapping.resolve()}")
    return words


def _of_folder(root: Path, format_: str | None, say: Callable[[str], None]) -> list[Place]:
    if format_ in (None, STORE) and is_sharded(root):
        return [Place(root, STORE, root)]
    signs = SIGNS.get(format_ or "")
    if format_ is not None and (signs is None or signs.whole):
        return [Place(root, format_, root)]
    if format_ in (None, "arrays") and (arrays_of(root) or files_of(root)):
        return [Place(root, "arrays", root)]
    if signs is not None:
        files = [member.file for member in members.find(root, signs.suffixes) if not member.inside]
        found = [Place(file, format_ or "", root) for file in sorted(dict.fromkeys(files))
                 if not file.name.startswith(".")]  # fmt: skip
    else:
        found = _looked_at(root, say)
    if not found:
        raise InputError(
            f"{root}: no recording of a known format in this folder or below; say the format with "
            "--format (skelf list formats has them)"
        )
    return found


def _looked_at(root: Path, say: Callable[[str], None]) -> list[Place]:
    """The recordings below a folder by what is in them; a format of many files is one source."""
    found = survey(root)
    whole = [name for name in found.formats if name and SIGNS[name].whole]
    single = {
        (file.file, name)
        for name, files in found.formats.items()
        for file in files
        if name not in whole
    }
    asked = {(file.file, "") for file in found.questions}
    places = [Place(file, name, root) for file, name in sorted(single | asked)]
    if left := found.left_out([*found.formats]):
        say(f"{root}: passed over: {left}")
    return [*(Place(root, name, root) for name in whole), *places]


def _quietly(path: Path) -> str:
    """The format; empty where it is not known, which reading says."""
    try:
        return guess(path)
    except (InputError, OSError):
        return ""
