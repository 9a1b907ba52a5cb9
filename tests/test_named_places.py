"""Files, modules and functions that docs and docstrings name are there, so that a move is seen."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("skelf", "tests", "benchmarks", "experiments", "examples")
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
SCRIPTS = [file for folder in CODE for file in sorted((ROOT / folder).rglob("*.py"))]
# It names files of other repositories, and the history names what is gone.
OTHERS = {"docs/sources.md", "CHANGELOG.md"}
FILES = [file for file in [*PAGES, *SCRIPTS] if file.relative_to(ROOT).as_posix() not in OTHERS]

DOTTED = re.compile(r"(?<![\w./@-])skelf((?:\.[A-Za-z_]\w*)+)")
MEMBERS = re.compile(r"from (skelf(?:\.[\w.]+)?) import (\w+)")
PATH = re.compile(rf"(?<![\w/.])((?:{'|'.join(CODE)}|docs)/[\w/.-]+\.(?:py|toml|md|csv))\b")
SCRIPT = re.compile(r"`((?:\w+/)*\w+\.py)`")
MEMBER = re.compile(r"`(?:\w+\.)*([a-z_]+)\.([A-Za-z_]\w*)(?:\([^`]*\))?`")
SECTIONS = {  # of keys and metrics
    *("clean", "data", "encoder", "eval", "export", "fit", "map", "method", "train", "views"),
}
# What a test wants to be missing, half a name, places of the commit that `benchmarks.same` runs.
ON_PURPOSE = {
    *("skelf.fit", "skelf.methods._", "skelf.vresion", "skelf.__file__"),
    *("skelf.readers", "skelf.listings"),  # groups of entry points
    *("skelf.checkpoint", "skelf.build", "skelf.config"),
    # Where early commits had them, which benchmarks run as well.
    *("skelf.memory", "skelf.memory.keep_freed", "skelf.data.synthetic.generate"),
}
# The metadata of exported files, which docs/export.md lists.
_METADATA = {
    *("format", "version", "kind", "rows", "class_names", "joints", "parents", "layout"),
    *("channels", "confidence", "persons", "frames", "stream", "normalize", "fps", "unit", "up"),
    *("size", "temperature", "unknown_below", "windows"),
}
ON_PURPOSE |= {f"skelf.{key}" for key in _METADATA}
KINDS = {
    "npy",
    "pkl",
    "py",
    "toml",
    "json",
    "jsonl",
    "csv",
    "html",
    "h5",
    "npz",
    "md",
    "parquet",
    "safetensors",
}


@cache
def defined(file: Path) -> frozenset[str]:
    """What a module defines or imports at its top, with the members of its classes."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name | ast.arg | ast.alias | ast.Attribute):
            words = [getattr(node, key, None) for key in ("id", "arg", "asname", "name", "attr")]
            names.update(word for word in words if isinstance(word, str))
    return frozenset(names)


MODULES: dict[str, list[Path]] = {}
for script in sorted((ROOT / "skelf").rglob("*.py")):
    MODULES.setdefault(script.stem, []).append(script)


def dotted_place(words: list[str]) -> bool:
    """Whether `skelf.a.b.c` is a module, or names something in one."""
    place = ROOT / "skelf"
    for number, word in enumerate(words):
        if (place / word).is_dir():
            place = place / word
            continue
        file = place / f"{word}.py"
        rest = words[number + 1 :]
        if not file.exists():
            file, rest = place / "__init__.py", words[number:]
        return not rest or rest[0] in defined(file)
    return True


def lost(text: str) -> list[str]:
    """What the text names that is not there."""
    dotted = [f"skelf{path}" for path in DOTTED.findall(text)]
    dotted += [f"{module}.{name}" for module, name in MEMBERS.findall(text)]
    gone = [path for path in dotted if not dotted_place(path.split(".")[1:])]
    gone = [path for path in gone if path not in ON_PURPOSE]
    gone += [path for path in PATH.findall(text) if not (ROOT / path).exists()]
    for paragraph in re.split(r"\n\s*\n", text):
        if "github.com/" in paragraph:  # files of other people
            continue
        for path in SCRIPT.findall(paragraph):
            if not any(file.as_posix().endswith(f"/{path}") for file in SCRIPTS):
                gone.append(path)
    for module, name in MEMBER.findall(text):
        files = [] if module in SECTIONS else MODULES.get(module, [])
        if files and name not in KINDS and not any(name in defined(file) for file in files):
            gone.append(f"{module}.{name}")
    return gone


# What other programs' repositories hold is named there by their paths.
FOREIGN = (ROOT / "docs" / "formats.md",)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_named_places_exist(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert file in (Path(__file__), *FOREIGN) or not lost(text), lost(text)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("`skelf.settings.run.resolve` and `skelf.load`", False),
        ("from skelf.config import resolve", True),
        ("from skelf import profile_step", True),
        ("`skelf/augment/basic.py`", False),
        ("`skelf/augment.py`", True),
        ("see `loop.fit` and `training.loop.fit`", False),
        ("see `engine.py`", True),
        ("see `loop.run_all`", True),
        ("`config.json`, `log.jsonl` and `encoder.dim`", False),
        ("github.com/a/b, `model/net.py`", False),
    ],
)
def test_a_lost_place_is_seen(text: str, missing: bool) -> None:
    assert bool(lost(text)) == missing
