"""Imports point down only: reads every import of the package, names the file that breaks it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "skelf"

LAYERS = {
    1: "errors files memory ranges distributed log skeleton layouts streams augment occlude "
    "metrics losses",
    2: "data encoders ensemble arguments config card weights checkpoint state claim schedule "
    "clock compiled trainer engine",
    3: "methods protocols",
    4: "svg player plots embedding report run progress export search build loading scores fusion "
    "starting profile check view api published bench timeline demo cli",
}
STRANGERS = [{"data", "encoders"}, {"methods", "protocols"}]


def layer(module):
    """Layer of `skelf.<module>`; a `cli_x.py` or `demo_x.py` has its stem's."""
    names = {name: number for number, line in LAYERS.items() for name in line.split()}
    found = names.get(module, names.get(module.split("_")[0]))
    assert found, f"skelf/{module}: give it a layer in tests/test_imports.py"
    return found


def imported(source, package):
    """First names below `skelf` that a module of `package` (`("skelf",)` or deeper) imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            paths = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            paths = [[*base, alias.name] for alias in node.names]
        else:
            continue
        for path in paths:
            if path[0] == "skelf" and len(path) > 1 and not path[1].startswith("__"):
                # A capitalised or unknown name comes from skelf/__init__.py, the outermost face.
                is_module = (PACKAGE / path[1]).is_dir() or (PACKAGE / f"{path[1]}.py").is_file()
                yield path[1] if is_module else "api"


def broken(file, source):
    """The rule's breaches in one file, as sentences."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    own = parts[0]
    if own in ("__init__", "__main__"):
        return []
    found = []
    for other in imported(source, ("skelf", *parts[:-1])):
        if layer(other) > layer(own):
            found.append(f"skelf/{'/'.join(parts)}.py imports {other}, a layer above it")
        if {own, other} in STRANGERS:
            found.append(f"skelf/{'/'.join(parts)}.py imports {other}; they don't know each other")
    return found


def test_every_import_points_down():
    files = sorted(PACKAGE.rglob("*.py"))
    assert files
    lines = [line for file in files for line in broken(file, file.read_text("utf-8"))]
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize(
    ("file", "source", "breaks"),
    [
        ("losses/new.py", "from ..data.clips import ClipSet", True),
        ("losses/new.py", "from .decorrelation import covariance", False),
        ("data/new.py", "from ..encoders import ENCODERS", True),
        ("data/new.py", "import skelf.encoders.dste", True),
        ("protocols/new.py", "def f():\n    from skelf.methods import METHODS", True),
        ("protocols/new.py", "from . import features\nfrom ..data import batch", False),
        ("config.py", "from . import api, errors", True),
        ("config.py", "from .errors import InputError\nimport json", False),
        ("encoders/new.py", "from skelf import ClipSet", True),
        ("report.py", "from . import __version__\nfrom .methods import METHODS", False),
    ],
)
def test_the_rule_is_seen_when_it_breaks(file, source, breaks):
    assert bool(broken(PACKAGE / file, source)) == breaks
