"""What the shell waits for before a command does something: none of the heavy libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import ENVIRONMENT

import skelf
from benchmarks import startup
from skelf.data.synthetic import clips as synthetic
from skelf.layouts import KINECT20

HEAVY = {"torch", "matplotlib", "sklearn", "lightning", "scipy", "pandas", "safetensors"}
NO_NUMBERS = HEAVY | {"numpy", "h5py", "pydantic"}  # where there is nothing to read


def imported(code: str, *words: str) -> set[str]:
    """The outermost packages that a fresh process has imported after `code`."""
    tell = "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    code = f"import atexit, sys\natexit.register(lambda: {tell})\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    return set(done.stderr.split())


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("startup") / "made.h5"
    synthetic.generate(KINECT20, clips=12).save(path)
    return path


@pytest.mark.parametrize(
    ("command", "absent"),
    [
        ("--help", NO_NUMBERS),
        ("--version", NO_NUMBERS),
        ("data --help", NO_NUMBERS),
        ("pretrain --help", HEAVY),
        ("eval --help", HEAVY),
        ("data import --help", HEAVY),
        ("list methods", HEAVY),
        ("list encoders", HEAVY),
        ("list protocols", HEAVY),
        ("list layouts", HEAVY),
        ("list formats", HEAVY),
        ("list normalizations", HEAVY),
        ("list sets", HEAVY),
        ("data template CSV", HEAVY),
        ("data info STORE", HEAVY),
        ("data info STORE --json", HEAVY),
    ],
)
def test_a_light_command_imports_nothing_heavy(command, absent, store):
    csv = store.with_name("a.csv")
    csv.write_text("hip_x,hip_y\n1,2\n")
    words = command.replace("STORE", str(store)).replace("CSV", str(csv)).split()
    modules = imported("from skelf.cli.main import main\nmain()", *words)
    assert {"skelf", "typer"} <= modules  # else nothing was measured
    assert not modules & absent


def test_import_skelf_imports_next_to_nothing():
    modules = imported("import skelf")
    assert "skelf" in modules
    assert not modules & (NO_NUMBERS | {"typer", "rich", "importlib.metadata"})
    assert "torch" in imported("import skelf\nskelf.load")


@pytest.mark.slow
def test_the_benchmark_measures_old_new_and_floor(tmp_path):
    root = Path(skelf.__file__).parents[1]
    (row,) = startup.measure(root, root, 1, ["skelf data info"])
    assert row.new > 0 and row.old > 0 and 0 < row.floor < row.new + row.old
    assert f"| **{row.ratio:.1f}** |" in startup.table([row], "base")
    with pytest.raises(RuntimeError, match="No module named 'nothing'"):
        startup.processor_seconds(["-c", "import nothing"], startup.environment(root, tmp_path))


def test_the_version_is_that_of_the_installed_package():
    from importlib.metadata import version

    assert skelf.__version__ == version("skelf")
    with pytest.raises(AttributeError, match="no attribute 'vresion'"):
        _ = skelf.vresion
