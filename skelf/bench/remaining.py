"""How long a benchmark still takes, from what its cells have taken so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean


def time_left(
    took: Mapping[str, Sequence[float]],
    running: Iterable[tuple[str, float, float]],
    waiting: Mapping[str, int],
    workers: int = 1,
) -> float | None:
    """Seconds until all cells are done; None while nothing tells how long a kind of cell takes.

    Args:
        took: kind of cell -> seconds of those that are done.
        running: kind, seconds so far, and the share that is done (0 where it is not known).
        waiting: kind -> how many have not begun.
        workers: how many run side by side.

    Examples:
        >>> time_left({"pretrain": [100.0, 120.0]}, [("pretrain", 55.0, 0.5)], {"pretrain": 2})
        275.0
        >>> time_left({}, [("pretrain", 30.0, 0.25)], {"pretrain": 1})  # the first tells it
        210.0
        >>> time_left({}, [("pretrain", 30.0, 0.25)], {"judge": 1}) is None
        True
    """
    usual = {kind: mean(seconds) for kind, seconds in took.items() if seconds}
    rest = 0.0
    for kind, seconds, share in running:
        if share > 0:
            usual.setdefault(kind, seconds / share)
            rest += seconds * (1 - share) / share
        elif kind in usual:
            rest += max(usual[kind] - seconds, 0.0)
        else:
            return None
    if any(count and kind not in usual for kind, count in waiting.items()):
        return None
    return (rest + sum(count * usual[kind] for kind, count in waiting.items() if count)) / workers


def in_words(seconds: float | None) -> str:
    """`about 5 min`, as a person wants it.

    Examples:
        >>> [in_words(seconds) for seconds in (None, 20, 400, 9000, 200000)]
        ['unknown', 'under 1 min', 'about 7 min', 'about 2.5 h', 'about 2.3 days']
    """
    if seconds is None:
        return "unknown"
    if seconds < 50:
        return "under 1 min"
    if seconds < 90 * 60:
        return f"about {max(round(seconds / 60), 1)} min"
    hours = seconds / 3600
    return f"about {hours:.1f} h" if hours < 36 else f"about {hours / 24:.1f} days"
