"""What mypy cannot see has its reason beside it: every `Any`, and every `type: ignore`."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "skelf"
NO_REASON = re.compile(r"# (type: ignore(\[[^]]*\])?|noqa(: \w+)?|fmt: \w+)")


def unexplained(source):
    """Lines of `Any` and of `type: ignore` without a comment of words.

    It stands on the line, by itself on the line above, or above the definition whose signature the
    line belongs to.
    """
    tree, lines = ast.parse(source), source.splitlines()
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    comments = {t.start[0]: t.string for t in tokens if t.type == tokenize.COMMENT}
    reasons = {number for number, text in comments.items() if NO_REASON.sub("", text).strip("# ")}
    alone = {number for number in reasons if lines[number - 1].lstrip().startswith("#")}
    imports, definitions = set(), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.update(range(node.lineno, node.end_lineno + 1))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min(part.lineno for part in (node, *node.decorator_list))
            for part in filter(None, (node.args, node.returns)):
                names = [name for name in ast.walk(part) if isinstance(name, ast.Name)]
                definitions |= {name.lineno: first for name in names}
    for token in tokens:
        number = token.start[0]
        is_any = token.type == tokenize.NAME and token.string == "Any" and number not in imports
        is_ignore = token.type == tokenize.COMMENT and token.string.startswith("# type: ignore")
        above = {number - 1, definitions.get(number, number) - 1}
        if (is_any or is_ignore) and number not in reasons and not above & alone:
            yield number


def test_every_any_has_its_reason():
    lines = [
        f"{path.relative_to(PACKAGE.parent)}:{number}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if re.search(r"\bAny\b|type: ignore", source := path.read_text("utf-8"))
        for number in sorted(set(unexplained(source)))
    ]
    assert not lines, "no reason for Any or type: ignore beside it:\n" + "\n".join(lines)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("from typing import Any\nx: Any = 1", [2]),
        ("x: Any = 1  # from JSON", []),
        ("# From JSON.\nx: Any = 1", []),
        ("# From JSON.\n\nx: Any = 1", [3]),
        ("x = 1  # from JSON\ny: Any = x", [2]),
        ("x: Any = 1  # fmt: skip", [1]),
        ("def f(\n    x: Any,\n    y: Any,\n) -> Any: ...", [2, 3, 4]),
        ("# From JSON.\n@cached\ndef f(\n    x: Any,\n    y: Any,\n) -> Any: ...", []),
        ("# From JSON.\ndef f(x: Any):\n    y = 1\n    z: Any = x", [4]),
        ("f()  # type: ignore", [1]),
        ("f()  # type: ignore[misc, arg-type]", [1]),
        ("f()  # type: ignore[misc]  # torch has no stub", []),
        ("# torch has no stub\nf()  # type: ignore[misc]", []),
        ('"""Any order; Any."""\nname = "Any"', []),
    ],
)
def test_what_counts_as_a_reason(source, lines):
    assert list(unexplained(source)) == lines
