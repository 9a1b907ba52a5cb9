"""How the package is laid out, counted: `python -m benchmarks.house [FOLDER ...]`.

One line a folder that holds a `skelf` package's sources, such as another commit's checkout:
files, lines, lines of code, what is seen from the top and in `data/`, import arrows between these,
functions with more than eight parameters, `Any`, `type: ignore`.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

MOST = 8  # parameters


def counted(package: Path) -> dict[str, int]:
    """The figures of one package folder."""
    texts = {file: file.read_text("utf-8") for file in sorted(package.rglob("*.py"))}
    nodes = {file: list(ast.walk(ast.parse(text))) for file, text in texts.items()}
    every = [node for found in nodes.values() for node in found]
    return {
        "files": len(texts),
        "lines": sum(len(text.splitlines()) for text in texts.values()),
        "code": sum(_code(texts[file], nodes[file]) for file in texts),
        "things": _things(package),
        "arrows": len(_arrows(package, nodes, 1)),
        "data things": _things(package / "data"),
        "data arrows": len(_arrows(package, nodes, 2)),
        "over 8 parameters": sum(_parameters(node) > MOST for node in every),
        "Any": sum(isinstance(node, ast.Name) and node.id == "Any" for node in every),
        "type: ignore": sum(text.count("type: ignore") for text in texts.values()),
    }


def _things(folder: Path) -> int:
    return sum(path.name != "__pycache__" for path in folder.iterdir())


def _code(text: str, nodes: list[ast.AST]) -> int:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs: set[int] = set()
    for node in nodes:
        if isinstance(node, documented) and ast.get_docstring(node):
            docs.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(i not in docs and bool(x.strip()) and x.strip()[0] != "#" for i, x in lines)


def _parameters(node: ast.AST) -> int:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return 0
    names = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len(names) - (names[0].arg in ("self", "cls") if names else 0)


def _arrows(package: Path, nodes: dict[Path, list[ast.AST]], depth: int) -> set[tuple[str, ...]]:
    """Imports between places `depth` below the package; of depth 2 those within `data/`."""
    homes = {file: file.relative_to(package).with_suffix("").parts for file in nodes}
    modules = {tuple(p for p in parts if p != "__init__") for parts in homes.values()}
    arrows = set()
    for file, parts in homes.items():
        for node in nodes[file]:
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            base = parts[: len(parts) - node.level]
            base += tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                there = (*base, alias.name) if (*base, alias.name) in modules else base
                ends = tuple(".".join(place[:depth]) for place in (parts, there))
                inside = depth == 1 or (parts[0] == "data" == (*there, "")[0])
                if inside and there in modules and ends[0] != ends[1]:
                    arrows.add(ends)
    return arrows


if __name__ == "__main__":
    for folder in sys.argv[1:] or [str(Path(__file__).parents[1] / "skelf")]:
        figures = ", ".join(f"{name} {value}" for name, value in counted(Path(folder)).items())
        print(f"{folder}: {figures}")
