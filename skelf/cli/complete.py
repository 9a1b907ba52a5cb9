"""What a shell offers after TAB: the names of `names.py`, with what they are."""

from __future__ import annotations

from .names import KINDS, described

Offers = list[tuple[str, str]]  # a name, and the line that zsh and fish show beside it


def kinds(incomplete: str) -> list[str]:
    """What `skelf list` lists."""
    return [kind for kind in KINDS if kind.startswith(incomplete)]


def methods(incomplete: str) -> Offers:
    """Names of methods."""
    return _beginning(incomplete, "methods")


def protocols(incomplete: str) -> Offers:
    """Names of protocols; after a comma the next one, of those that are not named yet."""
    before, comma, last = incomplete.rpartition(",")
    return [
        (f"{before}{comma}{name}", line)
        for name, line in _beginning(last, "protocols")
        if name not in before.split(",")
    ]


def formats(incomplete: str) -> Offers:
    """Names of formats that `skelf data import` reads."""
    return _beginning(incomplete, "formats")


def layouts(incomplete: str) -> Offers:
    """Names of the layouts that are built in."""
    return _beginning(incomplete, "layouts")


def sets(incomplete: str) -> Offers:
    """Names of the sets that `skelf data get` loads."""
    return [(name, line) for name, line in _beginning(incomplete, "sets") if "data get" in line]


def _beginning(start: str, kind: str) -> Offers:
    return [(name, line) for name, line in described(kind) if name.startswith(start)]
