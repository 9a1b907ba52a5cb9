"""What a `data.yaml` says of the labels beside it: numbers of a joint, and the classes' names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from . import members
from .members import Member

MOST_BYTES = 1 << 20
UPWARDS = 4  # folders above the labels in which it may lie


class Dataset(NamedTuple):
    """What is read of it.

    Args:
        shape: joints, and numbers of each; None: not said.
        names: class -> name.
        where: the file; empty: there is none.
    """

    shape: tuple[int, int] | None = None
    names: dict[int, str] = {}  # noqa: RUF012 (never changed)
    where: str = ""


def find(path: Path) -> Dataset:
    """The description in a folder, or above it."""
    own = members.find(path, {".yaml", ".yml"}) if path.is_dir() else []
    above = [
        Member(file)
        for folder in path.absolute().parents[:UPWARDS]
        for file in (folder / "data.yaml", folder / "dataset.yaml")
        if file.is_file()
    ]
    for member in (*own, *above):
        text = member.head(MOST_BYTES).decode("utf-8", "replace")
        shape = re.search(r"(?m)^kpt_shape\s*:\s*\[\s*(\d{1,4})\s*,\s*([23])\s*\]", text)
        if shape:
            return Dataset((int(shape[1]), int(shape[2])), _names(text), str(member))
    return Dataset()


def _names(text: str) -> dict[int, str]:
    """Class -> name, of the usual ways to write a list or a table in YAML."""
    match = re.search(r"(?m)^names\s*:[ \t]*(.*(?:\n[ \t]+.*|\n-.*)*)", text)
    if match is None:
        return {}
    body = match[1].partition("#")[0] if "\n" not in match[1] else match[1]
    table = re.findall(r"(\d+)\s*:\s*['\"]?([^,'\"}\n#]+)", body)
    if table:
        return {int(at): name.strip() for at, name in table}
    if body.lstrip().startswith("["):
        words = re.findall(r"['\"]?([^\[\],'\"]+)['\"]?", body)
    else:
        words = re.findall(r"(?m)^\s*-\s*['\"]?([^'\"\n#]+)", body)
    return dict(enumerate(word.strip() for word in words if word.strip()))
