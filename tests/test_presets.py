from __future__ import annotations

from pathlib import Path

import pytest

from skelf.data import presets, reading
from skelf.data.readers.ntu import NTU
from skelf.data.readers.pkummd import PKUMMD
from skelf.data.readers.precog import Precog
from skelf.data.synthetic import clips as synthetic
from skelf.errors import InputError
from skelf.layouts import NTU25
from skelf.opening import opened


def test_a_path_stays_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert presets.located("nw.h5") == Path("nw.h5") == presets.located(Path("nw.h5"))
    assert presets.located(tmp_path / "ntu60") == tmp_path / "ntu60"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ntu60").touch()
    assert presets.located("ntu60") == Path("ntu60")


def test_a_name_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKELF_DATA", str(tmp_path))
    synthetic.generate(NTU25, clips=12).save(tmp_path / "ntu60.h5")
    assert presets.located("ntu60") == tmp_path / "ntu60.h5" == presets.located(Path("ntu60"))
    clips = opened("ntu60")
    assert len(clips) == 12 and clips.path == tmp_path / "ntu60.h5"


@pytest.mark.parametrize("name", presets.PRESETS)
def test_absent_sets_say_where_they_come_from(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = presets.PRESETS[name]
    for folder in ("", str(tmp_path)):
        monkeypatch.setenv("SKELF_DATA", folder)
        with pytest.raises(InputError) as error:
            opened(name)
        text = str(error.value)
        for part in (preset.title, preset.licence, preset.where, f"{name}.h5"):
            assert part in text
        assert ("SKELF_DATA is not set" in text) == (not folder) and "\n" not in text
        command = text.split("skelf data import ")[1].split(" --out ")
        format_, _, *words = command[0].split()
        (how,) = reading.reader_arguments(format_, words)
        assert how.workers >= 1 and len(words) == 1


def test_options_are_checked_against_the_reader() -> None:
    assert reading.reader_arguments("ntu", ["persons=file", "ntu.workers=3"]) == (
        NTU(persons="file", workers=3),
    )
    assert reading.reader_arguments("pkummd", ["part=2", "workers=1"]) == (PKUMMD(part=2),)
    assert (
        reading.reader_arguments("kinetics", ["persons=1", "workers=1"])[0].poses.missing == "keep"
    )
    assert reading.reader_arguments("precog", []) == (Precog(),)
    with pytest.raises(InputError, match=r"did you mean 'ntu\.persons'"):
        reading.reader_arguments("ntu", ["person=file"])
    with pytest.raises(InputError, match=r"ntu\.persons: Input should be 'energy', 'tracked' or"):
        reading.reader_arguments("ntu", ["persons=all"])
    for word in ("scratch=x", "progress=1", "layout=ntu25"):  # the command's own
        with pytest.raises(InputError, match=r"unknown key 'ntu\."):
            reading.reader_arguments("ntu", [word])
    with pytest.raises(InputError, match="the format synthetic has no options"):
        reading.reader_arguments("synthetic", ["persons=file"])
    with pytest.raises(InputError, match=r"'persons': write KEY=VALUE; ntu has benchmark, persons"):
        reading.reader_arguments("ntu", ["persons"])
