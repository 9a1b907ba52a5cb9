"""What all readers have in common: names of options, where frames wait, what they load."""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from pose_files import GOOD

from skelf.data.clips import ClipSet
from skelf.data.motion.mocap import Mocap
from skelf.data.motion.poses import Poses
from skelf.data.readers import READERS, reader_options
from skelf.errors import InputError
from skelf.layouts import KINECT20
from skelf.settings.options import flat, from_flat, table, unchecked
from skelf.settings.ranges import Range
from skelf.settings.values import plain, validated

ONE_FILE = {"pyskl": set[str]()}  # what such a reader is told besides


@pytest.mark.parametrize("name", READERS)
def test_options_have_one_name_and_kind(name: str) -> None:
    parameters = inspect.signature(READERS[name]).parameters
    assert parameters["layout"].default is None
    keyword = {key for key, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert keyword == ONE_FILE.get(name, {"progress", "scratch"})
    cls = reader_options(name)
    assert cls is not None
    known = table(cls) if cls else {}
    if "workers" in known:
        assert known["workers"].annotation == Annotated[int, Range(ge=1, le=64)]
        assert known["workers"].default == 1
    assert cls is None or cls.section == name
    # folders=class says it everywhere.
    assert not {"labels", "labelled", "classes"} & set(known)


@pytest.mark.parametrize("name", READERS)
def test_defaults_are_in_their_ranges(name: str) -> None:
    """They are not checked where they stand, so that parsing needs no pydantic."""
    cls = reader_options(name)
    for key, option in (table(cls) if cls else {}).items():
        assert plain(validated(option.annotation, option.default)) == option.default, key


@pytest.mark.parametrize("name", READERS)
def test_options_travel_to_another_process(name: str) -> None:
    cls = reader_options(name)
    if cls:
        how = cls()
        assert pickle.loads(pickle.dumps(how)) == how == from_flat(cls, flat(how))


def test_what_readers_share_has_other_defaults_where_a_format_wants_them() -> None:
    assert reader_options("kinetics")().poses == Poses(missing="keep", threshold=0.0)
    assert reader_options("mediapipe")().poses == Poses(persons=1)
    assert reader_options("bvh")().mocap == Mocap()
    with pytest.raises(TypeError, match="Poses has no field 'person'"):
        unchecked(Poses, person=1)


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
    code = "import sys, skelf.data.readers as r; n = len([*r.READERS.values()]); "
    code += "print(n, {'torch', 'pydantic', 'typer'} & set(sys.modules))"
    made = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert made.stdout == f"{len(READERS)} set()\n"


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
        ("ntu", {"persons": "x"}, "ntu.persons: Input should be 'energy', 'tracked' or 'file'"),
        ("ntu", {"benchmark": "ntu61"}, "ntu.benchmark: Input should be 'auto', 'ntu60' or"),
        ("ntu", {"workers": 65}, "ntu.workers: Input should be less than or equal to 64, got 65"),
        ("pkummd", {"part": 3}, "pkummd.part: Input should be 'auto', 1 or 2, got 3"),
        ("pkummd", {"form": "x"}, "pkummd.form: Input should be 'clips' or 'recordings', got 'x'"),
        ("pkummd", {"bounds": "x"}, "pkummd.bounds: Input should be 'slice' or 'inclusive'"),
    ],
)
def test_choices_are_checked_in_python_too(
    name: str, options: dict[str, Any], message: str
) -> None:
    cls: Any = reader_options(name)
    with pytest.raises(InputError) as error:
        cls(**options)
    assert message in str(error.value)
