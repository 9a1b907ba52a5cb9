"""README and docs do what they say."""

import csv
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from skelf.cli.main import app
from skelf.data.clips import ClipSet
from skelf.data.readers import READERS
from skelf.encoders import ENCODERS
from skelf.machine.guest import no_trace
from skelf.methods import METHODS
from skelf.protocols import PROTOCOLS
from skelf.settings.run import resolve
from skelf.skeleton import Skeleton

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_readme_tour(tmp_path: Path) -> None:
    """Every console line and Python block of the tour runs, in order, in an empty folder."""
    tour = (ROOT / "README.md").read_text().split("## Five minutes")[1].split("\n## ")[0]
    blocks = re.findall(r"```(console|python)\n(.*?)```", tour, flags=re.S)
    assert {kind for kind, _ in blocks} == {"console", "python"}
    output = ""
    for kind, block in blocks:
        if kind == "python":
            output += run(sys.executable, "-c", block, cwd=tmp_path)
            continue
        for line in block.splitlines():
            assert line.startswith("$ skelf "), line
            output += run(sys.executable, "-m", "skelf", *line.split()[2:], cwd=tmp_path)
    assert "(240, 64)" in output
    rows = json.loads((tmp_path / "trained.json").read_text())
    assert {row["protocol"] for row in rows} == {"linear", "knn", "retrieval"}
    answers, found = (
        list(csv.DictReader((tmp_path / name).open())) for name in ("answers.csv", "found.csv")
    )
    names = ClipSet.open(tmp_path / "new.h5").class_names
    assert len(answers) == 24 and {row["label"] for row in answers} <= set(names)
    assert found and all(float(row["end_s"]) > float(row["start_s"]) for row in found)
    assert "untrained" in (tmp_path / "page.html").read_text(encoding="utf-8")
    for name in ("answers", "found", "hits", "groups/index"):
        assert "<canvas" in (tmp_path / f"{name}.html").read_text(encoding="utf-8"), name


BVH = """HIERARCHY
ROOT Hips
{
 OFFSET 0 0 0
 CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
 JOINT LeftUpLeg
 {
  OFFSET 10 -10 0
  CHANNELS 3 Zrotation Xrotation Yrotation
  JOINT LeftFoot
  {
   OFFSET 0 -80 0
   CHANNELS 0
  }
 }
 JOINT Head
 {
  OFFSET 0 60 0
  CHANNELS 0
 }
}
MOTION
Frames: 40
Frame Time: 0.0333333
"""


def own_files(folder: Path) -> None:
    """Two actions of three people, as CSV with a table of labels, and as BVH."""
    rng = np.random.default_rng(0)
    rows, people = [], ["file,label,subject"]
    for action, turns in (("walk", 1), ("wave", 4)):
        (folder / "motions" / action).mkdir(parents=True)
        for subject in (1, 2, 3):
            for take in "ab":
                name = f"{action}_{subject}{take}"
                swing = np.sin(np.arange(40) * turns / 5 + rng.normal())
                for t, s in enumerate(swing):
                    joints = [[0, 1, 0], [0, 1.7, 0], [0.3 * s, 0.1, 0.2], [0.2, 1.3, 0.4 * s]]
                    cells = [f"{v:.4f}" for v in np.ravel(joints) + rng.normal(0, 0.01, 12)]
                    rows.append(",".join([name, str(t), *cells]))
                people.append(f"{name},{action},P{subject}")
                lines = [f"0 100 0 0 {20 * s:.3f} 0 0 {40 * s:.3f} 0" for s in swing]
                file = folder / "motions" / action / f"S{subject}_{take}.bvh"
                file.write_text(BVH + "\n".join(lines) + "\n")
    names = ("Pelvis", "Head", "LeftFoot", "RightHand")
    header = ["recording", "frame", *(f"{joint}_{axis}" for joint in names for axis in "xyz")]
    (folder / "walks.csv").write_text("\n".join([",".join(header), *rows]) + "\n")
    (folder / "people.csv").write_text("\n".join(people) + "\n")


@pytest.mark.slow
def test_readme_ways_from_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands for a CSV file and for a folder of BVH run, in order, on small files."""
    monkeypatch.chdir(tmp_path)
    own_files(tmp_path)
    ways = (ROOT / "README.md").read_text().split("## From your own files")[1].split("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", ways, flags=re.S)
    for block in blocks:
        assert len(block.splitlines()) == 5
        for line in block.splitlines():
            assert line.startswith("$ skelf "), line
            command, _, out = line.partition(" > ")
            with no_trace():
                done = CliRunner().invoke(app, shlex.split(command)[2:])
            assert done.exit_code == 0, (line, done.output, done.exception)
            if out:
                Path(out).write_text(done.output)
    for name in ("walks", "motions"):
        rows = json.loads((tmp_path / f"{name}.json").read_text())
        assert {row["protocol"] for row in rows} == {"linear", "knn"}
    clips = ClipSet.open("motions.h5")
    assert clips.class_names == ("walk", "wave") and set(clips.subject.tolist()) == {1, 2, 3}
    assert ClipSet.open("walks.h5").digest() != clips.digest() and len(clips) == 12


def test_makefile_has_the_readme_commands() -> None:
    commands = re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), flags=re.M)
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.M)
    assert set(commands) == {"demo", "test"} <= set(targets)
    assert "\nmake test\n" in (ROOT / ".ci/run").read_text()


def test_documented_layout_loads() -> None:
    block = re.search(r"```toml\n(name = .*?)```", (ROOT / "docs/store.md").read_text(), flags=re.S)
    assert block is not None
    assert Skeleton.from_dict(tomllib.loads(block[1])).joints == 4


# Methods with a small recipe in experiments/; all other configs are small as they are shipped.
SMALL = {name: f"{name}_small.toml" for name in ("usdrl", "pcm3", "partwhole")}
CONTRASTIVE = ("skeletonclr", "aimclr", "crossclr", "aimclr_cross")
SMALL |= dict.fromkeys(CONTRASTIVE, "contrastive_small.toml")


@pytest.mark.parametrize(
    "method, small", [*((name, False) for name in METHODS), *((name, True) for name in SMALL)]
)
def test_shipped_configs_resolve(method: str, small: bool) -> None:
    file = ROOT / "experiments" / SMALL[method] if small else None
    config = resolve(method, methods=METHODS, encoders=ENCODERS, protocols=PROTOCOLS, file=file)
    assert config.encoder["name"] in ENCODERS


def test_documented_settings_exist() -> None:
    resolved = resolve("usdrl", methods=METHODS, encoders=ENCODERS, protocols=PROTOCOLS).to_dict()
    table = (ROOT / "docs/usdrl.md").read_text().split("| setting |")[1].split("\n\n")[0]
    names = re.findall(r"`((?:encoder|views|method)\.\w+)`", table)
    assert len(names) > 12
    for name in names:
        section, _, key = name.partition(".")
        assert key in resolved[section], name


@pytest.mark.parametrize("page", sorted(p.relative_to(ROOT).as_posix() for p in DOCUMENTS))
def test_links_resolve(page: str) -> None:
    """Every relative link of README, CONTRIBUTING and docs points to a file."""
    for target in re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text()):
        assert "://" in target or (ROOT / page).parent.joinpath(target).exists(), target


def test_pages_have_a_place_and_a_title_of_their_own() -> None:
    pages = sorted((ROOT / "docs").rglob("*.md"))
    listed = re.findall(r"([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(), flags=re.M)
    assert sorted(listed) == sorted(p.relative_to(ROOT / "docs").as_posix() for p in pages)
    titles = [page.read_text().splitlines()[0] for page in pages]
    assert all(title.startswith("# ") for title in titles)
    assert len(set(titles)) == len(titles)


def test_every_format_has_its_row() -> None:
    """docs/formats.md: a row for each reader, of seven cells, none empty."""
    lines = (ROOT / "docs/formats.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ")][1:]
    cells = [[c.strip() for c in re.split(r"(?<!\\)\|", row.strip("| "))] for row in rows]
    assert all(len(row) == 7 and all(row) for row in cells), [r for r in cells if len(r) != 7]
    named = {name for row in cells for name in re.findall(r"`(\w+)`", row[0])}
    assert set(READERS.built_in) - named == set()
