"""Methods, encoders, protocols and readers of other packages: a fake one is installed here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import ENVIRONMENT
from typer.testing import CliRunner

from skelf.cli.data import app
from skelf.cli.names import described
from skelf.data.clips import ClipSet
from skelf.data.readers import READERS, reader_options
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.methods import METHODS
from skelf.protocols import PROTOCOLS
from skelf.settings.evaluation import evaluation
from skelf.settings.run import resolve

MODULE = '''
from skelf.data.synthetic.clips import generate
from skelf.encoders.gru import GRU
from skelf.methods.skeletonclr import SkeletonCLR
from skelf.protocols.knn import knn as near
from skelf.settings.options import option, options

class Small(GRU):
    """A small encoder."""

class Mine(SkeletonCLR):
    """A method of ours."""

@options("eval")
class Near:
    """How near is judged."""
    most: int = option(3, "the most", ge=1)

def judge(encoder, train, test, how: Near = Near(), *, seed=0, device="cpu", cache=None):
    """Judges by what is near."""

@options("dots")
class Dots:
    """How dots become clips."""
    clips: int = option(4, "number of clips", ge=1)

def read_dots(path, layout=None, how: Dots = Dots()):
    """Reads dots."""
    return generate(clips=how.clips)
'''
POINTS = """
[skelf.methods]
mine = skelf_extra:Mine
usdrl = skelf_extra:Mine
broken = skelf_extra_that_is_not_there:Mine
[skelf.encoders]
small = skelf_extra:Small
[skelf.protocols]
judge = skelf_extra:judge
[skelf.readers]
dots = skelf_extra:read_dots
lost = skelf_extra:read_nothing
"""
CONFIG = '[encoder]\nname = "small"\ndim = 24\n[train]\nepochs = 7\n'


def install(folder: Path, name: str = "skelf-extra", points: str = POINTS) -> None:
    info = folder / f"{name.replace('-', '_')}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(points)


@pytest.fixture
def extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    site = tmp_path / "site"
    install(site)
    (site / "skelf_extra.py").write_text(MODULE)
    (site / "mine.toml").write_text(CONFIG)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "skelf_extra", raising=False)
    return site


def test_names_and_where_they_come_from_without_an_import(extra: Path) -> None:
    for kind, name in (
        ("methods", "mine"), ("encoders", "small"), ("protocols", "judge"), ("formats", "dots"),
        ("methods", "broken"),
    ):  # fmt: skip
        lines = dict(described(kind))
        assert lines[name].startswith("Of the package skelf-extra 1.2 (skelf_extra")
    assert "skelf_extra" not in sys.modules
    assert "mine" in METHODS and "nothing" not in METHODS
    assert len(METHODS) == len(METHODS.built_in) + 2 and "mine" not in METHODS.built_in


def test_a_method_with_its_settings_and_an_encoder(extra: Path) -> None:
    config = resolve("mine", methods=METHODS, encoders=ENCODERS, protocols=PROTOCOLS)
    assert config.encoder["name"] == "small" and config.encoder["dim"] == 24
    assert config.train.epochs == 7
    assert METHODS["mine"].__name__ == "Mine" and ENCODERS["small"].__name__ == "Small"


def test_a_protocol_with_its_options(extra: Path) -> None:
    options = evaluation({"judge": PROTOCOLS["judge"]}, overrides=["eval.judge.most=5"])
    assert options["judge"].most == 5


def test_a_reader_with_its_options(extra: Path, tmp_path: Path) -> None:
    assert reader_options("dots").__name__ == "Dots"
    words = ["import", "dots", str(tmp_path), "--out", str(tmp_path / "a.h5"), "clips=6"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.exception
    assert len(ClipSet.open(tmp_path / "a.h5")) == 6


def test_a_built_in_name_wins(extra: Path) -> None:
    assert METHODS["usdrl"].__module__ == "skelf.methods.usdrl"
    assert list(METHODS).count("usdrl") == 1 and len(METHODS) == len(list(METHODS))


@pytest.mark.parametrize(
    ("name", "why"),
    [("broken", "skelf_extra_that_is_not_there"), ("dots", "boom"), ("lost", "read_nothing")],
)
def test_a_broken_one_is_one_clear_line(name: str, why: str, extra: Path) -> None:
    if name == "dots":
        (extra / "skelf_extra.py").write_text("raise RuntimeError('boom\\nand more')")
    table = METHODS if name == "broken" else READERS
    with pytest.raises(InputError) as caught:
        table[name]
    said = str(caught.value)
    assert "from the package skelf-extra 1.2, cannot be imported" in said and why in said
    assert "\n" not in said and said.endswith("update or uninstall it")
    assert "mine" in METHODS and METHODS["usdrl"]  # the others go on


def test_two_packages_of_one_name(extra: Path) -> None:
    install(extra, "other", "[skelf.methods]\nmine = other.module:Mine\n")
    with pytest.raises(
        InputError, match=r"'mine' of skelf\.methods is of several packages: .*other"
    ):
        METHODS["mine"]


def test_nothing_is_looked_for_where_a_built_in_name_is_asked() -> None:
    code = (
        "import sys\n"
        "from skelf.methods import METHODS\n"
        "from skelf.data.readers import READERS\n"
        "assert 'usdrl' in METHODS and 'csv' in READERS and METHODS.first_line('usdrl')\n"
        "print('importlib.metadata' in sys.modules, 'skelf.plugins' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.stdout.split()[-1:] == ["False"], done.stdout + done.stderr
