"""Imports point down only and in no circle: reads every import, names the file that breaks it."""

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "skelf"

# A room is a folder of `skelf/` or a file beside them; a file deeper down has its room's layer.
LAYERS = {
    1: "errors files folders joints locks machine outputs skeleton layouts streams "
    "contracts tables plugins settings cluster augment losses metrics",
    2: "data encoders checkpoints",
    3: "methods protocols training runs",
    4: "results inference search discover live export opening pretraining judging api",
    5: "pages report bench profiling studio demo cli",
}
LAYER = {room: number for number, rooms in LAYERS.items() for room in rooms.split()}
CONTRACTS = "skelf.contracts"  # for a type checker it names what stands above it
STRANGERS = [{"data", "encoders"}, {"methods", "protocols"}]
FACES = ("skelf", "skelf.__main__")  # the package itself may name anything


@cache
def modules():
    """Dotted name -> source, of every module of the package."""
    named = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = ("skelf", *file.relative_to(PACKAGE).with_suffix("").parts)
        is_folder = parts[-1] == "__init__"
        named[".".join(parts[:-1] if is_folder else parts)] = (file.read_text("utf-8"), is_folder)
    return named


@cache
def imported(name, source, is_folder):
    """The modules of the package that a module imports, functions included, annotations not."""
    return tuple(_imported(name, source, is_folder))


def _imported(name, source, is_folder):
    known = modules()
    home = name.split(".") if is_folder else name.split(".")[:-1]
    tree = ast.parse(source)
    for_types = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.dump(branch.test)
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = home[: len(home) - node.level + 1] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else [])]
            paths = [".".join([*base, alias.name]) for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Table":
            paths = [f"{folder}.{entry}" for folder, entry in table_entries(node, home)]
        else:
            continue
        for path in paths:
            target = path if path in known else path.rpartition(".")[0]
            if target.split(".")[0] == "skelf" and target != name:
                yield target, id(node) in for_types


def table_entries(call, home):
    """The folder and `module.attribute` of every entry of a look-up table (`skelf/tables.py`)."""
    for folder, entries in zip(call.args[:1], call.args[1:], strict=False):
        if isinstance(entries, ast.Dict):  # rich's tables have no dict
            here = ".".join(home) if isinstance(folder, ast.Name) else folder.value
            yield from ((here, entry.value) for entry in entries.values)


def room(name):
    """The room of a dotted name; None for the package's own face."""
    if name in FACES:
        return None
    first = name.split(".")[1]
    assert first in LAYER, f"skelf/{first}: give it a layer in tests/test_imports.py"
    return first


def breaches(name, source, is_folder):
    """The rule's breaches in one module, as sentences."""
    found, own = [], room(name)
    for target, for_types in imported(name, source, is_folder):
        # A capitalised name or a function of `skelf/__init__.py` comes from its outermost face.
        other = "api" if target == "skelf" and "__version__" not in source else room(target)
        if own is None or other is None:
            continue
        if name == CONTRACTS and for_types:
            continue
        if LAYER[other] > LAYER[own]:
            found.append(f"{name} imports {target}, a layer above it")
        if {own, other} in STRANGERS:
            found.append(f"{name} imports {target}; they don't know each other")
        may = name == "skelf.methods" or name.endswith("_official") or "methods._" in target
        if own == "methods" == other and not may:
            found.append(f"{name} imports {target}: no method imports another")
    return found


def circles(arrows):
    """Groups of names that reach each other."""
    index, low, stack, groups = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(arrows.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                groups.append(sorted(group))

    for node in sorted(arrows):
        if node not in index:
            visit(node)
    return groups


def arrows_between(place):
    """place(name) -> the places that it imports, of all modules, imports in functions included."""
    arrows = {}
    for name, (source, is_folder) in modules().items():
        for target, for_types in imported(name, source, is_folder):
            here, there = place(name), place(target)
            if not for_types and None not in (here, there) and here != there:
                arrows.setdefault(here, set()).add(there)
    return arrows


def test_every_import_points_down():
    known = modules()
    assert len(known) > 100
    lines = [line for name, (source, f) in known.items() for line in breaches(name, source, f)]
    assert not lines, "\n".join(lines)


def test_no_module_imports_itself_by_others():
    assert circles(arrows_between(lambda name: name)) == []


def test_no_folder_imports_itself_by_others():
    assert circles(arrows_between(room)) == []
    inner = lambda name: ".".join(name.split(".")[:3]) if name.startswith("skelf.data.") else None  # noqa: E731
    assert circles(arrows_between(inner)) == []


@pytest.mark.parametrize(
    ("name", "source", "breaks"),
    [
        ("losses.new", "from ..data.clips import ClipSet", True),
        ("losses.new", "from .decorrelation import covariance", False),
        ("data.new", "from ..encoders import ENCODERS", True),
        ("data.new", "import skelf.encoders.dste", True),
        ("protocols.new", "def f():\n    from skelf.methods import METHODS", True),
        ("protocols.new", "from . import features\nfrom ..data import batch", False),
        ("data.readers.new", "from ...cli import main", True),
        ("methods.new", "from .usdrl import USDRL", True),
        ("methods.new", "from ._momentum import KeyEncoder", False),
        ("methods.new", "from . import usdrl", True),
        ("methods._new", "from .usdrl import USDRL", True),
        ("methods.new_official", "from .usdrl import USDRL", False),
        ("contracts", "if TYPE_CHECKING:\n    from .data.clips import ClipSet", False),
        ("contracts", "from .data.clips import ClipSet", True),
        ("losses.new", "if TYPE_CHECKING:\n    from ..data.clips import ClipSet", True),
        ("settings.new", "from .. import api, errors", True),
        ("settings.new", "from ..errors import InputError\nimport json", False),
        ("encoders.new", "from skelf import ClipSet", True),
        ("data.new", 'T = Table("skelf.encoders", {"dste": "dste.DSTE"})', True),
        ("methods.new", 'T = Table(__name__, {"pcm3": "pcm3.PCM3"})', True),
        ("encoders.new", 'T = Table(__name__, {"dste": "dste.DSTE"})', False),
        ("report.new", "from .. import __version__\nfrom ..methods import METHODS", False),
    ],
)
def test_the_rule_is_seen_when_it_breaks(name, source, breaks):
    assert bool(breaches(f"skelf.{name}", source, False)) == breaks


def test_a_circle_is_seen():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c"]]
    assert circles({"a": {"b"}, "b": {"c"}}) == []
