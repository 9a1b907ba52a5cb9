"""What can be named on the command line, by kind; nothing that has a name is imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..data import normalize_names
from ..data.presets import PRESETS
from ..data.readers import READERS
from ..encoders import ENCODERS
from ..layouts import LAYOUTS
from ..layouts.about import ABOUT, listed
from ..methods import METHODS
from ..protocols import PROTOCOLS
from ..tables import Table

TABLES: dict[str, Table[Callable[..., object]]] = {
    "methods": METHODS,
    "encoders": ENCODERS,
    "protocols": PROTOCOLS,
    "formats": READERS,
}
KINDS = (*TABLES, "layouts", "normalizations", "sets")


def sets(more: Path | None = None) -> list[tuple[str, str]]:
    """The public sets that `skelf data get` loads, and those that are handed out on request."""
    from ..data.download.sets import listed  # not above: it checks lists with pydantic

    public = [
        (name, f"{entry.about}. {entry.licence}. skelf data get {name}")
        for name, entry in listed(more).items()
    ]
    asked = [
        (name, f"{preset.title}, from {preset.where}. {preset.licence}")
        for name, preset in PRESETS.items()
    ]
    return public + asked


def described(kind: str) -> list[tuple[str, str]]:
    """The names of one of `KINDS`, each with a line about it."""
    if kind == "layouts":
        return [
            (name, f"{ABOUT[name]}; {layout.joints} joints: {listed(layout.names)}")
            for name, layout in LAYOUTS.items()
        ]
    if kind == "normalizations":
        return normalize_names.described()
    if kind == "sets":
        return sets()
    lines = [(name, TABLES[kind].first_line(name)) for name in TABLES[kind]]
    if kind == "formats":
        lines.insert(0, ("auto", "Looks at a file or folder, and says what it takes it for."))
        lines.append(("synthetic", "Made-up moving figures, for tests."))
    return lines
