"""What all readers have in common: names of options, where frames wait, what they load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pose_files import GOOD

from skelf.data import pool
from skelf.data.clips import ClipSet
from skelf.data.readers import READERS
from skelf.errors import InputError
from skelf.layouts import KINECT20
from skelf.settings.signature import parameters

IN_MEMORY = ("arrays", "pyskl")  # one file, read as a whole


@pytest.mark.parametrize("name", READERS)
def test_options_have_one_name_and_kind(name: str) -> None:
    known = parameters(READERS[name], skip=("path",))
    assert known["layout"][1] is None
    if name not in IN_MEMORY:
        assert known["progress"] == (pool.Progress | None, None)
        assert known["scratch"] == (str | Path | None, None)
    if "workers" in known:
        assert known["workers"] == (int, 1)
    assert not {"labels", "labelled", "classes"} & set(known)  # folders=class says it everywhere


@pytest.mark.parametrize("name", GOOD)
def test_frames_wait_where_they_are_told_to(name: str, tmp_path: Path) -> None:
    format_, write, in_folder = GOOD[name]
    (tmp_path / "data").mkdir()
    file = write(tmp_path / "data")
    path = tmp_path / "data" if in_folder else file
    assert len(READERS[format_](path, scratch=tmp_path))
    with pytest.raises(InputError, match="none: cannot write here"):
        READERS[format_](path, scratch=tmp_path / "none")


def test_parsing_processes_load_neither_torch_nor_pydantic() -> None:
    code = "import sys, skelf.data; print({'torch', 'pydantic', 'typer'} & set(sys.modules))"
    made = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert made.stdout == "set()\n"


def test_texts_that_are_no_unicode_are_stored(tmp_path: Path) -> None:
    """A folder's name may be any bytes; it is the set's source."""
    name = os.fsdecode(b"f\xff")
    clips = ClipSet.build(
        np.ones((2, 1, 20, 3)), [2], KINECT20, attributes={"source": name, "title": "é"}
    )
    clips.save(tmp_path / "a.h5")
    assert ClipSet.open(tmp_path / "a.h5").attributes == {"source": "f?", "title": "é"}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ntu", {"persons": "x"}, "unknown persons 'x': known: energy, file, tracked"),
        ("ntu", {"benchmark": "ntu61"}, "unknown benchmark 'ntu61': did you mean 'ntu60'"),
        ("pkummd", {"part": 3}, "part: 3; use auto, 1, 2"),
        ("pkummd", {"form": "x"}, "form: 'x'; use clips, recordings"),
        ("pkummd", {"bounds": "x"}, "bounds: 'x'; use slice, inclusive"),
    ],
)
def test_choices_are_checked_in_python_too(
    name: str, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        READERS[name](tmp_path, **options)
    assert message in str(error.value)
