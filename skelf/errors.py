"""The error that means "the input is wrong": the command line shows it and exits with 2."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """Bad input; the message names the file or key, the field, and the remedy."""


class Stopped(KeyboardInterrupt):
    """Training ended early, as it was asked to, and its state is saved; like Ctrl-C no failure."""


class LostProcess(RuntimeError):  # noqa: N818
    """Another process of a distributed run has died or stalled; each one that is left says so."""


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that a look-up lacks: the nearest known name, then all of them."""
    known = sorted(known)
    nearest = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return InputError(f"unknown {kind} {name!r}: {hint}known: {', '.join(known)}")
