"""Segments as Audacity's labels: a line each, start, end and text between tabs; sources D6."""

from __future__ import annotations

from .recordings import Named, label_of


def audacity(named: Named) -> str:
    """The whole file, in seconds."""
    lines = [
        f"{s.start:.6f}\t{s.end:.6f}\t{' '.join(label_of(s).split())}"
        for s in sorted(named.segments, key=lambda s: (s.start, s.end))
    ]
    return "".join(f"{line}\n" for line in lines)
