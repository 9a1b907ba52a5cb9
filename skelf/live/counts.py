"""What came, what went, and how long an answer took."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np

from ..settings.values import Settings

REMEMBERED = 100_000
"""Latest frames whose latencies are known."""
SAID = {
    "late": "late", "repeated": "repeated", "filled": "missing and filled in",
    "gaps": "gaps too long to fill", "dropped": "dropped since they came too fast",
    "empty": "without anybody", "rubbish": "not readable", "restarts": "restarts of the clock",
    "left": "persons left", "crowded": "persons given up for others",
}  # fmt: skip
"""Counts in words; what is 0 is not mentioned."""


class Counts:
    """Counts and latencies of a session."""

    def __init__(self) -> None:
        self.of: Counter[str] = Counter()
        self.rubbish: Counter[str] = Counter()
        self.seconds: deque[float] = deque(maxlen=REMEMBERED)

    def latency(self) -> tuple[float, float] | None:
        """Median and 99th percentile, in seconds; None before the first frame."""
        if not self.seconds:
            return None
        middle, high = np.quantile(np.array(self.seconds), [0.5, 0.99])
        return float(middle), float(high)

    def as_event(self) -> Settings:
        """The answer to a request for statistics."""
        latency = self.latency()
        return {
            "event": "stats",
            "frames": self.of["frames"],
            "events": self.of["events"],
            **{key: self.of[key] for key in SAID if key != "rubbish"},
            "rubbish": dict(self.rubbish),
            "latency_ms": None
            if latency is None
            else {"median": round(latency[0] * 1e3, 3), "p99": round(latency[1] * 1e3, 3)},
        }

    def said(self) -> str:
        """One line for a person."""
        counted = {**self.of, "rubbish": sum(self.rubbish.values())}
        events = self.of["events"]
        text = f"{self.of['frames']:,} frames, {events:,} event{'' if events == 1 else 's'}"
        for key, what in SAID.items():
            if counted.get(key):
                text += f"; {counted[key]:,} {what}"
        latency = self.latency()
        if latency is not None:
            text += (
                f"; latency {latency[0] * 1e3:.2f} ms (median), {latency[1] * 1e3:.2f} ms (99 %)"
            )
        return text
