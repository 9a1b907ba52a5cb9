"""README, docs and the experiment script do what they say."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from skelf.config import resolve
from skelf.encoders import ENCODERS
from skelf.methods import METHODS
from skelf.protocols import PROTOCOLS
from skelf.skeleton import Skeleton

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


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
    assert {row["protocol"] for row in rows} == set(PROTOCOLS)


def test_makefile_has_the_readme_commands() -> None:
    commands = re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), flags=re.M)
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.M)
    assert set(commands) == {"demo", "test"} <= set(targets)
    assert "\nmake test\n" in (ROOT / ".ci/run").read_text()


def test_documented_layout_loads() -> None:
    block = re.search(r"```toml\n(name = .*?)```", (ROOT / "docs/store.md").read_text(), flags=re.S)
    assert block is not None
    assert Skeleton.from_dict(tomllib.loads(block[1])).joints == 4


@pytest.mark.parametrize("file", [None, ROOT / "experiments/usdrl_small.toml"])
@pytest.mark.parametrize("method", METHODS)
def test_shipped_configs_resolve(method: str, file: Path | None) -> None:
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


def test_experiment_tables(tmp_path: Path) -> None:
    """One cell a table, on a tiny synthetic store; a second call reads what the first one wrote."""
    skelf = (sys.executable, "-m", "skelf", "data", "import", "synthetic")
    run(*skelf, "--out", "tiny.h5", "--clips", "48", cwd=tmp_path)
    config = (ROOT / "experiments/usdrl_small.toml").read_text()
    for old, new in (("dim = 128", "dim = 16"), ("frames = 32", "frames = 8")):
        config = config.replace(old, new)
    config = re.sub(r"epochs = 10", "epochs = 2", config)
    (tmp_path / "tiny.toml").write_text(config)
    script = str(ROOT / "experiments/usdrl_small.py")
    shared = ("--data", "tiny.h5", "--config", "tiny.toml", "--seeds", "1", "--workers", "1")
    command = (sys.executable, script, "main", *shared, "--streams", "bone", "--encoders", "sttr")
    first = run(*command, cwd=tmp_path)
    assert "| sttr bone | usdrl |" in first and "| sttr bone | untrained |" in first
    results = tmp_path / "runs/tiny/xview/sttr_bone_seed0/results.json"
    before = results.stat().st_mtime_ns
    assert run(*command, cwd=tmp_path) == first
    assert results.stat().st_mtime_ns == before


@pytest.mark.parametrize("page", sorted(p.relative_to(ROOT).as_posix() for p in DOCUMENTS))
def test_links_resolve(page: str) -> None:
    """Every relative link of README, CONTRIBUTING and docs points to a file."""
    for target in re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text()):
        assert "://" in target or (ROOT / page).parent.joinpath(target).exists(), target
