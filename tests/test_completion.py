"""Completion in the shell: names, files where no name fits, and no heavy library on the way."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tiny_runs import ENVIRONMENT

from skelf.data.readers import READERS
from skelf.layouts import LAYOUTS
from skelf.methods import METHODS
from skelf.protocols import PROTOCOLS

CODE = """import atexit, sys
heavy = {"torch", "matplotlib", "sklearn", "lightning", "scipy", "pandas"}
atexit.register(lambda: print(*heavy & set(sys.modules), file=sys.stderr))
from skelf.cli.main import main
main()"""


def completed(environment: dict[str, str]) -> str:
    """What the program prints for the shell to offer."""
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
    )
    assert done.stderr == "\n", done.stderr  # no heavy library
    return done.stdout


def in_bash(line: str) -> list[str]:
    """What bash offers after `line` and TAB."""
    words = f"skelf {line}".split(" ")
    offered = completed(
        {
            "_SKELF_COMPLETE": "complete_bash",
            "COMP_WORDS": f"skelf {line}",
            "COMP_CWORD": str(len(words) - 1),
        }
    )
    return offered.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("pre", ["predict", "pretrain"]),
        (
            "data ",
            [
                "import",
                "template",
                "export",
                "map",
                "clean",
                "check",
                "view",
                "get",
                "join",
                "info",
                "split",
                "shard",
            ],
        ),
        ("pretrain ", list(METHODS)),
        ("pretrain aim", ["aimclr", "aimclr_cross"]),
        ("profile usdrl pc", ["pcm3"]),
        ("eval ", list(PROTOCOLS)),
        ("eval linear,k", ["linear,knn"]),
        ("eval knn,f", ["knn,finetune", "knn,fewshot"]),
        ("eval knn,k", []),  # named already
        ("eval knn --method cro", ["crossclr"]),
        ("data import ", ["auto", *READERS, "synthetic"]),
        ("data import open", ["openpose"]),
        ("data map set.h5 --layout ", list(LAYOUTS)),
        ("data import bvh walk --layout kinect", [n for n in LAYOUTS if n.startswith("kinect")]),
        ("profile usdrl --layout ntu", ["ntu25"]),
        ("list for", ["formats"]),
        ("pretrain nothing", []),  # bash offers files then
    ],
)
def test_bash(line, offered):
    assert in_bash(line) == offered


def test_zsh_and_fish_say_what_a_name_is():
    line = METHODS.first_line("pcm3")
    typed = {"_TYPER_COMPLETE_ARGS": "skelf pretrain pc"}
    zsh = completed(typed | {"_SKELF_COMPLETE": "complete_zsh"})
    assert f'"pcm3":"{line}"' in zsh
    typed["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
    fish = completed(typed | {"_SKELF_COMPLETE": "complete_fish"})
    assert fish.split("\t") == ["pcm3", f"{line}\n"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_can_be_shown(shell):
    """What `--show-completion` prints, once it knows the shell that it was called from."""
    assert "_SKELF_COMPLETE" in completed({"_SKELF_COMPLETE": f"source_{shell}"})


def test_install_writes_to_the_home_folder_only(tmp_path):
    done = subprocess.run(
        ["bash", "--norc", "-c", f"{sys.executable} -m skelf --install-completion; exit $?"],
        env={**ENVIRONMENT, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "_SKELF_COMPLETE" in (tmp_path / ".bash_completions/skelf.sh").read_text()
