"""A first look at a file: what its format's signs are looked for in; nothing is read whole."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from zipfile import ZipFile

import numpy as np

from ...errors import InputError
from ..damage import DAMAGED
from .members import Member

HEAD = 1 << 16  # bytes that are looked at
LINES = 60
MOST_JSON = 1 << 28
MOST_HEADERS = 64  # arrays of an .npz whose shapes are read
_KEYS = re.compile(r'"([A-Za-z_]\w*)"\s*:')


@dataclass(frozen=True)
class Look:
    """What of a file is seen without reading it.

    Args:
        member: the file, or a member of a zip.
        head: its first bytes, at most `HEAD`.
    """

    member: Member
    head: bytes

    @classmethod
    def at(cls, member: Member) -> Look:
        """Looks at a file.

        Raises:
            InputError: it cannot be read.
        """
        return cls(member, member.head(HEAD))

    @property
    def name(self) -> PurePosixPath:
        """The file's own path."""
        return self.member.name

    @property
    def suffix(self) -> str:
        """The end of its name, in lower case with the dot."""
        return self.name.suffix.lower()

    @cached_property
    def text(self) -> str:
        """The first part as text; empty where the bytes are none."""
        if self.head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return self.head.decode("utf-16", "replace")
        if b"\0" in self.head:
            return ""
        try:
            return self.head.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            cut = error.start > len(self.head) - 4  # within the last letter
            return self.head.decode("utf-8-sig" if cut else "latin-1", "replace")

    @cached_property
    def lines(self) -> list[str]:
        """The first lines, empty ones too, without their ends; a last one may be cut."""
        return self.text.splitlines()[:LINES]

    @cached_property
    def is_json(self) -> bool:
        """Whether it begins as JSON does."""
        return self.text.lstrip()[:1] in ("[", "{")

    @cached_property
    def keys(self) -> frozenset[str]:
        """Names of fields anywhere in the first part, where it begins as JSON."""
        return frozenset(_KEYS.findall(self.text)) if self.is_json else frozenset()

    @cached_property
    def json(self) -> object:
        """The content, where it is JSON and fits into the first part; else None."""
        if not self.is_json or len(self.head) >= HEAD:
            return None
        try:
            content: object = json.loads(self.text)
        except (ValueError, RecursionError):
            return None
        return content

    @cached_property
    def outermost(self) -> frozenset[str]:
        """Names of the outermost fields of JSON, of a long file too, which is read whole for it."""
        content = self.json
        if self.is_json and len(self.head) >= HEAD:
            try:
                content = json.loads(self.member.read(MOST_JSON))
            except (InputError, ValueError, RecursionError):
                return frozenset()
        return frozenset(content) if isinstance(content, dict) else frozenset()

    @cached_property
    def arrays(self) -> dict[str, tuple[tuple[int, ...], str]]:
        """Name -> shape and kind of number (`f`, `i`, `U`, `O`, ...) of the arrays in an `.npz`.

        The one of an `.npy` is called "". Empty where it is neither.
        """
        if self.member.inside:
            return {}
        try:
            if self.head.startswith(b"\x93NUMPY"):
                with self.member.file.open("rb") as file:
                    return {"": _header(file)}
            if not self.head.startswith(b"PK"):
                return {}
            with ZipFile(self.member.file) as archive:
                names = [name for name in archive.namelist() if name.endswith(".npy")]
                shapes = {}
                for name in names[:MOST_HEADERS]:
                    with archive.open(name) as file:
                        shapes[name.removesuffix(".npy")] = _header(file)
                return shapes
        except DAMAGED:
            return {}

    @cached_property
    def hdf(self) -> frozenset[str]:
        """Names in the outermost group of HDF5; empty where it is none."""
        if self.member.inside or not self.head.startswith(b"\x89HDF\r\n\x1a\n"):
            return frozenset()
        import h5py  # of all that is looked at, HDF5 alone needs it

        try:
            with h5py.File(self.member.file, "r") as file:
                return frozenset(file)
        except DAMAGED:
            return frozenset()

    @cached_property
    def beside(self) -> list[str]:
        """Names of the files in its folder, itself left out; none for a member of a zip."""
        if self.member.inside:
            return []
        folder = self.member.file.parent
        return sorted(f.name for f in folder.iterdir() if f.name != self.member.file.name)


# Any kind of readable file: NumPy's stubs name no type for it.
def _header(file: object) -> tuple[tuple[int, ...], str]:
    version = np.lib.format.read_magic(file)  # type: ignore[arg-type]  # as above
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, _, kind = read(file)  # type: ignore[arg-type]  # as above
    return shape, kind.kind
