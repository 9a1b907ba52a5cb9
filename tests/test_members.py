"""Files and members of zips: what is found, and what is refused before it is read."""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_LZMA, ZipFile

import pytest

from skelf.data.formats import members
from skelf.errors import InputError

NAME = "a.skeleton"


def names(path: Path) -> list[str]:
    return [str(m.name) for m in members.find(path, (".skeleton",))]


@pytest.mark.parametrize("packed", [ZIP_BZIP2, ZIP_LZMA])
def test_what_unpacks_without_bounds_is_refused(packed: int, tmp_path: Path) -> None:
    """Python unpacks all that it reads of these, whatever size it is asked for."""
    with ZipFile(tmp_path / "bomb.zip", "w", packed) as archive:
        archive.writestr(NAME, bytes(1 << 22))
    (member,) = members.find(tmp_path, (".skeleton",))
    with pytest.raises(InputError, match=r"bomb\.zip: a\.skeleton: packed otherwise than zips"):
        member.read(100)


def test_folders_of_zips_and_backslashes(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "windows.zip", "w") as archive:
        archive.writestr("folder.skeleton/", b"")
        archive.writestr("set\\deep\\a.skeleton", b"1")
        archive.writestr("set\\empty.skeleton\\", b"")
    (member,) = members.find(tmp_path, (".skeleton",))
    assert member.name.parts == ("set", "deep", NAME) and member.read(10) == b"1"


def test_pipes_are_no_files(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    os.mkfifo(tmp_path / "pipe.skeleton")  # to open it would wait for ever
    (tmp_path / NAME).touch()
    assert names(tmp_path) == [(tmp_path / NAME).as_posix()]
    with pytest.raises(InputError, match="no such file or folder"):
        members.find(tmp_path / "pipe.skeleton", (".skeleton",))


def test_links_are_followed_once(tmp_path: Path) -> None:
    """What one leads to is found; links to nowhere, to themselves and back up end the way."""
    folder, real = tmp_path / "set", tmp_path / "elsewhere"
    folder.mkdir()
    real.mkdir()
    (real / NAME).touch()
    (folder / "below").symlink_to(real)
    (folder / "up").symlink_to(folder)
    (folder / "own.skeleton").symlink_to(folder / "own.skeleton")
    (folder / "gone.skeleton").symlink_to(tmp_path / "gone")
    (folder / "skelf_studio").mkdir()
    (folder / "skelf_studio" / NAME).touch()
    assert names(folder) == [(folder / "below" / NAME).as_posix()]
